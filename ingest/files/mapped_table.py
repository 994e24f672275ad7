"""The scratch table `mapped`: rows as the fields of events, and what expressions say where they fail."""

from dataclasses import replace
from pathlib import Path

import duckdb

from ingest.files.column_types import Marks
from ingest.files.expressions import Expression, expressions_of, refuse_empty, take_apart
from ingest.files.mapped_query import (
    lined_query,
    mapped_query,
    parsed_query,
    typed_query,
    windowed_query,
)
from ingest.files.mapping import Mapping
from ingest.files.parquet_rows import about_input
from ingest.files.raw_table import NUMBER
from stocktide.foundation.errors import Invalid


class MappedTable:
    """The mapping's view of the table `raw`, made when it is built."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, path: Path, mapping: Mapping, marks: Marks
    ) -> None:
        self.path = path
        self.mapping = mapping
        self.marks = marks
        self._connection = connection
        self._map()

    def expression(self, place: str) -> str:
        """Return the expression at a place of the mapping."""
        return self._expressions[place].sql

    def is_inexact(self, place: str) -> bool:
        """Return True if the expression at a place computes with doubles, and is not a column as it stands."""
        expression = self._expressions.get(place)
        if expression is None or expression.gives != "DOUBLE":
            return False
        return expression.sql.strip().strip('"') not in self.mapping.columns

    def failure(self, place: str, row: int) -> str:
        """Return what DuckDB says of an expression that fails on a row."""
        expression = self._expressions[place]
        query = f"SELECT {expression.value()} FROM windowed WHERE {NUMBER} = {row}"  # noqa: S608
        error = self._error_of(query)
        return about_input(error) if error else "it fails"

    def _map(self) -> None:
        """Make the views `typed`, `lined` and `windowed`, and of them the table `mapped`."""
        self._view("parsed", parsed_query(self.mapping.columns))
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
        # what only describes a product or location is asked for by those who describe them
        self.refuse_failing(
            "NOT starts_with(failed, 'product.') AND NOT starts_with(failed, 'location.')"
        )

    def _view(self, name: str, query: str) -> None:
        self._connection.execute(f"CREATE TEMP VIEW {name} AS {query}")

    def _checked(self, place: str, sql: str, target: str) -> Expression:
        """Return an expression that DuckDB understands. Raises Invalid for another."""
        refuse_empty(self.mapping, place, sql)
        if error := self._error_of(f"SELECT ({sql}) FROM lined LIMIT 0"):  # noqa: S608 - the operator's own
            raise self._bad_expression("mapping", place, error)
        described = self._connection.execute(f"DESCRIBE SELECT ({sql}) FROM lined")  # noqa: S608
        gives = described.fetchall()[0][1]
        return replace(take_apart(self._connection, place, sql, target), gives=gives)

    def _tried(self, expression: Expression) -> Expression:
        """Return the expression, untried where DuckDB cannot try it (a subquery, a random number)."""
        if not self._error_of(f"SELECT {expression.struct()} FROM windowed LIMIT 0"):  # noqa: S608
            return expression
        plain = replace(expression, tried=False)
        if error := self._error_of(f"SELECT {plain.struct()} FROM windowed LIMIT 0"):  # noqa: S608
            raise self._bad_expression(f"{self.path}: mapping", expression.place, error)
        return plain

    def refuse_failing(self, places: str) -> None:
        """Raise Invalid where an expression fails on every row that is not left out: that is the mapping's fault."""
        query = (
            "SELECT arg_min(failed, row), arg_min(rule, row), min(row) FROM mapped"  # noqa: S608
            " WHERE left_out IS NULL AND bad_column IS NULL"
            f" HAVING count(*) > 0 AND bool_and(failed IS NOT NULL AND {places})"
        )
        for place, rule, row in self._connection.execute(query).fetchall():
            where = place_in_mapping(place, rule)
            said = (
                f"{self.path}: mapping {self.mapping.name!r}, {where}: {self.failure(where, row)}"
            )
            raise Invalid("mapping_expression", f"{said} (it fails on every row)")

    def _failing(self, error: duckdb.Error) -> Invalid:
        """Return the error that names the expression that fails and cannot be tried, such as a window function."""
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


def place_in_mapping(place: str, rule: int | None) -> str:
    """Return where an expression stands in the mapping: a field of data stands in the rule's own table."""
    return f"kind[{rule}].{place}" if place.startswith("data.") else place
