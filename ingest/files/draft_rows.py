"""The rows that a first mapping is drafted from: the file opened as it seems to be written, and what ends it."""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from ingest.files.column_guesses import Columns
from ingest.files.delimited import Broken
from ingest.files.dialect import FileOptions
from ingest.files.raw_table import RowSource, quoted
from ingest.files.source_file import no_rows, open_source
from ingest.files.survey import open_bytes
from stocktide.foundation.errors import Invalid

# Looked at: so many rows from the start, and so many at the end.
ROWS_SEEN, LAST_ROWS_SEEN = 20_000, 1_000
FOOTER_ROWS = 3
# What a file that is not UTF-8 may be, the likeliest first; the last takes any byte.
OTHER_ENCODINGS = ("cp1252", "latin-1")
Row = dict[str, Any]


@dataclass(frozen=True)
class DraftRows:
    """Some rows of a file. options: how it is read. skip_footer: lines at the end that are no rows.

    footer: SQL of the rows at the end that are totals, None if there is none. is_guessed: the encoding is.
    """

    source: RowSource
    options: FileOptions
    columns: Columns
    footer: str | None
    skip_footer: int
    is_guessed: bool


def draft_rows(path: Path, options: FileOptions) -> DraftRows:
    """Read what a first mapping is drafted from. Raises Invalid where the file cannot be read or has no row."""
    source, given = _opened(path, options)
    found = source.dicts()
    rows = list(islice(found, ROWS_SEEN))
    last = deque(enumerate(found, len(rows) + 1), maxlen=LAST_ROWS_SEEN)
    count = last[-1][0] if last else len(rows)
    rows += [row for _, row in last]
    if not rows:
        raise no_rows(path)
    columns, footer = _columns_and_footer(rows)
    return DraftRows(
        source, given, columns, footer, _footer_lines(source.broken, count), given != options
    )


def _opened(path: Path, options: FileOptions) -> tuple[RowSource, FileOptions]:
    try:
        return open_source(path, options), options
    except Invalid as error:
        if error.code != "file_encoding" or options.encoding is not None or _has_nul(path):
            raise
        first, last = (msgspec.structs.replace(options, encoding=e) for e in OTHER_ENCODINGS)
    try:
        return open_source(path, first), first
    except Invalid:
        return open_source(path, last), last


def _has_nul(path: Path) -> bool:
    with open_bytes(path) as file:
        return b"\x00" in file.read(1024)


def _columns_and_footer(rows: list[Row]) -> tuple[Columns, str | None]:
    """Return the columns of the rows without the totals, and SQL of these."""
    size = _footer_size(rows)
    body, totals = rows[: len(rows) - size], rows[len(rows) - size :]
    names = dict.fromkeys(name for row in body for name in row if name)
    values = {n: [str(row[n]) for row in body if row.get(n) not in (None, "")] for n in names}
    columns = Columns(values, len(body))
    if not totals:
        return columns, None
    roles = [columns.role(role) for role in ("id", "time", "sku")]
    empty = (
        n
        for n in [*roles, *names]
        if n and columns.is_full(n) and not any(r.get(n) for r in totals)
    )
    name = next(empty, None)
    return columns, name and f"{quoted(name)} IS NULL"


def _footer_size(rows: list[Row]) -> int:
    """Return how many of the last rows lack most of what all the others have."""
    for size in range(min(FOOTER_ROWS, len(rows) - 2), 0, -1):
        body, totals = rows[:-size], rows[-size:]
        full = [n for n in body[0] if n and all(row.get(n) not in (None, "") for row in body)]
        if len(full) > 1 and all(
            2 * sum(not row.get(n) for n in full) > len(full) for row in totals
        ):
            return size
    return 0


def _footer_lines(broken: list[tuple[int, Broken]], rows: int) -> int:
    """Return how many lines with something on them are no rows behind the last of the rows."""
    size, total = 0, rows + len(broken)
    while size < len(broken) and broken[-1 - size][0] == total - size:
        size += 1
    lines = sum(len(item.text.split("\n")) for _, item in broken[len(broken) - size :])
    return lines if size <= FOOTER_ROWS else 0
