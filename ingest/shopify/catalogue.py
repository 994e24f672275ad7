"""Shopify's products export: a product for each variant, its vendor and cost as terms, and which are gift cards."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from ingest.ledger.dimensions import ProductIn
from ingest.shopify.codes import code_of, has_sku, short, variant_name
from ingest.shopify.headers import OPTIONS
from ingest.shopify.rows import BadCell, Export, LeftOut, Refused, Row

LABEL_MAX = 200
# What stands on a product's first row alone.
OF_PRODUCT = ("title", "vendor", "type", "product category", "status", "gift card")


class Offer(NamedTuple):
    """Who sells a product, at what cost where that is known."""

    supplier: str
    product: str
    cost: Decimal | None
    currency: str | None


@dataclass
class Catalogue:
    """Products by code. twice: codes that several variants have, with their names."""

    products: dict[str, ProductIn] = field(default_factory=dict)
    offers: dict[tuple[str, str], Offer] = field(default_factory=dict)
    gift_cards: set[str] = field(default_factory=set)
    twice: dict[str, list[str]] = field(default_factory=dict)
    without_sku: set[str] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)
    left_out: Counter[LeftOut] = field(default_factory=Counter)


def read_catalogue(exports: Sequence[Export], currency: str | None) -> Catalogue:
    """Read products exports. currency: of their prices, which they do not name."""
    found = Catalogue()
    for export in exports:
        seen: defaultdict[str, list[str]] = defaultdict(list)
        for row in _filled(export.rows):
            if not _is_variant(row):
                found.left_out[row.file, "a picture"] += 1
                continue
            try:
                _add(found, seen, row, currency)
            except BadCell as bad:
                found.refused.append(Refused(row.raw, bad.fault))
        found.twice |= {code: names for code, names in seen.items() if len(names) > 1}
    return found


def _filled(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield rows with what stands on the first row of their product."""
    first: dict[str, str] = {}
    handle: str | None = None
    for row in rows:
        if row.text("handle") != handle:
            handle = row.text("handle")
            first = {name: row.cells[name] for name in OF_PRODUCT if name in row.cells}
        yield Row(row.file, row.number, row.line, {**first, **row.cells})


def _is_variant(row: Row) -> bool:
    """Return True unless a row only adds a picture to a product."""
    return any(row.text(name) for name in ("sku", "price", *OPTIONS))


def _add(
    found: Catalogue, seen: defaultdict[str, list[str]], row: Row, currency: str | None
) -> None:
    """Add a variant; of several with one code the first counts, of several exports the last."""
    name = variant_name(row)
    code = code_of(row.text("sku"), name)
    if not code:
        raise row.bad("missing_field", "title", "a product with neither a SKU nor a title.")
    price = row.number_in("price", Decimal(0)) if row.text("price") else None
    cost = row.number_in("cost per item", Decimal(0)) if row.text("cost per item") else None
    if row.is_true("gift card"):
        found.gift_cards.add(code)
        return
    if not has_sku(row.text("sku")):
        found.without_sku.add(code)
    seen[code].append(name)
    if len(seen[code]) > 1:
        return
    path = [part.strip() for part in (row.text("product category") or "").split(">")]
    found.products[code] = ProductIn(
        code,
        name=name[:LABEL_MAX] or None,
        department=path[0][:LABEL_MAX] or None,
        category=(row.text("type") or path[-1])[:LABEL_MAX] or None,
        price=None if price is None else f"{price:f}",
        currency=None if price is None else currency,
        attributes={"vendor": row.text("vendor")} if row.text("vendor") else None,
    )
    if vendor := row.text("vendor"):
        supplier = short(vendor)
        found.offers[supplier, code] = Offer(supplier, code, cost, currency)
