"""A purchase order as its supplier gets it: one document of lines, as data and as CSV."""

import csv
import io
from typing import Any

import sqlalchemy as sa

from purchasing.desk.cancelling import counted_milli
from purchasing.desk.listing import amount_of, in_units
from stocktide.domain.exact_numbers import MICRO_PLACES, in_full
from stocktide.foundation.database import statement
from stocktide.foundation.errors import NotFound
from stocktide.foundation.spreadsheet import shown_as_text

OF_ORDER = (
    "order_id", "supplier", "supplier_name", "email", "currency", "ordered_by", "second_approver", "ordered_at",
)  # fmt: skip
# Columns of the file, in the order in which people read an order.
COLUMNS = (
    "order_id", "order_line", "supplier_sku", "product", "product_name", "location", "location_name", "ordered", "unit",
    "received", "packs", "price", "currency", "amount", "expected_on", "state",
)  # fmt: skip


def read_order(connection: sa.Connection, order_id: str) -> dict[str, Any]:
    """Return a purchase order with its lines; of cancelled ones what has come counts. Raises NotFound.

    expected_on: the day of its last line, expected_from: of its first; each line has its own.
    """
    rows = connection.execute(statement("purchasing/desk/order"), {"order_id": order_id})
    lines = [{**in_units(dict(row)), "amount": _amount(row)} for row in rows.mappings()]
    if not lines:
        raise NotFound(
            "order_unknown",
            f"There is no purchase order {order_id!r}. A transfer from a location of your own has no such order.",
            order=order_id,
        )
    order = {name: lines[0][name] for name in OF_ORDER}
    of_lines = [
        {**{name: value for name, value in line.items() if name not in OF_ORDER}, **_packs(line)}
        for line in lines
    ]
    amounts = [
        line["amount"] for line in of_lines if line["state"] == "ordered" or line["received"]
    ]
    total = None if None in amounts else round(sum(amounts), 2)
    days = [line["expected_on"] for line in of_lines if line["expected_on"] is not None]
    span = {"expected_from": min(days, default=None), "expected_on": max(days, default=None)}
    return {**order, **span, "lines": of_lines, "total": total}


def order_csv(order: dict[str, Any]) -> str:
    """Write an order as CSV, a row a line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for line in order["lines"]:
        row = {**order, **line}
        writer.writerow({name: _cell(row[name]) for name in COLUMNS})
    return text.getvalue()


def _amount(row: Any) -> float | None:
    """Return what is to be paid of a line, None where no price is known."""
    return amount_of(row["price_micros"], counted_milli(row))


def _packs(line: dict[str, Any]) -> dict[str, Any]:
    """Return the packs of a line; None where no pack is known."""
    return {"packs": None if line["pack"] is None else line["ordered"] / line["pack"]}


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float):
        return in_full(value, MICRO_PLACES, grouped=False)
    return shown_as_text(value) if isinstance(value, str) else value
