"""Which export a file is: told by its header, in the older and the newer spelling of each column."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.files.delimited_rows import DelimitedRows
from ingest.files.source_file import open_source
from ingest.files.survey import data_suffix
from stocktide.foundation.errors import Invalid

ORDERS, PRODUCTS, INVENTORY = "Shopify orders", "Shopify products", "Shopify inventory"
PURCHASES, SUPPLIERS = "Stocky purchase orders", "Stocky suppliers"
TEXT = (".csv", ".tsv")
OPTIONS = tuple(f"option{n} value" for n in (1, 2, 3))


@dataclass(frozen=True)
class Layout:
    """What an export looks like.

    columns: our name of each column that is read, with its spellings, as `plain` writes them. needed: without these
    nothing can be read. telling: no other export has them all.
    """

    kind: str
    columns: Mapping[str, tuple[str, ...]]
    needed: Collection[str]
    telling: Collection[str]

    def places(self, names: list[str]) -> dict[str, int]:
        """Return where each of our columns stands in a header."""
        plain_names = [plain(name) for name in names]
        found = {
            ours: next((plain_names.index(name) for name in spelt if name in plain_names), None)
            for ours, spelt in self.columns.items()
        }
        return {ours: place for ours, place in found.items() if place is not None}


def _same(*names: str) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names}


# Shopify writes an order's own columns on its first row alone.
LAYOUTS = (
    Layout(
        ORDERS,
        {
            **_same("name", "email", "phone", "financial status", "currency", "subtotal", "shipping", "taxes",
                    "total", "discount amount", "created at", "refunded amount", "location", "id", "source",
                    "duties", "lineitem quantity", "lineitem name", "lineitem price", "lineitem sku",
                    "lineitem requires shipping", "lineitem discount"),
            "cancelled at": ("cancelled at", "canceled at"),
        },
        ("name", "created at", "currency", "subtotal", "lineitem quantity", "lineitem name", "lineitem price"),
        ("lineitem quantity", "lineitem name"),
    ),
    Layout(
        INVENTORY,
        {
            **_same("title", "sku", "location", "unavailable", "committed", "available", *OPTIONS),
            "on hand": ("on hand (current)", "on hand"),
            "handle": ("handle", "url handle"),
            "hs code": ("hs code",),
            "coo": ("coo", "country of origin"),
        },
        ("title", "sku"),
        ("title", "sku", "hs code", "coo"),
    ),
    Layout(
        PRODUCTS,
        {
            **_same("title", "vendor", "type", "status", "gift card", "cost per item", *OPTIONS),
            "handle": ("handle", "url handle"),
            "sku": ("variant sku", "sku"),
            "price": ("variant price", "price"),
            "product category": ("product category", "standardized product type"),
        },
        ("handle", "title", "sku", "price"),
        ("handle", "title", "price"),
    ),
    Layout(
        PURCHASES,
        {
            "number": ("po number", "po #", "purchase order", "purchase order number", "order number", "po"),
            "supplier": ("supplier", "supplier name", "vendor", "vendor name"),
            "sku": ("sku", "variant sku", "product sku"),
            "product": ("product", "product title", "product name", "title"),
            "quantity": ("quantity", "quantity ordered", "ordered quantity", "ordered", "qty ordered", "qty"),
            "received": ("quantity received", "received quantity", "received", "qty received", "received qty"),
            "cost": ("cost", "cost price", "unit cost", "cost per item"),
            "currency": ("currency", "currency code"),
            "status": ("status", "po status"),
            "ordered at": ("ordered at", "date ordered", "order date", "ordered on", "created at", "date", "po date"),
            "expected on": ("expected on", "expected at", "expected date", "expected arrival", "ship date", "due at",
                            "arrival date"),
            "received at": ("received at", "date received", "received on", "received date", "completed at"),
            "location": ("location", "location name", "destination"),
        },
        ("number", "sku", "quantity"),
        ("number", "sku", "quantity"),
    ),
    Layout(
        SUPPLIERS,
        {
            "supplier": ("supplier", "supplier name", "name", "company", "vendor"),
            "email": ("email", "contact email", "email address"),
            "currency": ("currency", "currency code"),
            "lead days": ("lead time", "lead time (days)", "lead time days", "lead days", "leadtime"),
            "minimum value": ("minimum order value", "minimum order amount", "minimum order", "min order value"),
            "sku": ("sku", "variant sku"),
            "supplier sku": ("supplier sku", "supplier code", "vendor sku"),
            "cost": ("cost", "cost price", "unit cost"),
            "pack": ("pack", "pack size", "case pack", "case size", "units per case"),
            "minimum": ("minimum order quantity", "moq", "min order qty", "minimum quantity"),
        },
        ("supplier",),
        ("supplier", "lead days"),
    ),
)  # fmt: skip


def plain(name: str) -> str:
    """Return a column's name without case, doubled spaces, underscores and what Shopify says of editing it."""
    bare = re.sub(r"\((not editable|new)\)", r"", name.replace("_", " ").replace("\ufeff", ""))
    # the quantity that somebody would type in is another column than the one that is there
    bare = "on hand, typed" if name.strip().casefold() == "on hand (new)" else bare
    return " ".join(bare.split()).casefold()


def layout_of(names: list[str]) -> Layout | None:
    """Return the layout that a header has, or None."""
    for layout in LAYOUTS:
        if layout.places(names).keys() >= set(layout.telling):
            return layout
    return None


def is_export(path: Path) -> bool:
    """Return True if a file's header is that of a known export. Raises Invalid for a file that is no text, OSError."""
    return data_suffix(path) in TEXT and layout_of(open_source(path).names) is not None


def open_export(path: Path) -> tuple[Layout, DelimitedRows]:
    """Open a file as the export that it is. Raises Invalid where it is not one, or lacks a column that is needed."""
    source = open_source(path)
    layout = layout_of(source.names)
    if layout is None or not isinstance(source, DelimitedRows):
        has = ", ".join(source.names[:12])
        raise Invalid(
            "export_unknown",
            f"{path}: its header is that of no export that is known ({', '.join(one.kind for one in LAYOUTS)}); it has "
            f"{has}. Other files are read by a mapping: stocktide mapping new {path.name}",
        )
    there = layout.places(source.names)
    if missing := [name for name in layout.needed if name not in there]:
        spelt = " or ".join(layout.columns[missing[0]])
        raise Invalid(
            "column_missing",
            f"{path}: {layout.kind} without the column {spelt!r}. Export it again with all columns, unchanged.",
        )
    return layout, source


def files_of(paths: Collection[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield the files of files and folders, and whether each was named itself. Raises Invalid."""
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue
        inside = [p for p in path.iterdir() if p.is_file() and data_suffix(p) in TEXT]
        if not inside:
            raise Invalid("file_missing", f"{path}: there is no .csv file in this folder.")
        yield from ((file, False) for file in inside)


def natural(path: Path) -> list[str | int]:
    """Return what sorts names with numbers in them as people do."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [int(part) if part.isdecimal() else part for part in parts]
