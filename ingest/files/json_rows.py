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

    def __post_init__(self) -> None:
        survey_file(self.path)

    def load(self, connection: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> None:
        """Fill `raw`; a name that a line does not have is empty in it."""
        load_batches(connection, columns, self._batches(columns), empty_is_null=False)

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Yield the rows."""
        for _, _, row in self._rows(_OBJECT):
            yield {name: _text_of(value) for name, value in row.items()}

    def _batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        rows, seen = self._rows(_decoder_of(columns)), dict.fromkeys(self._first_names())
        while some := list(islice(rows, BATCH_ROWS)):
            numbers, lines, values = zip(*some, strict=True)
            cells = list(zip(*map(msgspec.structs.astuple, values), strict=True))
            seen |= {
                n: None
                for n, c in zip(columns, cells, strict=True)
                if any(v is not _ABSENT for v in c)
            }
            text = [pa.array([_text_of(v) for v in column], pa.string()) for column in cells]
            yield numbered_batch(numbers, lines, text)
        self.names = list(seen)

    def _first_names(self) -> list[str]:
        """Return the names in the first row, if there is one."""
        _, _, row = next(self._rows(_OBJECT), (0, 0, {}))
        self.broken.clear()
        return list(row)

    def _rows(self, decoder: msgspec.json.Decoder[Any]) -> Iterator[tuple[int, int, Any]]:
        """Yield the number, the line and the decoded values of each row; what is no object goes to `broken`."""
        number = 0
        with open_bytes(self.path) as file:
            for line, text in enumerate(_bounded_lines(file), start=1):
                if not (text := text.removeprefix(codecs.BOM_UTF8).strip()):
                    continue
                number += 1
                try:
                    if len(text) > JSON_LINE_BYTES_MAX:
                        raise msgspec.DecodeError(f"longer than {JSON_LINE_BYTES_MAX} bytes")
                    row = decoder.decode(text)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    start = text[:JSON_LINE_BYTES_MAX].decode("utf-8", "replace")
                    self.broken.append((number, Broken(line, f"no JSON object: {error}", start)))
                    continue
                yield number, line, row


_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STRING = msgspec.json.Decoder(str)
_ABSENT = msgspec.Raw(b"null")


def _decoder_of(columns: Sequence[str]) -> msgspec.json.Decoder[Any]:
    """Return the decoder of an object's values by name, each as it is written; others are passed over."""
    fields = [(f"c{n}", msgspec.Raw, _ABSENT) for n in range(len(columns))]
    named = {f"c{n}": name for n, name in enumerate(columns)}
    return msgspec.json.Decoder(msgspec.defstruct("Line", fields, rename=named, gc=False))


def _text_of(value: msgspec.Raw) -> str | None:
    raw = bytes(value)
    if raw[:1] == b'"':
        return _STRING.decode(raw) if b"\\" in raw else raw[1:-1].decode()
    return None if raw == b"null" else raw.decode()


def _bounded_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines; of one that is too long its start, a byte more than allowed."""
    while line := file.readline(JSON_LINE_BYTES_MAX + 1):
        yield line
        while len(line) > JSON_LINE_BYTES_MAX and not line.endswith(b"\n"):
            line = file.readline(JSON_LINE_BYTES_MAX + 1)
            if not line:
                break
