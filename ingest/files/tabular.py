"""Rows of a file seen through a mapping: events of which kind, with which fields, and rows that are left out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from ingest.files.mapping import Mapping
from ingest.files.source_file import about_input, broken_lines, literal, load_source
from stocktide.foundation.errors import Invalid

CHUNK_ROWS = 5_000
# What Python's datetime holds in any zone; DuckDB's timestamps reach much further.
TIME_MIN, TIME_MAX = "0001-01-03", "9999-12-29"


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


class TabularFile:
    """A file loaded into a scratch table `raw`, and the mapping's view of it, `mapped`, until it is closed."""

    def __init__(self, path: Path, mapping: Mapping) -> None:
        self.path = path
        self.mapping = mapping
        self._connection = duckdb.connect()
        try:
            self._set_timezone()
            load_source(self._connection, path)
            self._check_columns()
            self._map()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def counts(self) -> tuple[int, int]:
        """Return the number of rows, and of lines among them that are not even rows (too many or too few columns)."""
        ((rows,),) = self._connection.execute("SELECT count(*) FROM raw").fetchall()
        broken = len(self.broken_lines())
        return rows + broken, broken

    def broken_lines(self) -> list[tuple[int, str, str | None]]:
        """Return line number, error and text of the lines that are not rows; CSV only."""
        return broken_lines(self._connection, self.path)

    def left_out(self) -> dict[str, int]:
        """Return the number of rows left out, by the mapping's reason."""
        return dict(
            self._connection.execute(
                "SELECT left_out, count(*) FROM mapped WHERE left_out IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"
            ).fetchall()
        )

    def products(self) -> list[dict[str, Any]]:
        """Return the products that events name; of several values of a field, the most frequent one."""
        return self._dimension(self.mapping.product, "sku")

    def locations(self) -> list[dict[str, Any]]:
        """Return the locations that events name; of several values of a field, the most frequent one."""
        return self._dimension(self.mapping.location, "code")

    def event_rows(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows that are not left out, in chunks, as the mapping's fields, in the order of the file."""
        reader = self._connection.sql(
            "SELECT * EXCLUDE (left_out) FROM mapped WHERE left_out IS NULL ORDER BY row"
        ).to_arrow_reader(CHUNK_ROWS)
        for batch in reader:
            yield pa.Table.from_batches([batch]).to_pylist()

    def _set_timezone(self) -> None:
        try:
            self._connection.execute(f"SET timezone = {literal(self.mapping.timezone)}")
        except duckdb.Error as error:
            why = f"mapping {self.mapping.name!r}: {about_input(error)}"
            raise Invalid("mapping_timezone", why) from None

    def _check_columns(self) -> None:
        _, *there = [row[0] for row in self._connection.execute("DESCRIBE raw").fetchall()]
        for name in self.mapping.columns:
            if name not in there:
                why = f"column {name!r} of mapping {self.mapping.name!r} is not there"
                has = f"the file has {', '.join(there)}."
                raise Invalid("column_missing", f"{self.path}: {why}; {has}")

    def _map(self) -> None:
        """Make `typed` (columns cast; what cannot be cast is named in bad_column) and `mapped`."""
        m = self.mapping
        casts = ", ".join(
            f"TRY_CAST({quoted(c)} AS {t}) AS {quoted(c)}" for c, t in m.columns.items()
        )
        bad = " ".join(
            f"WHEN {quoted(c)} IS NOT NULL AND {quoted(c)}::VARCHAR <> '' AND TRY_CAST({quoted(c)} AS {t}) IS NULL"
            f" THEN {literal(c)}"
            for c, t in m.columns.items()
        )
        line = "row"
        if m.line_within:
            line = f"row_number() OVER (PARTITION BY {quoted(m.line_within)} ORDER BY row)"
        original = ", ".join(quoted(c) for c in m.columns)
        fields = ", ".join(f"{literal(c)}: {quoted(c)}" for c in m.columns)
        self._connection.execute(
            f"CREATE TEMP VIEW typed AS SELECT row, {casts}, CASE {bad} END AS bad_column,"  # noqa: S608
            f" to_json({{{fields}}})::VARCHAR AS original"
            f" FROM (SELECT row, {original} FROM raw)"
        )
        self._connection.execute(f"CREATE TEMP VIEW lined AS SELECT *, {line} AS line FROM typed")  # noqa: S608
        for place, expression in self._expressions():
            if error := self._error_of(f"SELECT ({expression}) FROM lined LIMIT 0"):  # noqa: S608 - the operator's own
                raise self._bad_expression("mapping", place, error)
        try:
            self._connection.execute(f"CREATE TEMP TABLE mapped AS {self._mapped_query()}")
        except duckdb.Error as error:
            raise self._failing_expression(error) from None

    def _expressions(self) -> Iterator[tuple[str, str]]:
        m = self.mapping
        yield from (("event.id", m.event.id), ("event.time", m.event.time))
        yield from ((f"product.{name}", expression) for name, expression in m.product.items())
        yield from ((f"location.{name}", expression) for name, expression in m.location.items())
        yield from ((f"leave_out[{n}].when", rule.when) for n, rule in enumerate(m.leave_out))
        for n, rule in enumerate(m.kind):
            yield f"kind[{n}].when", rule.when
            yield from (
                (f"kind[{n}].data.{name}", expression) for name, expression in rule.data.items()
            )

    def _failing_expression(self, error: duckdb.Error) -> Invalid:
        """Return the error that names the expression that binds, but fails on a row of this file."""
        mapping = f"{self.path}: mapping"
        for place, expression in self._expressions():
            types = {"event.time": "TIMESTAMPTZ", "when": "BOOLEAN"}
            target = types.get(place, types.get(place.rpartition(".")[2], "VARCHAR"))
            if found := self._error_of(f"SELECT count(({expression})::{target}) FROM lined"):  # noqa: S608
                return self._bad_expression(mapping, place, found)
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

    def _mapped_query(self) -> str:
        m = self.mapping
        fields = sorted({name for rule in m.kind for name in rule.data})
        left_out = " ".join(
            f"WHEN ({rule.when}) THEN {literal(rule.reason)}" for rule in m.leave_out
        )
        rule_of = " ".join(f"WHEN ({rule.when}) THEN {n}" for n, rule in enumerate(m.kind))
        data = ", ".join(
            f"CASE rule {self._cases(name)} END AS {quoted('data.' + name)}" for name in fields
        )
        return (
            f"SELECT row, original, bad_column, rule, left_out, ({m.event.id})::VARCHAR AS id,"  # noqa: S608
            f" CASE WHEN ({m.event.time})::TIMESTAMPTZ BETWEEN '{TIME_MIN}' AND '{TIME_MAX}'"
            f" THEN ({m.event.time})::TIMESTAMPTZ END AS time, ({m.event.time})::VARCHAR AS time_said,"
            f" ({m.product['sku']})::VARCHAR AS product,"
            f" ({m.location['code']})::VARCHAR AS location, {data}"
            f" FROM (SELECT *, {f'CASE {left_out} END' if left_out else 'NULL::VARCHAR'} AS left_out,"
            f" CASE {rule_of} END AS rule FROM lined)"
        )

    def _cases(self, name: str) -> str:
        return " ".join(
            f"WHEN {n} THEN ({rule.data[name]})::VARCHAR"
            for n, rule in enumerate(self.mapping.kind)
            if name in rule.data
        )

    def _dimension(self, said: dict[str, str], code: str) -> list[dict[str, Any]]:
        others = ", ".join(
            f"mode(({e})::VARCHAR) AS {quoted(name)}" for name, e in said.items() if name != code
        )
        query = (
            f"SELECT ({said[code]})::VARCHAR AS {code}{', ' + others if others else ''} FROM lined"  # noqa: S608
            " SEMI JOIN (SELECT row FROM mapped WHERE left_out IS NULL AND rule IS NOT NULL) kept USING (row)"
            f" WHERE ({said[code]}) IS NOT NULL GROUP BY 1 ORDER BY 1"
        )
        try:
            table: list[dict[str, Any]] = self._connection.sql(query).to_arrow_table().to_pylist()
        except duckdb.Error as error:
            raise self._failing_expression(error) from None
        return table
