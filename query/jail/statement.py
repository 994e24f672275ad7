"""Look at a statement before it runs: one SELECT, on the documented tables, with functions that only compute.

The tree is DuckDB's own: what is looked at is what runs. It is the first wall of several, and the one that explains.
"""

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

import duckdb

# Functions that stand in FROM: the others read files, settings, memory or other statements.
TABLE_FUNCTIONS = frozenset({"generate_series", "json_each", "json_tree", "range", "unnest"})
# Functions of a value that tell of the process, change it, wait, or take apart what only DuckDB itself writes.
REFUSED = frozenset(
    {
        "cast_to_type", "col_description", "combine", "combine_aggr", "create_sort_key", "current_catalog",
        "current_connection_id", "current_database", "current_query", "current_query_id", "current_role",
        "current_schema", "current_schemas", "current_setting", "current_transaction_id", "current_user", "currval",
        "finalize", "get_block_size", "getenv", "getvariable", "in_search_path", "index_key", "invoke",
        "json_deserialize_sql", "json_serialize_plan", "json_serialize_sql", "nextval", "obj_description",
        "parse_duckdb_log_message", "session_user", "setseed", "setval", "shobj_description", "sleep_ms", "stats",
        "to_aggregate_state", "txid_current", "user", "variant_bytes_to_variant", "vector_type", "version", "write_log",
    }
)  # fmt: skip
REFUSED_BEGINNINGS = ("duckdb_", "has_", "icu_", "inet_", "pg_", "pragma_", "read_", "which_")
HARMLESS = frozenset({"pg_typeof", "pg_size_pretty", "icu_sort_key"})
# Inputs of the views; a statement cannot name them, nor call a table of its own so.
HIDDEN = "input_"


class Refused(Exception):
    """The statement is not run. code: why, in one word for machines."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Node:
    """A node of a statement's tree. seen: tables that WITH defines for it, which are no documented ones."""

    tree: dict[str, Any]
    seen: frozenset[str]

    @property
    def path(self) -> list[str]:
        """Return the parts of its name, in small letters."""
        given = self.tree.get("qualified_name") or {}
        return [small(str(part).strip('"')) for part in given.get("path", [])]


def small(name: str) -> str:
    """Return a name in small letters as DuckDB compares names: other alphabets stay as they are."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def check(connection: duckdb.DuckDBPyConnection, text: str, tables: Set[str]) -> list[str]:
    """Return the documented tables that a statement reads. Raises Refused."""
    used = set()
    for node in _nodes(_parsed(connection, text)):
        _check_function(node.tree)
        _check_source(node, tables)
        if node.tree.get("type") == "BASE_TABLE":
            used.add(node.path[-1])
    return sorted(used & tables)


def _parsed(connection: duckdb.DuckDBPyConnection, text: str) -> Any:
    try:
        statements = connection.extract_statements(text)
    except duckdb.Error as error:
        raise Refused("syntax", str(error)) from None
    if len(statements) != 1:
        count = len(statements)
        raise Refused(
            "one_statement", f"Send one statement, not {count}." if count else "Send a statement."
        )
    if statements[0].type != duckdb.StatementType.SELECT:
        kind = statements[0].type.name
        raise Refused(
            "not_select",
            f"Only SELECT, WITH and VALUES run here, and this is {kind}. Nothing was changed.",
        )
    (answer,) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchall()
    try:
        parsed = json.loads(answer[0])
    except (ValueError, RecursionError):
        raise Refused(
            "too_deep", "The statement is nested too deeply. Take it apart by WITH."
        ) from None
    if parsed.get("error"):
        said = parsed.get("error_message", "")
        raise Refused(
            "not_select", f"Only SELECT, WITH and VALUES run here. The parser said: {said}"
        )
    return parsed["statements"]


def _nodes(tree: Any) -> Iterator[Node]:
    """Walk a tree, without recursion: its depth is the sender's. A name is seen where DuckDB sees it, and nowhere else.

    A table of WITH is seen by those after it and by the statement below it; by itself only where it is recursive.
    """
    waiting: list[tuple[Any, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        one, seen = waiting.pop()
        if isinstance(one, list):
            waiting.extend((item, seen) for item in one)
        elif isinstance(one, dict):
            yield Node(one, seen)
            if one.get("type") == "RECURSIVE_CTE_NODE":
                seen |= {_own(one["cte_name"])}
            for entry in _entries(one):
                waiting.append((entry["value"], seen))
                seen |= {_own(entry["key"])}
            waiting.extend((value, seen) for name, value in one.items() if name != "cte_map")


def _entries(node: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the tables that a node defines by WITH, in their order."""
    given = node.get("cte_map")
    return list(given.get("map", [])) if isinstance(given, dict) else []


def _own(name: str) -> str:
    if small(name).startswith(HIDDEN):
        raise Refused(
            "name", f"Call {name!r} otherwise: names that begin with {HIDDEN!r} are taken."
        )
    return small(name)


def _check_function(node: dict[str, Any]) -> None:
    if not isinstance(node.get("function_name"), str):
        return
    name = small(str(node["function_name"]))
    other = str(node.get("schema") or "").lower() not in ("", "main", "pg_catalog") or node.get(
        "catalog"
    )
    told = name.startswith(REFUSED_BEGINNINGS) and name not in HARMLESS
    if other or told or name in REFUSED:
        raise Refused(
            "function",
            f"The function {name} is not allowed: it does more than compute from your rows.",
        )


def _check_source(node: Node, tables: Set[str]) -> None:
    kind = node.tree.get("type")
    if kind == "TABLE_FUNCTION":
        name = str(node.tree["function"].get("function_name", "an expression")).lower()
        if name not in TABLE_FUNCTIONS:
            listed = ", ".join(sorted(TABLE_FUNCTIONS))
            raise Refused(
                "table_function",
                f"FROM {name}(…) is not allowed; there are {listed}, and the tables.",
            )
    elif kind == "BASE_TABLE":
        path = node.path
        if len(path) != 1 or path[0] not in tables | node.seen or node.tree.get("at_clause"):
            shown = ".".join(path)
            raise Refused(
                "table",
                f"There is no table {shown!r} to read. `stocktide sql --list` shows all there are.",
            )
    elif kind == "SHOW_REF":
        raise Refused(
            "not_select",
            "SHOW, DESCRIBE and SUMMARIZE do not run here: see `stocktide sql --list`.",
        )
