"""A delimited file opened for its rows; opening it finds its dialect."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from ingest.files.delimited import Broken, Chunk, Lines, chunks_of
from ingest.files.dialect import FileOptions
from ingest.files.header import find_dialect, skip_header
from ingest.files.raw_table import load_batches, numbered_batch
from ingest.files.survey import open_text
from stocktide.foundation.errors import Invalid


@dataclass
class DelimitedRows:
    """A delimited file; opening it finds its dialect."""

    path: Path
    options: FileOptions
    expected: Collection[str]
    broken: list[tuple[int, Broken]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dialect, self._survey, self.names = find_dialect(
            self.path, self.options, self.expected
        )

    def load(self, connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
        """Fill `raw`. Raises Invalid where a column stands twice in the header."""
        self._refuse_twice(columns)
        places = [self.names.index(name) for name in columns]
        batches = (_batch(chunk, places) for chunk in self._chunks() if chunk.rows)
        load_batches(connection, columns, batches, empty_is_null=True)

    def numbered(self) -> Iterator[tuple[int, int, list[str]]]:
        """Yield each row with its number, the line on which it begins, and its cells."""
        for chunk in self._chunks():
            yield from zip(chunk.numbers, chunk.lines, chunk.rows, strict=True)

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield the rows, without columns that have neither a name nor anything in them."""
        self._refuse_twice([name for name in self.names if name])
        for chunk in self._chunks():
            for cells in chunk.rows:
                named = zip(self.names, cells, strict=True)
                yield {name: cell or None for name, cell in named if name or cell}

    def _chunks(self) -> Iterator[Chunk]:
        with open_text(self.path, self._survey) as text:
            lines = Lines(text, self.dialect.skip_footer)
            skip_header(lines, self.dialect)
            for chunk in chunks_of(lines, self.dialect, len(self.names)):
                self.broken += chunk.broken
                yield chunk

    def _refuse_twice(self, columns: Sequence[str]) -> None:
        counts = Counter(self.names)
        for name in columns:
            if counts[name] > 1:
                why = f"{name!r} stands {counts[name]} times in the header; give each column its own name."
                place = f"{self.path}, line {self.dialect.header_line}"
                raise Invalid("column_twice", f"{place}: {why}")


def _batch(chunk: Chunk, places: Sequence[int]) -> pa.RecordBatch:
    """Return a chunk's columns at the places as text."""
    columns = list(zip(*chunk.rows, strict=True))
    text = [pa.array(columns[place], pa.string()) for place in places]
    return numbered_batch(chunk.numbers, chunk.lines, text)
