"""Spark beside DuckDB: the same statements, the same fits, and the lake's tables as other programs read them."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import sqlalchemy as sa
from deltalake import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from etl import run_etl
from etl.check import check_all
from etl.delta import open_table
from etl.run import EtlReport
from etl.sql_engine.spark import SparkEngine, spark_engine
from etl.tables.schemas import KEPT
from forecasting.forecast import make_forecast
from forecasting.nodes.demand import Demand
from forecasting.prophet import fit
from forecasting.row_blocks import blocks_sent
from forecasting.spark_blocks import by_spark
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.database import create_engine
from stocktide.foundation.database_errors import is_of_content
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.settings import Settings
from stocktide.foundation.spark import spark_session
from tests.conftest import copied
from tests.forecasting.demands import make_demand, weekly_units
from tests.ingest.samples import raw

pytestmark = pytest.mark.system

DAY = 24 * 60
# Rows by the hundred: compiling and adapting the plan of each statement would take most of the time.
SMALL = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.optimizer.runtime.bloomFilter.enabled": "false",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.lightweightPlanChangeValidation": "false",
    "spark.sql.shuffle.partitions": "1",
}
TABLES: tuple[LakeTable, ...] = ("movements", "daily_demand", *KEPT)


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """Give the one session of all tests here: it takes seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        with spark_session("local[2]", SMALL) as session:
            yield session


class Chain:
    """Products with and without a currency at places in three zones."""

    def __init__(self, engine: sa.Engine, lake: Lake) -> None:
        self.engine, self.lake, self.count = engine, lake, 0
        self.recorder = Recorder(engine, Settings())
        with engine.begin() as connection:
            put_products(
                connection,
                [ProductIn("A", currency="EUR"), ProductIn("B", unit="kg"), ProductIn("C")],
            )
            zones = {"S1": "Europe/Berlin", "S2": "America/Los_Angeles", "S3": "Asia/Beirut"}
            places = [LocationIn(code, timezone=zone) for code, zone in zones.items()]
            put_locations(connection, places)

    def send(self, kind: str, day: int, minute: int = 0, **data: Any) -> None:
        """Record an event."""
        self.count += 1
        sent = raw(kind=kind, event_id=f"e{self.count}", minute=day * DAY + minute, **data)
        (outcome,) = self.recorder.record("till", "", [sent])
        assert outcome.name == "accepted", outcome

    def trade(self, days: range, places: tuple[str, ...]) -> None:
        """Sell, take back, order, receive, count and set prices, with and without amounts and currencies."""
        for day in days:
            for at in places:
                of: dict[str, Any] = {"product": "ABC"[day % 3], "location": at}
                order = {"order_id": f"T{day // 2}", "order_line": 1, "customer_id": f"c{day % 3}"}
                if day % 5 == 0:
                    self.send(
                        "order",
                        day,
                        quantity=9,
                        order_id=f"PO{day}",
                        expected_on="2026-04-01",
                        **of,
                    )
                    self.send("receipt", day, 5, quantity=7, cost="1.37", order_id=f"PO{day}", **of)
                    self.send("price", day, 6, price="2.99", promotion=at != "S2", **of)
                if day % 4 == 0:
                    self.send("stocktake", day, 7, counted=4, **of)
                self.send("sale", day, 10, quantity=1 + day % 3, price="1.995", **order, **of)
                self.send(
                    "sale", day, 11, quantity=1, line_total="7.77", currency="SEK", **order, **of
                )
                if day % 3 == 0:
                    self.send("return", day, 990, quantity=1, price="0.333", **order, **of)

    def run(self, spark: SparkSession) -> EtlReport:
        """Bring the lake up to the ledger on Spark, and prove by DuckDB that it is what one run would make."""
        report = run_etl(self.engine, self.lake, by=partial(spark_engine, spark))
        found = check_all(self.engine, self.lake)
        assert found.holds, [one for one in found.findings if not one.compared.holds]
        return report


@pytest.fixture(scope="module")
def chain(postgres: Postgres, server_home: Path) -> Iterator[Chain]:
    folder = server_home / "spark-lake"
    with copied(postgres) as url:
        engine = create_engine(url)
        yield Chain(engine, Lake(str(folder)))
        engine.dispose()
    shutil.rmtree(folder)


# two hundred statements of Spark, each some tenths of a second
@pytest.mark.timeout(900)
def test_the_lake_that_spark_makes_is_the_one_that_duckdb_makes(
    chain: Chain, spark: SparkSession
) -> None:
    # the clocks of Berlin change on 29 March, day 28, those of Beirut at midnight
    chain.trade(range(22, 30), ("S1", "S2", "S3"))
    first = chain.run(spark)
    assert first.demand.rows_changed > 0
    assert set(first.tables) == set(KEPT)
    # new rows, in another month too, a late one and a correction
    chain.send("correction", 31, corrects_id="e3", reason="typo")
    chain.send("sale", 23, 700, quantity=2, price="3", order_id="T9", order_line=1, product="B")
    chain.trade(range(30, 32), ("S1",))
    second = chain.run(spark)
    assert 0 < second.demand.rows_changed < first.demand.rows_changed
    # and DuckDB, which looks at all of it again, finds nothing to change
    again = run_etl(chain.engine, chain.lake, again=pd.Timestamp("2026-03-01").date())
    assert (again.demand.rows_changed, again.tables) == (0, {})


