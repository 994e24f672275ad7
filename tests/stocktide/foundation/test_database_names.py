"""Channels, locks and app transactions have one home; nothing else spells them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.calendar.kinds import KINDS
from stocktide.foundation import database_names as names
from stocktide.foundation.jobs import LOCKS

ROOT = Path(__file__).parents[3]
HOME = ROOT / "stocktide" / "foundation" / "database_names.py"
FOLDERS = (
    "stocktide",
    "ingest",
    "alerts",
    "etl",
    "forecasting",
    "catalog",
    "query",
    "replenishment",
    "dashboard",
    "data",
)
SOURCES = [
    path
    for folder in FOLDERS
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != HOME and "versions" not in path.parts
]
# A call that names a channel or a lock by a literal.
SPELLED = re.compile(
    r"pg_notify\(\s*'|\b(?:UN)?LISTEN\s+\w|advisory\w*\(\s*\d|hashtextextended\(\s*'"
)
JOB_LOCKS = {
    *LOCKS.values(),
    "etl",
    "forecast",
    "drift",
    "quality",
    "customer_values",
    "lead_times",
    "orders",
    "watch /a/folder",
}


def spelled_in(tree: ast.AST) -> Iterator[object]:
    """Names of the home, and literal calls, among the constants of a module; docstrings are prose."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    known = {*names.CHANNELS, *names.LOCK_NUMBERS, names.RUN_LOCK_PREFIX, names.PARTITIONS_LOCK}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in prose:
            value = node.value
            if value in (*known, names.ETL_TRANSACTION) or (
                isinstance(value, str)
                and (SPELLED.search(value) or any(repr(name) in value for name in names.CHANNELS))
            ):
                yield value


def spelled_in_sql(pattern: str) -> set[str]:
    found = (re.findall(pattern, path.read_text("utf-8")) for path in (ROOT / "sql").rglob("*.sql"))
    return {name for names_of_file in found for name in names_of_file}


@pytest.mark.parametrize(
    "source",
    [
        "run(\"SELECT pg_notify('stock_changed', '')\")",
        'channel = "alerts_changed"',
        'run(f"LISTEN alerts_changed")',
        "KEY = 7_205_759_401",
        'run("SELECT pg_advisory_xact_lock(12)")',
        'WATERMARK = "stocktide.etl"',
    ],
)
def test_spelled_finds_a_name_that_is_written_out(source: str) -> None:
    assert list(spelled_in(ast.parse(source)))


def test_no_other_module_spells_a_name() -> None:
    assert len(SOURCES) > 100
    found = {
        str(path.relative_to(ROOT)): spelled
        for path in SOURCES
        if (spelled := list(spelled_in(ast.parse(path.read_text("utf-8")))))
    }
    assert found == {}


def test_names_in_sql_are_those_of_the_module() -> None:
    assert spelled_in_sql(r"pg_notify\(\s*'([^']*)'") == {names.STOCK_CHANGED}
    assert spelled_in_sql(r"hashtextextended\(\s*'([^']*)'") == {
        names.RUN_LOCK_PREFIX,
        names.PARTITIONS_LOCK,
    }
    assert spelled_in_sql(r"advisory\w*\(\s*(\d+)") == set()
    assert spelled_in_sql(r"(?m)^\s*(?:UN)?LISTEN\s+(\w+)") == set()


def test_no_two_names_are_the_same(database: sa.Engine) -> None:
    """Locks by text are numbers too: all share one space with those by number."""
    constants = [value for name, value in vars(names).items() if name.isupper()]
    scalars = [value for value in constants if not isinstance(value, tuple)]
    assert len(set(scalars)) == len(scalars)
    assert {*names.CHANNELS, *names.LOCK_NUMBERS} <= set(scalars)
    texts = [
        names.PARTITIONS_LOCK,
        f"{names.RUN_LOCK_PREFIX}1",
        *map(names.job_lock, JOB_LOCKS),
        *(names.plans_lock(table) for table in {kind.table for kind in KINDS.values()}),
    ]
    with database.connect() as connection:
        query = sa.text("SELECT hashtextextended(t, 0) FROM unnest(CAST(:texts AS text[])) t")
        hashed = connection.execute(query, {"texts": texts}).scalars().all()
    numbers = [*names.LOCK_NUMBERS, *hashed]
    assert len(set(numbers)) == len(numbers)
