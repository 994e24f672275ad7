"""A file of JSON objects, one a line, opened for its rows."""

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import msgspec
import pyarrow as pa

from ingest.files.delimited import Broken
from ingest.files.raw_table import load_batches, numbered_batch
from ingest.files.survey import open_bytes, survey_file

BATCH_ROWS = 20_000
JSON_LINE_BYTES_MAX = 4 * 2**20


@dataclass
class JsonRows:
    """A file of JSON objects in UTF-8, one a line; a value is the text that it is written with."""

    path: Path
    names: list[str] = field(default_factory=list)
    broken: list[tuple[int, Broken]] = field(default_factory=list)
    dialect: None = None

    def load(self, connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
        """Fill `raw`; a name that a line does not have is empty in it."""
        load_batches(connection, columns, self._batches(columns))

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield the rows."""
        yield from (row for _, _, row in self._rows())

    def _batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        rows = self._rows()
        while some := list(islice(rows, BATCH_ROWS)):
            numbers, lines, values = zip(*some, strict=True)
            text = [pa.array([v.get(name) for v in values], pa.string()) for name in columns]
            yield numbered_batch(numbers, lines, text)

    def _rows(self) -> Iterator[tuple[int, int, dict[str, str | None]]]:
        """Yield the number, the line and the values of each row; what is no object goes to `broken`."""
        survey_file(self.path)
        number, seen = 0, dict.fromkeys(self.names)
        with open_bytes(self.path) as file:
            for line, text in enumerate(_bounded_lines(file), start=1):
                if not (text := text.removeprefix(codecs.BOM_UTF8).strip()):
                    continue
                number += 1
                try:
                    if len(text) > JSON_LINE_BYTES_MAX:
                        raise msgspec.DecodeError(f"longer than {JSON_LINE_BYTES_MAX} bytes")
                    row = {name: _text_of(value) for name, value in _OBJECT.decode(text).items()}
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    start = text[:JSON_LINE_BYTES_MAX].decode("utf-8", "replace")
                    self.broken.append((number, Broken(line, f"no JSON object: {error}", start)))
                    continue
                seen.update(dict.fromkeys(row))
                yield number, line, row
        self.names = list(seen)


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRING = msgspec.json.Decoder(str)


def _text_of(value: msgspec.Raw) -> str | None:
    raw = bytes(value)
    if raw.startswith(b'"'):
        return _STRING.decode(raw)
    return None if raw == b"null" else raw.decode()


def _bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines; of one that is too long its start, a byte more than allowed."""
    while line := file.readline(JSON_LINE_BYTES_MAX + 1):
        yield line
        while len(line) > JSON_LINE_BYTES_MAX and not line.endswith(b"\n"):
            line = file.readline(JSON_LINE_BYTES_MAX + 1)
            if not line:
                break
