"""Statements of DuckDB as Spark runs them: sqlglot knows most of the difference, and the changes here the rest."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel

from etl.sql_engine.changed_calls import CALLS
from etl.sql_engine.changed_clauses import CLAUSES
from etl.sql_engine.engine import MACROS

# Of parts that are computed before the statement that reads them: no table of ours begins so.
PART = "part_of_"


class Step(NamedTuple):
    """A part of a statement that is computed on its own, under a name; the last one, without, is the statement."""

    name: str
    query: str


@lru_cache(maxsize=256)
def to_spark(query: str) -> str:
    """Translate one statement; its parameters `$name` become `:name`.

    Raises sqlglot's UnsupportedError for what neither sqlglot nor we know how to say in Spark, its ParseError for what
    is no SQL of DuckDB.
    """
    return _text(_translated(query))


@lru_cache(maxsize=256)
def to_spark_steps(query: str) -> Sequence[Step]:
    """Translate one statement as `to_spark` does, and take out first what it reads more than once.

    Spark writes a part of WITH wherever it is named, and computes it as often.
    """
    tree = _translated(query)
    parts = {part.alias: part.this for part in tree.find_all(exp.CTE)}
    read = [table.name for table in tree.find_all(exp.Table)]
    shared = [name for name in parts if read.count(name) > 1]
    tree.set("with_", None)
    steps = [Step(PART + name, _text(_alone(parts[name], parts, shared))) for name in shared]
    return (*steps, Step("", _text(_alone(tree, parts, shared))))


def _translated(query: str) -> exp.Query:
    tree = with_macros(sqlglot.parse_one(query, read="duckdb"))
    for change in (*CLAUSES, *CALLS):
        tree = change(tree)
    assert isinstance(tree, exp.Query)  # noqa: S101 - all that is run is a query
    return tree


def _text(tree: exp.Expr) -> str:
    return tree.sql(dialect="spark", comments=False, unsupported_level=ErrorLevel.RAISE)


def _alone(tree: exp.Query, parts: Mapping[str, exp.Query], shared: Sequence[str]) -> exp.Query:
    """Return a query with the parts that it needs, and the names of those that are computed before."""
    needed = _needed(tree, parts, shared)
    tree = tree.copy()
    for name in (name for name in parts if name in needed):
        tree = tree.with_(name, parts[name].copy(), copy=False)
    for table in tree.find_all(exp.Table):
        if table.name in shared:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.alias_or_name)))
            table.set("this", exp.to_identifier(PART + table.name))
    return tree


def _needed(tree: exp.Query, parts: Mapping[str, exp.Query], shared: Sequence[str]) -> set[str]:
    """Return the parts that a query reads, directly or by others, without those that are computed before."""
    found = {table.name for table in tree.find_all(exp.Table)} & parts.keys() - set(shared)
    return found.union(*(_needed(parts[name], parts, shared) for name in found))


def with_macros(tree: exp.Expr) -> exp.Expr:
    """Write the bodies of our own functions in the place of their calls."""

    def expand(node: exp.Expr) -> exp.Expr:
        macro = MACROS.get(node.name) if isinstance(node, exp.Anonymous) else None
        if macro is None:
            return node
        given = dict(zip(macro.parameters, node.expressions, strict=True))
        body = sqlglot.parse_one(macro.body, read="duckdb")

        def fill(part: exp.Expr) -> exp.Expr:
            known = isinstance(part, exp.Column) and part.name in given
            return exp.paren(given[part.name].copy()) if known else part

        return exp.paren(body.transform(fill))

    return tree.transform(expand)
