"""The SQL expressions of a mapping: where each stands, what it must give, and the windows in it taken apart."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb

from ingest.files.mapping import Mapping
from ingest.files.raw_table import quoted

PREFIX = "SELECT ("


@dataclass(frozen=True)
class Expression:
    """One expression. place: its key in the mapping. target: the type it must give. windowless: it reads `windows`.

    windows: the window functions in it by the names of helping columns. tried: a row on which it fails is told.
    """

    place: str
    sql: str
    target: str
    windowless: str
    windows: dict[str, str]
    tried: bool = True

    def struct(self) -> str:
        """Return SQL of {v: its value}, or of nothing where it fails."""
        made = f"{{'v': ({self.windowless})::{self.target}}}"
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


def take_apart(
    connection: duckdb.DuckDBPyConnection, place: str, sql: str, target: str
) -> Expression:
    """Return an expression with its window functions set apart: DuckDB's TRY takes none."""
    found = [] if "over" not in sql.lower() else list(_windows(_parsed(connection, sql)))
    text = sql.encode()
    windows: dict[str, str] = {}
    for start, length in sorted(found, reverse=True):
        name = f"_window {place} {len(windows)}"
        at = start - len(PREFIX)
        windows[name] = text[at : at + length].decode()
        text = text[:at] + quoted(name).encode() + text[at + length :]
    return Expression(place, sql, target, text.decode(), windows)


def _parsed(connection: duckdb.DuckDBPyConnection, sql: str) -> Any:
    ((tree,),) = connection.execute("SELECT json_serialize_sql(?)", [f"{PREFIX}{sql})"]).fetchall()
    return json.loads(tree)


def _windows(node: Any) -> Iterator[tuple[int, int]]:
    """Yield where the outermost window functions stand."""
    if isinstance(node, list):
        for child in node:
            yield from _windows(child)
    elif isinstance(node, dict):
        if node.get("class") == "WINDOW" and "query_location_length" in node:
            yield node["query_location"], node["query_location_length"]
        else:
            yield from _windows(list(node.values()))
