"""Codes of products: the SKU, or where a variant has none the name that all exports give it."""

import hashlib

from ingest.shopify.rows import Row

NO_SKU = ("", "-", "n/a")
CODE_MAX, HASH_LETTERS = 100, 8


def code_of(sku: str | None, name: str) -> str:
    """Return the code of a product: its SKU, or where it has none the name that all exports give it.

    The apostrophe with which spreadsheets keep leading zeros is no part of a SKU.
    """
    bare = (sku or "").strip().removeprefix("'").strip()
    if bare.casefold() not in NO_SKU:
        return bare
    return short(" ".join(name.split()))


def short(text: str) -> str:
    """Return a text that is at most as long as a code may be, and still its own."""
    if len(text) <= CODE_MAX:
        return text
    end = hashlib.sha256(text.encode()).hexdigest()[:HASH_LETTERS]
    return f"{text[: CODE_MAX - HASH_LETTERS - 1]}~{end}"


def has_sku(sku: str | None) -> bool:
    """Return True if a cell names a SKU."""
    return (sku or "").strip().removeprefix("'").strip().casefold() not in NO_SKU


def variant_name(row: Row) -> str:
    """Return a variant's name as orders give it: title, then its options."""
    options = [row.text(f"option{n} value") for n in (1, 2, 3)]
    said = [option for option in options if option and option != "Default Title"]
    title = row.text("title") or row.text("handle") or ""
    return f"{title} - {' / '.join(said)}" if said else title
