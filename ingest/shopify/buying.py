"""Suppliers and what they sell as terms of buying; what people recorded themselves is left alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from ingest.shopify.catalogue import Offer
from ingest.shopify.rows import BadCell, Export, Refused, Row, code_of, short
from ingest.terms import kind_of, list_rows, put_rows
from ingest.terms.shapes import SupplierIn, SupplierProductIn
from stocktide.foundation.errors import Invalid

# Who recorded the terms that an import may change again.
BY = "import shopify"
PAGE = 1_000
CALL = 5_000


@dataclass
class Told:
    """What suppliers files say. sold: by supplier and product, which the file may name by its SKU."""

    suppliers: dict[str, SupplierIn] = field(default_factory=dict)
    sold: dict[tuple[str, str], SupplierProductIn] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def read_suppliers(exports: Sequence[Export], currency: str | None) -> Told:
    """Read suppliers files. currency: of amounts that name none."""
    found = Told()
    for row in (row for export in exports for row in export.rows):
        try:
            _read(found, row, currency)
        except BadCell as bad:
            found.refused.append(Refused(row.raw, bad.fault))
    return found


def _read(found: Told, row: Row, currency: str | None) -> None:
    said = row.text("supplier")
    if said is None:
        raise row.bad("missing_field", "supplier", "'supplier' is empty.")
    name, cells = short(said), _Cells(row)
    paid_in = row.text("currency") or currency
    if row.text("sku"):
        product = code_of(row.text("sku"), "")
        found.sold[name, product] = SupplierProductIn(
            supplier=name,
            product=product,
            price=cells.number("cost"),
            currency=paid_in if row.text("cost") else None,
            pack=cells.number("pack"),
            minimum=cells.number("minimum"),
            lead_days=cells.days("lead days"),
            sku=row.text("supplier sku"),
        )
        found.suppliers.setdefault(name, SupplierIn(supplier=name, currency=row.text("currency")))
        return
    found.suppliers[name] = SupplierIn(
        supplier=name,
        email=row.text("email"),
        currency=row.text("currency"),
        lead_days=cells.days("lead days"),
        minimum_value=cells.number("minimum value"),
        minimum_units=cells.number("minimum"),
    )


@dataclass(frozen=True)
class _Cells:
    row: Row

    def number(self, name: str) -> str | None:
        """Return a cell's number as its digits, None where it is empty or zero. Raises BadCell."""
        value = self.row.number_in(name, Decimal(0))
        return f"{value:f}" if value else None

    def days(self, name: str) -> int | None:
        """Return whole days. Raises BadCell."""
        if self.row.text(name) is None:
            return None
        value = self.row.number_in(name)
        if value != int(value) or not 0 <= value <= 730:
            raise self.row.bad(
                "wrong_type", name, f"{name!r} is {value}; give whole days up to 730."
            )
        return int(value)


def put_terms(
    connection: sa.Connection,
    told: Told,
    bought: Mapping[tuple[str, str], Offer],
    vendors: Mapping[tuple[str, str], Offer],
    ranks: Mapping[tuple[str, str], int],
) -> dict[str, int]:
    """Record suppliers and what they sell, as far as nobody else has; returns counts.

    bought: who sells what by purchase orders, with their `ranks`. vendors: the same by the products' vendors, where no
    order tells it; a vendor comes in where the product has no supplier yet.
    """
    known = _recorders(connection, "supplier-products", ("supplier", "product"))
    has_supplier = {product for _, product in known}
    fresh = {k: v for k, v in vendors.items() if k in known or v.product not in has_supplier}
    offers = {**bought, **fresh}
    suppliers = dict(told.suppliers)
    for supplier, _ in [*told.sold, *offers]:
        suppliers.setdefault(supplier, SupplierIn(supplier=supplier))
    named = set(told.suppliers)
    people = _recorders(connection, "suppliers", ("supplier",))
    rows = [
        row
        for name, row in suppliers.items()
        if people.get((name,), BY) == BY and (name in named or (name,) not in people)
    ]
    sold = {key: _of_offer(offer, ranks.get(key, 1)) for key, offer in offers.items()}
    for key, row in told.sold.items():
        if key in sold and row.price is None:
            row.price, row.currency = sold[key].price, sold[key].currency
        sold[key] = row
    taken = {product for (_, product), by in known.items() if by != BY}
    sellable = [
        row for key, row in sold.items() if known.get(key, BY) == BY and row.product not in taken
    ]
    counts = {
        "suppliers": _put(connection, "suppliers", rows),
        "supplier-products": _put(connection, "supplier-products", sellable),
    }
    return {name: count for name, count in counts.items() if count}


def _of_offer(offer: Offer, rank: int) -> SupplierProductIn:
    price = None if offer.cost is None else f"{offer.cost:f}"
    return SupplierProductIn(
        supplier=offer.supplier,
        product=offer.product,
        price=price,
        currency=None if price is None else offer.currency,
        rank=min(rank, 99),
    )


def _put(connection: sa.Connection, kind: str, rows: Sequence[Any]) -> int:
    """Put rows; returns how many are new or changed. Raises Invalid that says which file to look at."""
    done = 0
    for start in range(0, len(rows), CALL):
        try:
            put = put_rows(connection, kind_of(kind), rows[start : start + CALL], by=BY)
        except Invalid as error:
            raise Invalid(
                error.code, f"Terms of buying from these exports: {error.message}"
            ) from error
        done += put.recorded + put.changed
    return done


def _recorders(
    connection: sa.Connection, kind: str, fields: tuple[str, ...]
) -> dict[tuple[str, ...], str]:
    """Return who recorded each row that is in force, by its key."""
    found: dict[tuple[str, ...], str] = {}
    of, after = kind_of(kind), 0
    while rows := list_rows(connection, of, after=after, limit=PAGE):
        found |= {tuple(row[name] for name in fields): row["recorded_by"] for row in rows}
        after = rows[-1][of.number]
    return found
