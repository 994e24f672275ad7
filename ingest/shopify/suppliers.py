"""Suppliers files: who sells, and, with a SKU, what in which amounts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from ingest.shopify.codes import code_of, short
from ingest.shopify.rows import BadCell, Export, Refused, Row
from ingest.terms.shapes import SupplierIn, SupplierProductIn


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
