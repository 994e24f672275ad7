"""Rows of a file seen through a mapping: events of which kind, with which fields, and rows that are left out."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import duckdb
import pyarrow as pa

from ingest.files.column_types import Marks, point_evidence
from ingest.files.expressions import Expression, expressions_of, take_apart
from ingest.files.mapped_query import lined_query, mapped_query, typed_query, windowed_query
from ingest.files.mapping import Mapping
from ingest.files.parquet_rows import about_input
from ingest.files.raw_table import NUMBER, RowSource, literal, quoted
from ingest.files.source_file import open_source
from stocktide.foundation.errors import Invalid

CHUNK_ROWS = 5_000
# Beyond it DuckDB writes to a temporary folder.
MEMORY_MAX = "1GB"
NUMERIC = ("BIGINT", "DOUBLE")


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
            self.source = self._load()
            self.marks = self._marks()
            self._map()
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
        return [tuple(broken) for _, broken in self.source.broken]

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
        query = f"SELECT {quoted(place)}, count(*), min(row) FROM mapped WHERE left_out IS NULL AND {quoted(place)} IS NOT NULL GROUP BY 1 ORDER BY 3"  # noqa: S608, E501
        return self._connection.execute(query).fetchall()

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

    def expression(self, place: str) -> str:
        """Return the expression at a place of the mapping."""
        return self._expressions[place].sql

    def failure(self, place: str, row: int) -> str:
        """Return what DuckDB says of an expression that fails on a row."""
        expression = self._expressions[place]
        query = f"SELECT ({expression.windowless})::{expression.target} FROM windowed WHERE {NUMBER} = {row}"  # noqa: S608
        error = self._error_of(query)
        return about_input(error) if error else "it fails"

    def _set_timezone(self) -> None:
        try:
            self._connection.execute(f"SET timezone = {literal(self.mapping.timezone)}")
        except duckdb.Error as error:
            why = f"mapping {self.mapping.name!r}: {about_input(error)}"
            raise Invalid("mapping_timezone", why) from None

    def _load(self) -> RowSource:
        source = open_source(self.path, self.mapping.file, self.mapping.columns)
        if source.names or source.dialect is not None:
            self._check_columns(source)
        source.load(self._connection, list(self.mapping.columns))
        self._check_columns(source)
        self._connection.execute("SET enable_external_access = false")
        return source

    def _check_columns(self, source: RowSource) -> None:
        for name in self.mapping.columns:
            if name not in source.names:
                why = f"column {name!r} of mapping {self.mapping.name!r} is not there"
                has = f"the file has {', '.join(source.names)}."
                raise Invalid("column_missing", f"{self.path}: {why}; {has}")

    def _marks(self) -> Marks:
        """Return the marks of numbers: declared, or the usual ones, doubted where the file speaks against them."""
        marks = Marks.of(self.source.dialect)
        columns = [name for name, kind in self.mapping.columns.items() if kind in NUMERIC]
        declared = self.mapping.file.decimal is not None or self.mapping.file.thousands is not None
        if self.source.dialect is None or declared or not columns:
            return marks
        ((commas, points),) = self._connection.execute(point_evidence(columns)).fetchall()
        return marks._replace(doubted=commas and not points)

    def _map(self) -> None:
        """Make the views `typed`, `lined` and `windowed`, and of them the table `mapped`."""
        self._view("typed", typed_query(self.mapping, self.marks))
        self._view("lined", lined_query(self.mapping))
        self._expressions = {e[0]: self._checked(*e) for e in expressions_of(self.mapping)}
        apart = self._expressions.values()
        self._view("windowed", windowed_query({k: v for e in apart for k, v in e.windows.items()}))
        self._expressions = {e.place: self._tried(e) for e in apart}
        query = mapped_query(self.mapping, list(self._expressions.values()))
        try:
            self._connection.execute(f"CREATE TEMP TABLE mapped AS {query}")
        except duckdb.Error as error:
            raise self._failing(error) from None
        self._refuse_failing(
            "NOT starts_with(failed, 'product.') AND NOT starts_with(failed, 'location.')"
        )

    def _view(self, name: str, query: str) -> None:
        self._connection.execute(f"CREATE TEMP VIEW {name} AS {query}")

    def _checked(self, place: str, sql: str, target: str) -> Expression:
        """Return an expression that DuckDB understands. Raises Invalid for another."""
        if error := self._error_of(f"SELECT ({sql}) FROM lined LIMIT 0"):  # noqa: S608 - the operator's own
            raise self._bad_expression("mapping", place, error)
        return take_apart(self._connection, place, sql, target)

    def _tried(self, expression: Expression) -> Expression:
        """Return the expression, untried where DuckDB cannot try it (a subquery, a random number)."""
        if not self._error_of(f"SELECT {expression.struct()} FROM windowed LIMIT 0"):  # noqa: S608
            return expression
        plain = replace(expression, tried=False)
        if error := self._error_of(f"SELECT {plain.struct()} FROM windowed LIMIT 0"):  # noqa: S608
            raise self._bad_expression(f"{self.path}: mapping", expression.place, error)
        return plain

    def _refuse_failing(self, places: str) -> None:
        """Raise Invalid where an expression fails on every row that is not left out: that is the mapping's fault."""
        query = (
            "SELECT any_value(failed), any_value(rule), min(row) FROM mapped WHERE left_out IS NULL AND bad_column IS NULL"  # noqa: S608
            f" HAVING count(*) > 0 AND bool_and(failed IS NOT NULL AND {places})"
        )
        for place, rule, row in self._connection.execute(query).fetchall():
            where = place_in_mapping(place, rule)
            said = (
                f"{self.path}: mapping {self.mapping.name!r}, {where}: {self.failure(where, row)}"
            )
            raise Invalid("mapping_expression", f"{said} (it fails on every row)")

    def _failing(self, error: duckdb.Error) -> Invalid:
        """Return the error that names the expression that fails on a row and cannot be tried, such as a window function."""
        mapping = f"{self.path}: mapping"
        for e in self._expressions.values():
            for sql in [*e.windows.values(), *([] if e.tried else [f"({e.sql})::{e.target}"])]:
                if found := self._error_of(f"SELECT count(v) FROM (SELECT {sql} AS v FROM lined)"):  # noqa: S608
                    return self._bad_expression(mapping, e.place, found)
        return self._bad_expression(mapping, "an expression", error)

    def _error_of(self, query: str) -> duckdb.Error | None:
        try:
            self._connection.execute(query)
        except duckdb.Error as error:
            return error
        return None

    def _bad_expression(self, mapping: str, place: str, error: duckdb.Error) -> Invalid:
        said = f"{mapping} {self.mapping.name!r}, {place}: {about_input(error)}"
        return Invalid("mapping_expression", said)

    def _dimension(self, kind: str, said: dict[str, str], code: str) -> list[dict[str, Any]]:
        self._refuse_failing(f"starts_with(failed, '{kind}.')")
        others = "".join(
            f", mode({quoted(f'{kind}.{name}')}) AS {quoted(name)}" for name in said if name != code
        )
        query = (
            f"SELECT {quoted(f'{kind}.{code}')} AS {code}{others} FROM mapped"  # noqa: S608
            f" WHERE left_out IS NULL AND failed IS NULL AND {quoted(f'{kind}.{code}')} IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        table: list[dict[str, Any]] = self._connection.sql(query).to_arrow_table().to_pylist()
        return table


def place_in_mapping(place: str, rule: int | None) -> str:
    """Return where an expression stands in the mapping: a field of data stands in the rule's own table."""
    return f"kind[{rule}].{place}" if place.startswith("data.") else place


def check_expressions(mapping: Mapping) -> None:
    """Raise Invalid for an expression that DuckDB does not understand, over columns of the declared types and no row."""
    with duckdb.connect() as connection:
        columns = "".join(f", {quoted(c)} {kind}" for c, kind in mapping.columns.items())
        line = "" if "line" in mapping.columns else ", line BIGINT"
        connection.execute(f"CREATE TEMP TABLE lined ({NUMBER} BIGINT{columns}{line})")
        connection.execute("SET enable_external_access = false")
        for place, sql, target in expressions_of(mapping):
            try:
                connection.execute(f"SELECT ({sql})::{target} FROM lined")  # noqa: S608 - the operator's own
            except duckdb.Error as error:
                said = f"mapping {mapping.name!r}, {place}: {about_input(error)}"
                raise Invalid("mapping_expression", said) from None
