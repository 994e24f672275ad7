"""What a unit costs follows from how much of its product is ordered together: a price break is reached, or missed."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import sqlalchemy as sa

from purchasing.desk.lines import Decision, Line
from stocktide.domain.exact_numbers import MICRO_PLACES, in_full
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict

# Of a supplier and product: from how many thousandths of a unit on a unit costs how many millionths, ascending.
Steps = Mapping[tuple[str, str], Sequence[tuple[int, int]]]
ORDERING = ("approve", "split")


def read_steps(connection: sa.Connection, lines: Collection[int] | None = None) -> Steps:
    """Return the prices of what has price breaks, among the products of some lines or of all open ones."""
    binds = {"lines": None if lines is None else list(lines)}
    steps: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row in connection.execute(statement("purchasing/desk/price_steps"), binds):
        steps[row.supplier, row.product].append((row.from_milli, row.price_micros))
    return steps


def price_of(line: Line, steps: Steps, together_milli: int) -> int | None:
    """Return what a unit of a line costs where so much of its product is ordered together, millionths."""
    of = steps.get((line.supplier, line.product))
    if of is None or line.source is not None:
        return line.price_micros
    reached = [price for from_milli, price in of if from_milli <= together_milli]
    return reached[-1] if reached else None


def priced(
    lines: Iterable[Line],
    decisions: Mapping[int, Decision],
    steps: Steps,
    ordering: Collection[int],
) -> list[Line]:
    """Return lines that are to be ordered at what they cost in one order. ordering: numbers of those that are in it.

    One that is not in it costs what it would if it joined. Other lines, and products without breaks, stay.
    """
    lines = list(lines)
    parts = {line.line_id: _part(line, decisions[line.line_id]) for line in lines}
    together: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        if line.line_id in ordering:
            together[line.supplier, line.product] += parts[line.line_id]
    now: list[Line] = []
    for line in lines:
        if decisions[line.line_id].action in ORDERING:
            joins = 0 if line.line_id in ordering else parts[line.line_id]
            milli = together[line.supplier, line.product] + joins
            line = replace(line, price_micros=price_of(line, steps, milli))
        now.append(line)
    return now


def _part(line: Line, decision: Decision) -> int:
    """Return how much of a line a decision orders."""
    return (decision.quantity_milli or 0) if decision.action == "split" else line.quantity_milli


def check_break(line: Line, now: Line, steps: Steps, decision: Decision) -> None:
    """Raise Conflict where a line costs more than it did when it was seen: too little is ordered with it.

    now: the line at its price in this order. The reason of an approval lets it pass.
    """
    if decision.action not in ORDERING or now.price_micros == line.price_micros:
        return
    before, after = line.price_micros, now.price_micros
    is_dearer = before is not None and (after is None or after > before)
    knows = (
        decision.action == "approve" and (decision.reason or "").strip() and not decision.by_rule
    )
    if is_dearer and not knows:
        needed = next(
            (units for units, price in steps[line.supplier, line.product] if price == before), None
        )
        lower = f"{_money(before)} is the price"
        if needed:
            lower += f" from {in_full(needed / 1000)} ordered together on"
        raise Conflict(
            "break_missed",
            f"Line {line.line_id}: {line.product} costs {_money(after)} a unit in this order; {lower}. Approve the "
            f"lines of {line.supplier} together, or approve it with a reason.",
            line_id=line.line_id,
        )


def reprice(
    connection: sa.Connection, steps: Steps, pairs: Collection[tuple[str, str]]
) -> list[tuple[Line, Line]]:
    """Return open lines, each with itself at what it costs if all of its product is ordered that is open; locked."""
    of = [pair for pair in pairs if pair in steps]
    if not of:
        return []
    binds = {"suppliers": [one for one, _ in of], "products": [one for _, one in of]}
    rows = connection.execute(statement("purchasing/desk/lock_alike"), binds).mappings()
    changed: list[tuple[Line, Line]] = []
    for row in rows:
        line = Line(**{name: row[name] for name in Line.__dataclass_fields__})
        price = price_of(line, steps, row["together_milli"])
        if price != line.price_micros:
            changed.append((line, replace(line, price_micros=price, version=line.version + 1)))
    return changed


def _money(micros: int | None) -> str:
    return "an unknown price" if micros is None else in_full(micros / 1e6, MICRO_PLACES)
