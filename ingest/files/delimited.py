"""Rows of a delimited file, line by line where something is odd: a bad row is one fault and changes no other row."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple, TextIO

from ingest.files.dialect import Dialect

CHUNK_LINES = 20_000
# A quoted field may go over so many lines. Beyond, its quote is taken for a stray one.
RECORD_LINES_MAX = 200
# From so many fields on, a line inside a quoted field that is a whole row itself is taken for a row.
ROW_FIELDS_MIN = 3
BYTE_ORDER_MARK = "\ufeff"
# What Python's reader says of a field that goes on behind the last line.
UNFINISHED = "unexpected end of data"


class Row(NamedTuple):
    """One row. line: the first of its lines in the file, from 1."""

    line: int
    cells: list[str]


class Broken(NamedTuple):
    """What is no row. line: its first line in the file, from 1. text: as it stands there."""

    line: int
    error: str
    text: str


@dataclass
class Chunk:
    """Some rows in the order of the file. numbers: of the rows, from 1, broken ones counted; likewise of `broken`."""

    numbers: Sequence[int]
    lines: Sequence[int]
    rows: list[list[str]]
    broken: list[tuple[int, Broken]] = field(default_factory=list)


class Lines:
    """Lines of a file that can be given back. number: the line that comes next, from 1.

    skip_footer: how many of the last lines with something on them are never given.
    """

    def __init__(self, text: TextIO, skip_footer: int = 0) -> None:
        self._text = _without_footer(text, skip_footer) if skip_footer else iter(text)
        self._ahead: list[str] = []
        self.number = 1

    def take(self, count: int) -> list[str]:
        """Take up to so many lines."""
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        taken += islice(self._text, count - len(taken))
        if self.number == 1 and taken:
            # a declared encoding leaves the mark in the text
            taken[0] = taken[0].removeprefix(BYTE_ORDER_MARK)
        self.number += len(taken)
        return taken

    def give_back(self, lines: list[str]) -> None:
        """Give back the last lines that were taken."""
        self._ahead = lines + self._ahead
        self.number -= len(lines)


def _without_footer(text: TextIO, skip: int) -> Iterator[str]:
    """Yield lines without the last ones: so many with something on them, and blank lines among and after these."""
    held: deque[list[str]] = deque()
    for line in text:
        if line.strip():
            if len(held) == skip:
                yield from held.popleft()
            held.append([line])
        elif held:
            held[-1].append(line)
        else:
            yield line


def chunks_of(lines: Lines, dialect: Dialect, fields: int) -> Iterator[Chunk]:
    """Yield rows and what is no row, in the order of the file; blank lines and comments are left out."""
    number = 0
    while taken := lines.take(CHUNK_LINES):
        first = lines.number - len(taken)
        rows = _plain_rows(taken, dialect, fields)
        if rows is None:
            chunk = _chunk_of(list(_careful_rows(taken, first, lines, dialect, fields)), number)
        else:
            numbers = range(number + 1, number + 1 + len(rows))
            chunk = Chunk(numbers, range(first, first + len(rows)), rows)
        yield chunk
        number += len(chunk.rows) + len(chunk.broken)


def _chunk_of(records: list[Row | Broken], before: int) -> Chunk:
    numbered = list(enumerate(records, start=before + 1))
    rows = [(number, record) for number, record in numbered if isinstance(record, Row)]
    broken = [(number, record) for number, record in numbered if isinstance(record, Broken)]
    lines = [record.line for _, record in rows]
    return Chunk([number for number, _ in rows], lines, [r.cells for _, r in rows], broken)


def _plain_rows(chunk: list[str], dialect: Dialect, fields: int) -> list[list[str]] | None:
    """Return the rows of a chunk in which every line is one sound row, else None."""
    if dialect.comment and any(line.startswith(dialect.comment) for line in chunk):
        return None
    try:
        rows = list(csv.reader(chunk, **dialect.csv_arguments))
    except csv.Error:
        return None
    return rows if len(rows) == len(chunk) and set(map(len, rows)) == {fields} else None


def _careful_rows(
    chunk: list[str], first: int, lines: Lines, dialect: Dialect, fields: int
) -> Iterator[Row | Broken]:
    """Yield the rows that begin in a chunk, each read by itself; lines behind it that none needs are given back."""
    chunk += (ahead := lines.take(RECORD_LINES_MAX))
    end, at = len(chunk) - len(ahead), 0
    while at < end:
        used, found = _rows_at(chunk, at, first + at, dialect, fields)
        yield from found
        at += used
    lines.give_back(chunk[at:])


def _rows_at(
    lines: list[str], at: int, number: int, dialect: Dialect, fields: int
) -> tuple[int, list[Row | Broken]]:
    """Return how many lines the record at a place takes, and what it is: nothing, rows, or one that is broken."""
    line = lines[at]
    if not line.strip("\r\n") or (dialect.comment and line.startswith(dialect.comment)):
        return 1, []
    record = record_at(lines, at, dialect)
    if isinstance(record, str):
        rows = _rows_between_cr(line, number, dialect, fields)
        return 1, rows or [Broken(number, record, line.rstrip("\r\n"))]
    used, cells = record
    if used > 1 and any(_is_row(text, dialect, fields) for text in lines[at + 1 : at + used]):
        why = "a quoted field goes on over lines that are rows themselves: a quote is missing or too many"
        return 1, [Broken(number, why, line.rstrip("\r\n"))]
    if len(cells) != fields:
        text = "".join(lines[at : at + used]).rstrip("\r\n")
        return used, [Broken(number, f"{len(cells)} fields where the header has {fields}", text)]
    return used, [Row(number, cells)]


def record_at(lines: list[str], at: int, dialect: Dialect) -> tuple[int, list[str]] | str:
    """Read one record: how many lines it takes, and its cells; or what is wrong."""
    arguments = dialect.csv_arguments
    try:
        return 1, next(csv.reader(lines[at : at + 1], **arguments))
    except csv.Error as error:
        if UNFINISHED not in str(error):
            return _in_words(str(error), dialect)
    reader = csv.reader(lines[at : at + RECORD_LINES_MAX], **arguments)
    try:
        cells = next(reader)
    except csv.Error:
        return f"a quote {dialect.quote} is opened and not closed as it should be"
    return reader.line_num, cells


def _in_words(error: str, dialect: Dialect) -> str:
    if "expected after" in error:
        return f"a quote {dialect.quote} inside a quoted field is not escaped"
    if "new-line character" in error:
        return "a carriage return in the middle of the line"
    return error


def _is_row(line: str, dialect: Dialect, fields: int) -> bool:
    """Return True if a line by itself is a whole row."""
    if fields < ROW_FIELDS_MIN:
        return False
    record = record_at([line], 0, dialect)
    return not isinstance(record, str) and len(record[1]) == fields


def _rows_between_cr(line: str, number: int, dialect: Dialect, fields: int) -> list[Row | Broken]:
    """Return the rows of a line that carriage returns divide, if all of them are whole rows: files put together."""
    parts = [part for part in line.rstrip("\r\n").split("\r") if part]
    records = [record_at([part], 0, dialect) for part in parts]
    if len(parts) < 2 or any(isinstance(r, str) or len(r[1]) != fields for r in records):
        return []
    return [Row(number, record[1]) for record in records if not isinstance(record, str)]
