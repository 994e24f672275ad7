"""Lines of the desk as people and programs read them."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from purchasing.desk.limit import OWN_PRICE_DAYS
from purchasing.desk.lines import OPEN, Line
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid

LIMIT_MAX = 1_000
# In millionths of money times thousandths of a unit.
HALF_CENT = 5_000_000
LATE, RECEIVED = "late", "received"
# Columns of the list that are about all lines.
OF_ALL = ("found", "cost", "at_risk_sums")
# The lists, and the states in which their lines are stored; the view listed_lines says which list a line is in.
STATES: Mapping[str, tuple[str, ...]] = {
    # a snoozed line comes up on its day
    "open": ("proposed", "waiting"),
    **{one: (one,) for one in (*OPEN, "ordered", "rejected", "withdrawn", "cancelled")},
    # ordered, and not come in full by the day on which it was expected
    LATE: ("ordered",),
    # ordered, and come in full: nothing is left to do
    RECEIVED: ("ordered",),
}


Sort = Literal["risk", "cost", "product", "location", "supplier", "expected"]


class Listed(NamedTuple):
    """A page of lines. found: how many there are in all. cost, at_risk: of all of them, by currency.

    Of a product that a warehouse of ours sends to shops what they risk and what it risks counts once, the larger of the
    two: they are the same sales.
    """

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
    binds = {
        **_listed(state),
        "supplier": supplier,
        "product": product,
        "location": location,
        "department": department,
        "category": category,
        "sort": sort,
        "offset": offset,
        "limit": min(limit, LIMIT_MAX),
        "price_days": OWN_PRICE_DAYS,
    }
    # a plan that serves any filter expects one product of each, and reads all lines again for every one that there is
    connection.execute(sa.text("SET LOCAL plan_cache_mode = force_custom_plan"))
    rows: Sequence[Any] = (
        connection.execute(statement("purchasing/desk/list_lines"), binds).mappings().all()
    )
    sums = rows[0]
    lines = [shown_line(row) for row in rows if row["line_id"] is not None]
    return Listed(lines, sums["found"], sums["cost"], sums["at_risk_sums"])


def list_suppliers(connection: sa.Connection, *, state: str = "open") -> list[dict[str, Any]]:
    """List the suppliers with lines of a state, those first that risk most; money in whole units. Raises Invalid."""
    rows = connection.execute(statement("purchasing/desk/suppliers"), _listed(state)).mappings()
    return [in_units(dict(row)) for row in rows]


def _listed(state: str) -> dict[str, Any]:
    """Return the binds of a list, and of the states in which its lines are stored. Raises Invalid."""
    if state not in STATES:
        raise Invalid("state", f"{state!r} is no state of a line; there are {', '.join(STATES)}.")
    return {"list": state, "states": list(STATES[state])}


def shown_line(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line in units and money, with the amount that it costs."""
    shown = in_units({name: value for name, value in row.items() if name not in OF_ALL})
    return {**shown, "amount": amount_of(row.get("price_micros"), row["quantity_milli"])}


def amount_of(price_micros: int | None, quantity_milli: int) -> float | None:
    """Return what a quantity costs to the cent, half of one up as the database rounds; None without a price."""
    if price_micros is None:
        return None
    return (price_micros * quantity_milli + HALF_CENT) // (2 * HALF_CENT) / 100


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
