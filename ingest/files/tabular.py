"""Rows of a file seen through a mapping: events of which kind, with which fields, and rows that are left out."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import duckdb
import pyarrow as pa

from ingest.files.loading import load_source, marks_of
from ingest.files.mapped_query import doubled_query
from ingest.files.mapped_table import MappedTable
from ingest.files.mapping import Mapping
from ingest.files.parquet_rows import about_input
from ingest.files.raw_table import literal, quoted
from stocktide.foundation.errors import Invalid

CHUNK_ROWS = 5_000
# Beyond it DuckDB writes to a temporary folder.
MEMORY_MAX = "1GB"


class TabularFile:
    """A file loaded into a scratch table `raw`, and the mapping's view of it, `mapped`, until it is closed.

    source: the file, with its dialect and what in it is no row. marks: of its numbers.
    """

    def __init__(self, path: Path, mapping: Mapping) -> None:
        self.path = path
        self.mapping = mapping
        with ExitStack() as stack:
            # DuckDB makes the folder when it needs it, and takes it away
            folder = Path(tempfile.gettempdir()) / f"stocktide-import-{uuid4().hex}"
            limits = {"memory_limit": MEMORY_MAX, "temp_directory": str(folder)}
            self._connection = stack.enter_context(duckdb.connect(config=limits))
            self._set_timezone()
            self.source = load_source(self._connection, path, mapping)
            self.marks = marks_of(self._connection, self.source, mapping)
            self.mapped = MappedTable(self._connection, path, mapping, self.marks)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def counts(self) -> tuple[int, int]:
        """Return the number of rows, and of those among them that are broken (fields missing or too many, no JSON)."""
        ((rows,),) = self._connection.execute("SELECT count(*) FROM raw").fetchall()
        broken = len(self.source.broken)
        return rows + broken, broken

    def broken_lines(self) -> list[tuple[int, str, str]]:
        """Return line, error and text of what is no row."""
        return [(b.line, b.error, b.text) for _, b in self.source.broken]

    def left_out(self) -> dict[str, int]:
        """Return the number of rows left out, by the mapping's reason."""
        return dict(
            self._connection.execute(
                "SELECT left_out, count(*) FROM mapped WHERE left_out IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"
            ).fetchall()
        )

    def products(self) -> list[dict[str, Any]]:
        """Return the products that events name; of several values of a field, the most frequent one."""
        return self._dimension("product", self.mapping.product, "sku")

    def locations(self) -> list[dict[str, Any]]:
        """Return the locations that events name; of several values of a field, the most frequent one."""
        return self._dimension("location", self.mapping.location, "code")

    def codes(self, place: str) -> list[tuple[str, int, int]]:
        """Return each code of events (place: product.sku, location.code), with its rows and the number of the first."""
        code = quoted(place)
        query = (
            f"SELECT {code}, count(*), min(row) FROM mapped"  # noqa: S608
            f" WHERE left_out IS NULL AND {code} IS NOT NULL GROUP BY 1 ORDER BY 3"
        )
        codes: list[tuple[str, int, int]] = self._connection.execute(query).fetchall()
        return codes

    def doubled_times(self) -> tuple[int, int | None]:
        """Return how many rows name an hour that clocks pass twice without an offset, and the number of the first."""
        ((rows, first),) = self._connection.execute(doubled_query(self.mapping.columns)).fetchall()
        return rows, first

    def event_rows(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows that are not left out, in chunks, as the mapping's fields, in the order of the file."""
        described = [
            f"{kind}.{name}"
            for kind, said in (
                ("product", self.mapping.product),
                ("location", self.mapping.location),
            )
            for name in said
            if name not in ("sku", "code")
        ]
        unneeded = ", ".join(map(quoted, ["left_out", *described]))
        reader = self._connection.sql(
            f"SELECT * EXCLUDE ({unneeded}) FROM mapped WHERE left_out IS NULL ORDER BY row"  # noqa: S608
        ).to_arrow_reader(CHUNK_ROWS)
        for batch in reader:
            yield pa.Table.from_batches([batch]).to_pylist()

    def _set_timezone(self) -> None:
        try:
            self._connection.execute(f"SET timezone = {literal(self.mapping.timezone)}")
        except duckdb.Error as error:
            why = f"mapping {self.mapping.name!r}: {about_input(error)}"
            raise Invalid("mapping_timezone", why) from None

    def _dimension(self, kind: str, said: dict[str, str], code: str) -> list[dict[str, Any]]:
        self.mapped.refuse_failing(f"starts_with(failed, '{kind}.')")
        others = "".join(
            f", mode({quoted(f'{kind}.{name}')}) AS {quoted(name)}" for name in said if name != code
        )
        named = quoted(f"{kind}.{code}")
        query = (
            f"SELECT {named} AS {code}{others} FROM mapped WHERE left_out IS NULL AND failed IS NULL"  # noqa: S608
            f" AND {named} IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        table: list[dict[str, Any]] = self._connection.sql(query).to_arrow_table().to_pylist()
        return table