def test_a_place_in_a_zone_that_spark_does_not_know_lives_by_utc(spark: SparkSession) -> None:
    engine = SparkEngine(spark.newSession())
    engine.show("zones", pa.table({"timezone": ["EST", "Europe/Berlin", "Mars/Olympus"]}))
    zones = engine.rows("SELECT timezone FROM zones ORDER BY ALL")
    assert zones == [("EST",), ("Europe/Berlin",), ("UTC",)]


def test_an_overflow_is_the_fault_of_the_data(spark: SparkSession) -> None:
    engine = SparkEngine(spark.newSession())
    engine.show("wide", pa.table({"n": [2**63 - 1]}))
    with pytest.raises(PySparkException, match="OVERFLOW") as found:
        engine.make("wider", "SELECT n + 1 AS n FROM wide")
    assert is_of_content(found.value)


@pytest.mark.parametrize("table", TABLES)
def test_other_programs_read_what_duckdb_reads(
    chain: Chain, spark: SparkSession, table: LakeTable
) -> None:
    opened = open_table(chain.lake, table)
    assert opened is not None
    wanted = by_duckdb(opened)
    assert wanted["rows"] > 0
    path = chain.lake.path(table)
    assert facts(pl.read_delta(path).to_arrow()) == wanted
    frame = DeltaTable(path).to_pandas(types_mapper=pd.ArrowDtype)
    assert facts(pa.Table.from_pandas(frame, preserve_index=False)) == wanted
    engine = SparkEngine(spark.newSession())
    engine.show(table, opened)
    assert facts(engine.read(f"FROM {table}").read_all()) == wanted


def by_duckdb(table: DeltaTable) -> dict[str, Any]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.register("t", table.to_pyarrow_dataset())
        return facts(connection.sql("FROM t").to_arrow_table())


def test_a_forecast_whose_blocks_are_fitted_on_spark_is_the_same(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # blocks of a few series, so that tens of them are several blocks
    for size in ("CHUNK_SHARED", "CHUNK_OWN"):
        monkeypatch.setattr(fit, size, 8)
    demand = demand_of_many(36)
    spec = ForecastSpec(
        levels=((), ("location", "product")),
        horizon_days=7,
        candidates=("mixture",),
        backtest_origins=1,
    )
    hierarchy = build_hierarchy(spec.levels, demand.leaves)
    here = make_forecast(demand, hierarchy, spec)
    sent: list[int] = []

    def counted(make: Callable[[Any], Any], blocks: Sequence[Any]) -> list[Any]:
        sent.append(len(blocks))
        return by_spark(spark, make, blocks)

    with blocks_sent(counted):
        there = make_forecast(demand, hierarchy, spec)
    assert sum(sent) > 2
    np.testing.assert_allclose(there.mean, here.mean, rtol=1e-9)
    np.testing.assert_allclose(there.quantiles, here.quantiles, rtol=1e-9)
    pd.testing.assert_frame_equal(there.errors, here.errors, rtol=1e-9)


def demand_of_many(series: int) -> Demand:
    """Demand of so many products at one place: a dozen a seed."""
    drawn = [weekly_units(60, seed=seed) for seed in range(-(-series // 12))]
    units = np.vstack(drawn)[:series]
    leaves = pd.DataFrame({"product": [f"P{n}" for n in range(series)], "location": "S1"})
    return replace(
        make_demand(units),
        leaves=leaves,
        empty=np.zeros(units.shape, dtype=np.bool_),
        started=np.argmax(units > 0, axis=1),
    )


def facts(rows: pa.Table) -> dict[str, Any]:
    """Count the rows, and name the kind of each column with its sum or the number of its values."""
    return {"rows": len(rows)} | {name: fact(rows[name]) for name in rows.column_names}


def fact(column: pa.ChunkedArray) -> tuple[str, Any]:
    kind = column.type
    if pa.types.is_integer(kind):
        return "whole", pc.sum(column.cast(pa.decimal128(38, 0))).as_py()
    if pa.types.is_floating(kind):
        return "number", pytest.approx(pc.sum(column).as_py(), rel=1e-9)
    if pa.types.is_timestamp(kind):
        return f"instant in {kind.tz}", pc.max(column).as_py()
    if pa.types.is_date(kind):
        return "day", pc.max(column).as_py()
    if pa.types.is_boolean(kind):
        return "truth", pc.sum(column).as_py()
    name = "rows" if pa.types.is_nested(kind) else "text"
    return name, len(column) - column.null_count
