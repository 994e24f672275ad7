"""Rows of an export, and their cells: texts, amounts and instants, taken whole or refused by name."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from ingest.files.source_file import place_of, said_of
from ingest.parsing.events import Fault
from ingest.shopify.headers import ORDERS, Layout, open_export
from stocktide.domain.exact_numbers import NotExact, decimal_of, shown
from stocktide.foundation.errors import Invalid

# Shopify writes 2025-10-26 01:30:00 +0100; other tools an ISO instant or a day.
INSTANTS = (
    "%Y-%m-%d %H:%M:%S %z",
    "%Y-%m-%dT%H:%M:%S%z",
    "%Y-%m-%d %H:%M:%S%z",
    "%Y-%m-%dT%H:%M:%S.%f%z",
)
LOCAL = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M")  # fmt: skip


class BadCell(Exception):
    """A cell that is not what its column holds; carries the fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True)
class Row:
    """One row. number: in its file, from 1; line: of the file. cells: by our names of columns, empty ones left out."""

    file: str
    number: int
    line: int
    cells: dict[str, str]

    @property
    def place(self) -> str:
        """Return where it stands, for people."""
        return f"{self.file}, {place_of(self.number)} (line {self.line} of the file)"

    @property
    def raw(self) -> bytes:
        """Return what was read of it, to be kept where it is refused."""
        return msgspec.json.encode({"file": self.file, "row": self.number, **self.cells})

    def text(self, name: str) -> str | None:
        """Return a cell, or None where it is empty."""
        return self.cells.get(name)

    def is_true(self, name: str) -> bool | None:
        """Return a cell that says true or false, None where it says neither."""
        return {"true": True, "false": False}.get(self.cells.get(name, "").casefold())

    def number_in(self, name: str, default: Decimal | None = None) -> Decimal:
        """Return a cell's number, exactly. Raises BadCell."""
        text = self.cells.get(name)
        if text is None:
            if default is None:
                raise self.bad("missing_field", name, f"{name!r} is empty.")
            return default
        try:
            return decimal_of(text.removeprefix("'"))
        except NotExact as error:
            raise self.bad("wrong_type", name, f"{name!r} {error}") from None

    def instant(self, name: str, zone: str) -> datetime:
        """Return a cell's instant; what names no offset is in the zone, and a day begins there. Raises BadCell."""
        text = self.cells.get(name)
        if text is None:
            raise self.bad("missing_field", name, f"{name!r} is empty.")
        if (
            found := _instant(text.removesuffix(" UTC") + " +0000" * text.endswith(" UTC"))
        ) is None:
            raise self.bad(
                "wrong_type",
                name,
                f"{name!r} is {shown(text)!r}; it should be like 2025-10-26 01:30:00 +0100, or 2025-10-26.",
            )
        return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))

    def day(self, name: str) -> date | None:
        """Return a cell's day, None where it is empty. Raises BadCell."""
        return self.instant(name, "UTC").date() if name in self.cells else None

    def bad(self, reason: str, name: str, why: str) -> BadCell:
        """Return the refusal of this row for one of its cells."""
        return BadCell(Fault(reason, f"{self.place}: {why}", name))


def _instant(text: str) -> datetime | None:
    written = text[:-1] + "+0000" if text.endswith("Z") else text
    for form in (*INSTANTS, *LOCAL, "%Y-%m-%d"):
        try:
            return datetime.strptime(written, form)  # noqa: DTZ007 - the caller knows the zone
        except ValueError:
            continue
    return None


# Name of a file, and why rows of it are left out.
LeftOut = tuple[str, str]


class Refused(NamedTuple):
    """What is kept as a reject: its bytes and why."""

    raw: bytes
    fault: Fault


@dataclass
class Export:
    """A file that was read. others: names of columns that are not ours.

    again: how many rows stood before each row that is the header again, as where files were joined to one.
    """

    path: Path
    layout: Layout
    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Return how many rows the file has."""
        return len(self.rows) + len(self.again) + len(self.refused)

    @property
    def parts(self) -> list[list[Row]]:
        """Return the rows of each file that was joined to this one."""
        ends = [0, *self.again, len(self.rows)]
        return [self.rows[start:end] for start, end in pairwise(ends)]


def read_export(path: Path) -> Export:
    """Read a whole export. Raises Invalid for a file that is not one, has no row, or lacks a column."""
    layout, source = open_export(path)
    places = layout.places(source.names)
    others = {
        name: place
        for place, name in enumerate(source.names)
        if name and place not in places.values()
    }
    export = Export(path, layout, others=others, names=source.names)
    for number, line, cells in source.numbered():
        if [cell.strip() for cell in cells] == source.names:
            export.again.append(len(export.rows))
            continue
        named = {**places, **(others if layout.kind != ORDERS else {})}
        found = {ours: cells[place].strip() for ours, place in named.items()}
        export.rows.append(Row(path.name, number, line, {k: v for k, v in found.items() if v}))
    for number, broken in source.broken:
        message = f"{path.name}, {place_of(number)}: {said_of(broken)}"
        export.refused.append(Refused(broken.text.encode(), Fault("broken_line", message)))
    if not export.read:
        raise Invalid("file_empty", f"{path}: there is a header, but no row.")
    return export


def utc_text(moment: datetime) -> str:
    """Return an instant as events write it."""
    return moment.astimezone(UTC).isoformat()
