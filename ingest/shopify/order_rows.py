"""Which rows are of one order: in one export or its parts, and in exports that overlap."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.parsing.events import Fault
from ingest.shopify.rows import Export, Refused, Row

# One of them stands on the row with which an order begins, and on no other.
ON_FIRST_ROW = ("financial status", "currency", "subtotal", "total", "id")


@dataclass
class Copy:
    """An order as one export has it. at_end: it is the last of its file, so that it may go on in the next part.

    is_doubted: a line of it may be among the broken rows of its file.
    """

    rows: list[Row]
    rank: tuple[str, int] = ("", 0)
    at_end: bool = False
    is_doubted: bool = False


def copies_of(exports: Sequence[Export], refused: list[Refused]) -> dict[str, list[Copy]]:
    """Return the copies of each order by its name. refused: takes rows that belong to none."""
    copies: dict[str, list[Copy]] = defaultdict(list)
    parts = [(part, bool(export.refused)) for export in exports for part in export.parts]
    for place, (rows, is_doubted) in enumerate(parts):
        newest = max((row.text("created at") or "" for row in rows), default="")
        current: Copy | None = None
        for row in rows:
            if current is not None and _goes_on(current, row):
                current.rows.append(row)
            elif not any(row.text(column) for column in ON_FIRST_ROW):
                _go_on_before(copies, row, place, refused)
            elif (name := row.text("name")) is None:
                bad = row.bad("missing_field", "name", "an order without a name.")
                refused.append(Refused(row.raw, bad.fault))
                current = None
            else:
                current = Copy([row], (newest, place), is_doubted=is_doubted)
                copies[name].append(current)
        if current is not None:
            current.at_end = True
    return copies


def _goes_on(copy: Copy, row: Row) -> bool:
    """Return True if a row is of the order above it. Some who edit exports fill an order's fields down."""
    first = copy.rows[0]
    return all(row.text(name) in (first.text(name), None) for name in ("name", "id"))


def _go_on_before(
    copies: dict[str, list[Copy]], row: Row, place: int, refused: list[Refused]
) -> None:
    """Add a row that begins no order to the one that the file before ended with."""
    for copy in reversed(copies.get(row.text("name") or "", [])):
        if copy.at_end and copy.rank[1] < place:
            copy.rows.append(row)
            return
    said = (
        f"{row.place}: its order {row.text('name')!r} begins in no file before it; give all parts of the export "
        "at once."
    )
    refused.append(Refused(row.raw, Fault("order_incomplete", said, "name")))
