"""Statements of DuckDB as Spark runs them, looked at as text; `tests/system/test_spark.py` runs them."""

from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from etl.sql_engine.engine import MACROS
from etl.sql_engine.translation import to_spark, to_spark_steps
from stocktide.foundation.database import sql

# What the braces of a statement are filled with, in `etl/tables`.
PARTS = {
    "is_touched": "(product_id, location_id) IN (SELECT (product_id, location_id) FROM touched)",
    "columns": "product_id, location_id",
    "columns_known": "product_id IS NOT NULL",
    "of": "sets_price",
    "order": "product_id",
    "month": "2026-03",
    "settled": True,
    "newest": "2026-03-01",
}
FOLDER = Path("sql/etl")
STATEMENTS = sorted(
    str(path.relative_to("sql").with_suffix(""))
    for path in (*FOLDER.glob("*.sql"), *FOLDER.glob("tables/*.sql"))
    if path.read_text().startswith("-- DuckDB")
)


def text(name: str) -> str:
    return sql(name).format(**PARTS) if "/tables/" in name else sql(name)


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_says_the_same_in_spark(name: str) -> None:
    for step in to_spark_steps(text(name)):
        tree = sqlglot.parse_one(step.query, read="spark")
        assert not list(tree.find_all(exp.Try)), "Spark has no TRY"
        called = {call.name.lower() for call in tree.find_all(exp.Anonymous)}
        assert not called & {*MACROS, "timezone", "epoch_us", "hash", "unnest"}, called
        assert not [join for join in tree.find_all(exp.Join) if join.args.get("method")]


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            "SELECT count(*) FILTER (WHERE a) OVER w FROM t WINDOW w AS (ORDER BY b)",
            "SELECT COUNT(CASE WHEN a THEN 1 END) OVER (ORDER BY b NULLS LAST) FROM t",
        ),
        (
            "SELECT lag(a) OVER w FROM t WINDOW w AS (ORDER BY b ROWS UNBOUNDED PRECEDING)",
            "SELECT LAG(a) OVER (ORDER BY b NULLS LAST) FROM t",
        ),
        (
            "SELECT first_value(a IGNORE NULLS) OVER (ORDER BY b ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)",
            "SELECT LAST_VALUE(a) IGNORE NULLS OVER (ORDER BY b DESC NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING"
            " AND 1 PRECEDING)",
        ),
        ("SELECT arg_max(a, b)", "SELECT MAX_BY(a, b) FILTER(WHERE NOT a IS NULL)"),
        (
            "SELECT arg_min(a, b) FILTER (WHERE c)",
            "SELECT MIN_BY(a, b) FILTER(WHERE c AND NOT a IS NULL)",
        ),
        ("SELECT hash(a, b)", "SELECT XXHASH64(a, a IS NULL, b, b IS NULL)"),
        (
            "SELECT TRY_CAST(sum(a) AS BIGINT)",
            "SELECT TRY_CAST(SUM(CAST(a AS DECIMAL(38, 0))) AS BIGINT)",
        ),
        ("SELECT sign(a) * b::HUGEINT", "SELECT CAST(SIGN(a) AS INT) * CAST(b AS DECIMAL(38, 0))"),
        (
            "SELECT TRY(timezone(z, a::TIMESTAMP))",
            "SELECT TO_UTC_TIMESTAMP(CAST(a AS TIMESTAMP_LTZ), z)",
        ),
        (
            "SELECT timezone(z, a::TIMESTAMPTZ)",
            "SELECT FROM_UTC_TIMESTAMP(CAST(a AS TIMESTAMP_LTZ), z)",
        ),
        (
            "FROM t WHERE NOT ((a, b) IN (SELECT (a, b) FROM u))",
            "SELECT * FROM t WHERE NOT (COALESCE((a, b) IN (SELECT a, b FROM u), FALSE))",
        ),
        (
            "SELECT unnest(generate_series(a, b, INTERVAL 1 DAY))::DATE",
            "SELECT EXPLODE(CASE WHEN CAST(a AS DATE) <= CAST(b AS DATE)"
            " THEN SEQUENCE(CAST(a AS DATE), CAST(b AS DATE), INTERVAL '1' DAY) END)",
        ),
        (
            "SELECT list({'a': a} ORDER BY a)",
            "SELECT SORT_ARRAY(COLLECT_LIST(STRUCT(a AS a)))",
        ),
        ("SELECT $a + 1", "SELECT :a + 1"),
    ],
)
def test_what_spark_says_otherwise(said: str, wanted: str) -> None:
    assert to_spark(said) == wanted


def test_a_join_to_the_newest_row_before_is_one_to_a_stretch_of_time() -> None:
    said = to_spark("SELECT 1 FROM a ASOF LEFT JOIN b r ON r.x = a.x AND a.d - 28 >= r.d")
    assert said == (
        "SELECT 1 FROM a LEFT JOIN"
        " (SELECT *, LEAD(d) OVER (PARTITION BY x ORDER BY d NULLS LAST) AS asof_next FROM b) AS r"
        " ON (r.x = a.x AND a.d - 28 >= r.d) AND (r.asof_next IS NULL OR a.d - 28 < r.asof_next)"
    )


def test_what_is_read_more_than_once_is_computed_once() -> None:
    steps = to_spark_steps(
        "WITH a AS (FROM t), b AS (FROM a), c AS (FROM a) SELECT * FROM b JOIN c USING (x)"
    )
    assert [tuple(step) for step in steps] == [
        ("part_of_a", "SELECT * FROM t"),
        (
            "",
            "WITH b AS (SELECT * FROM part_of_a AS a), c AS (SELECT * FROM part_of_a AS a)"
            " SELECT * FROM b JOIN c USING (x)",
        ),
    ]


@pytest.mark.parametrize(
    "said", ["SELECT timezone(z, a)", "SELECT list({'a': a, 'b': b} ORDER BY b)"]
)
def test_what_may_mean_two_things_is_refused(said: str) -> None:
    with pytest.raises(ValueError, match=r"cast it|first field"):
        to_spark(said)
