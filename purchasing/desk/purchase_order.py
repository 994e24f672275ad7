"""A purchase order as its supplier gets it: one document of lines, as data and as CSV."""

import csv
import io
from typing import Any

import sqlalchemy as sa

from purchasing.desk.listing import in_units
from stocktide.domain.exact_numbers import MICRO_PLACES, in_full
from stocktide.foundation.database import statement
from stocktide.foundation.errors import NotFound
from stocktide.foundation.spreadsheet import shown_as_text

OF_ORDER = (
    "order_id", "supplier", "supplier_name", "email", "currency", "ordered_by", "second_approver", "ordered_at",
    "expected_on",
)  # fmt: skip
# Columns of the file, in the order in which people read an order.
COLUMNS = (
    "order_id", "order_line", "supplier_sku", "product", "product_name", "location", "location_name", "ordered", "unit",
    "packs", "price", "currency", "amount", "expected_on", "state",
)  # fmt: skip


def read_order(connection: sa.Connection, order_id: str) -> dict[str, Any]:
    """Return a purchase order with its lines; cancelled ones stay, and do not count. Raises NotFound."""
    rows = connection.execute(statement("purchasing/desk/order"), {"order_id": order_id})
    lines = [in_units(dict(row)) for row in rows.mappings()]
    if not lines:
        raise NotFound(
            "order_unknown",
            f"There is no purchase order {order_id!r}. A transfer from a location of your own is none.",
            order=order_id,
        )
    order = {name: lines[0][name] for name in OF_ORDER}
    of_lines = [
        {**{name: value for name, value in line.items() if name not in OF_ORDER}, **_counted(line)}
        for line in lines
    ]
    amounts = [line["amount"] for line in of_lines if line["state"] == "ordered"]
    total = None if None in amounts else round(sum(amounts), 2)
    return {**order, "lines": of_lines, "total": total}


def order_csv(order: dict[str, Any]) -> str:
    """Write an order as CSV, a row a line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for line in order["lines"]:
        row = {**order, **line}
        writer.writerow({name: _cell(row[name]) for name in COLUMNS})
    return text.getvalue()


def _counted(line: dict[str, Any]) -> dict[str, Any]:
    """Return packs and amount of a line; None where no pack or price is known."""
    pack, price = line["pack"], line["price"]
    return {
        "packs": None if pack is None else line["ordered"] / pack,
        "amount": None if price is None else round(price * line["ordered"], 2),
    }


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float):
        return in_full(value, MICRO_PLACES, grouped=False)
    return shown_as_text(value) if isinstance(value, str) else value
