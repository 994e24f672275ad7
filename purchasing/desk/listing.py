"""Lines of the desk as people and programs read them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from purchasing.desk.lines import OPEN, Line
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid

LIMIT_MAX = 1_000
LATE = "late"
# Columns of the list that are about all lines.
OF_ALL = ("found", "cost", "at_risk_sums")
STATES: Mapping[str, tuple[str, ...]] = {
    "open": OPEN,
    **{one: (one,) for one in (*OPEN, "ordered", "rejected", "withdrawn", "cancelled")},
    # ordered, and not come in full by the day on which it was expected
    LATE: ("ordered",),
}


Sort = Literal["risk", "cost", "product", "location", "supplier", "expected"]


class Listed(NamedTuple):
    """A page of lines. found: how many there are in all. cost, at_risk: of all of them, by currency."""

    lines: list[dict[str, Any]]
    found: int
    cost: dict[str, float]
    at_risk: dict[str, float]


def list_lines(
    connection: sa.Connection,
    *,
    state: str = "open",
    supplier: str | None = None,
    product: str | None = None,
    location: str | None = None,
    department: str | None = None,
    category: str | None = None,
    sort: Sort = "risk",
    offset: int = 0,
    limit: int = 100,
) -> Listed:
    """List lines, by default those first that risk most; quantities in units, money in whole units.

    Raises Invalid for a state that there is not.
    """
    if state not in STATES:
        raise Invalid("state", f"{state!r} is no state of a line; there are {', '.join(STATES)}.")
    binds = {
        "states": list(STATES[state]),
        "late": state == LATE,
        "today": datetime.now(UTC).date(),
        "supplier": supplier,
        "product": product,
        "location": location,
        "department": department,
        "category": category,
        "sort": sort,
        "offset": offset,
        "limit": min(limit, LIMIT_MAX),
    }
    rows: Sequence[Any] = (
        connection.execute(statement("purchasing/desk/list_lines"), binds).mappings().all()
    )
    sums = rows[0]
    lines = [shown_line(row) for row in rows if row["line_id"] is not None]
    return Listed(lines, sums["found"], sums["cost"], sums["at_risk_sums"])


def list_suppliers(connection: sa.Connection) -> list[dict[str, Any]]:
    """List the suppliers with open lines, those first that risk most; money in whole units."""
    binds = {"states": list(OPEN)}
    rows = connection.execute(statement("purchasing/desk/suppliers"), binds).mappings()
    return [in_units(dict(row)) for row in rows]


def shown_line(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line in units and money, with the amount that it costs."""
    shown = in_units({name: value for name, value in row.items() if name not in OF_ALL})
    price, quantity = shown.get("price"), shown["quantity"]
    return {**shown, "amount": None if price is None else round(price * quantity, 2)}


def in_units(row: Mapping[str, Any]) -> dict[str, Any]:
    """Convert thousandths to units and millionths to money, by the names' ends."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        stem, _, scale = name.rpartition("_")
        divisor = {"milli": 1_000, "micros": 1_000_000}.get(scale)
        if divisor is None:
            shown[name] = value
        else:
            shown[stem] = None if value is None else value / divisor
    return shown


def line_said(line: Line) -> dict[str, Any]:
    """Return a line after a decision, in units."""
    return shown_line({**vars(line), "quantity_milli": line.quantity_milli})
