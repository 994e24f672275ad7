"""The SQL expressions of a mapping: where each stands, what it must give, and the windows in it taken apart."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from ingest.files.column_types import instant_of_text, written_decimal
from ingest.files.mapping import Mapping
from ingest.files.raw_table import quoted
from stocktide.foundation.errors import Invalid


@dataclass(frozen=True)
class Expression:
    """One expression. place: its key in the mapping. target: the type it must give. windowless: it reads `windows`.

    windows: the window functions in it by the names of helping columns. tried: a row on which it fails is told.
    gives: DuckDB's name of the type that it has.
    """

    place: str
    sql: str
    target: str
    windowless: str
    windows: dict[str, str]
    tried: bool = True
    gives: str = ""

    def value(self) -> str:
        """Return SQL of its value; a text is taken as a time as a column of text is."""
        if self.gives == "VARCHAR" and self.target == "TIMESTAMPTZ":
            return instant_of_text(f"({self.windowless})")
        if self.gives.startswith("DECIMAL") and self.target == "VARCHAR":
            return written_decimal(self.windowless)
        return f"({self.windowless})::{self.target}"

    def struct(self) -> str:
        """Return SQL of {v: its value}, or of nothing where it fails."""
        made = f"{{'v': {self.value()}}}"
        return f"TRY({made})" if self.tried else made


def expressions_of(mapping: Mapping) -> Iterator[tuple[str, str, str]]:
    """Yield place, expression and type of each, in the order in which they are asked."""
    for n, rule in enumerate(mapping.leave_out):
        yield f"leave_out[{n}].when", rule.when, "BOOLEAN"
    for n, kind in enumerate(mapping.kind):
        yield f"kind[{n}].when", kind.when, "BOOLEAN"
    yield from (
        ("event.id", mapping.event.id, "VARCHAR"),
        ("event.time", mapping.event.time, "TIMESTAMPTZ"),
    )
    for name, said in (("product", mapping.product), ("location", mapping.location)):
        yield from (
            (f"{name}.{field}", expression, "VARCHAR") for field, expression in said.items()
        )
    for n, kind in enumerate(mapping.kind):
        yield from ((f"kind[{n}].data.{name}", sql, "VARCHAR") for name, sql in kind.data.items())


def refuse_empty(mapping: Mapping, place: str, sql: str) -> None:
    """Raise Invalid where nothing is written."""
    if not sql.strip():
        why = f"{place} is empty; write an SQL expression over the columns."
        raise Invalid("mapping_expression", f"mapping {mapping.name!r}, {why}")


def take_apart(
    connection: duckdb.DuckDBPyConnection, place: str, sql: str, target: str
) -> Expression:
    """Return an expression with its window functions set apart: DuckDB's TRY takes none.

    What a window reads is tried, too: where it fails it is no value for the window, and the row itself fails.
    """
    if "over" not in sql.lower():
        return Expression(place, sql, target, sql, {})
    tree = _parsed(connection, sql)
    windows: dict[str, str] = {}
    read: list[str] = []
    for node in list(_windows(tree)):
        name = f"_window {place} {len(windows)}"
        read += _try_parts(connection, node)
        windows[name] = _text(connection, node)
        node.clear()
        node.update(_parsed(connection, quoted(name)))
    windowless = _text(connection, tree)
    for part in read:
        # a hash is never NULL: it only makes the row read what its window reads
        windowless = f"CASE WHEN hash({part}) IS NOT NULL THEN ({windowless}) END"
    return Expression(place, sql, target, windowless, windows)


def _try_parts(connection: duckdb.DuckDBPyConnection, window: Any) -> list[str]:
    """Try what a window function reads, where that can fail and be tried; return these parts as SQL."""
    parts = []
    read = [*window.get("arguments", []), *window["orders"]]
    children = [holder["expression"] for holder in read] + window["partitions"]
    for child in children:
        part = _text(connection, child)
        if child["class"] not in ("CONSTANT", "COLUMN_REF") and _can_be_tried(connection, part):
            parts.append(part)
            child.update(_parsed(connection, f"TRY({part})"))
    return parts


def _can_be_tried(connection: duckdb.DuckDBPyConnection, part: str) -> bool:
    try:
        connection.execute(f"SELECT TRY({part}) FROM lined LIMIT 0")  # noqa: S608 - the operator's own
    except duckdb.Error:
        return False
    return True


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    """Return the syntax tree of an expression."""
    return _statement(connection, sql)["statements"][0]["node"]["select_list"][0]


def _text(connection: duckdb.DuckDBPyConnection, node: Any) -> str:
    """Return the SQL of a syntax tree."""
    statement = _statement(connection, "1")
    statement["statements"][0]["node"]["select_list"] = [node]
    query = "SELECT json_deserialize_sql(CAST(? AS JSON))"
    ((text,),) = connection.execute(query, [json.dumps(statement)]).fetchall()
    return str(text).removeprefix("SELECT ")


def _statement(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    ((tree,),) = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT ({sql})"]).fetchall()
    return json.loads(tree)


def _windows(node: Any) -> Iterator[Any]:
    """Yield the outermost window functions."""
    if isinstance(node, list):
        for child in node:
            yield from _windows(child)
    elif isinstance(node, dict):
        if node.get("class") == "WINDOW":
            yield node
        else:
            yield from _windows(list(node.values()))
