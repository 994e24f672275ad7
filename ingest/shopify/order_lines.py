"""Lines of purchase orders keep the number under which they are recorded, in whatever order an export has its rows."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from stocktide.foundation.database import statement


class OrderLine(NamedTuple):
    """A line of an order, and what it is of. line: its place in a file, or its number."""

    number: str
    line: int
    product: str
    location: str

    @property
    def key(self) -> str:
        """Return what the line is known by."""
        return f"{self.number}:{self.line}"


def recorded_lines(engine: sa.Engine, source: str, orders: Sequence[str]) -> list[OrderLine]:
    """Read the lines of some orders that a source has recorded."""
    with engine.connect() as connection:
        binds = {"source": source, "orders": list(orders)}
        found = connection.execute(statement("ingest/lines_of_orders"), binds)
        return [OrderLine(*row) for row in found]


def numbers_of(lines: Iterable[OrderLine], recorded: Iterable[OrderLine]) -> dict[str, int]:
    """Return the number of each line by its key in the file.

    A line has the number of the recorded one of its order with the same product and place, else with the same product,
    else in the same place of the file; what is new has the next number that no line has.
    """
    left, wanted = defaultdict(list), defaultdict(list)
    for one in recorded:
        left[one.number].append(one)
    for one in lines:
        wanted[one.number].append(one)
    found: dict[str, int] = {}
    for number, rows in wanted.items():
        taken = {one.line for one in left[number]}
        for alike in _ALIKE:
            rows = _matched(rows, left[number], alike, found)
        for row in rows:
            new = row.line if row.line not in taken else max(taken) + 1
            taken.add(new)
            found[row.key] = new
    return found


# What makes a row the line that is recorded: the first that fits.
_ALIKE: tuple[Callable[[OrderLine], object], ...] = (
    lambda one: (one.product, one.location),
    lambda one: one.product,
    lambda one: one.line,
)


def _matched(
    rows: Sequence[OrderLine],
    left: list[OrderLine],
    alike: Callable[[OrderLine], object],
    found: dict[str, int],
) -> list[OrderLine]:
    """Give rows the numbers of recorded lines that are alike, which are then taken; return the rows without one."""
    without = []
    for row in rows:
        line = next((one for one in left if alike(one) == alike(row)), None)
        if line is None:
            without.append(row)
        else:
            left.remove(line)
            found[row.key] = line.line
    return without
