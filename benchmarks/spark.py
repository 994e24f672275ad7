"""What the engine Spark costs on this host beside DuckDB and threads: the whole ETL, and a forecast, both equal.

Sales of distinct products at places on days stand in a real PostgreSQL, as in `etl.py`; the lake is made of them by
each engine, and its tables are compared. Then series of a chain are forecast, their blocks fitted by threads and by
Spark. `spark_etl_vs_local`, `spark_forecast_vs_local`: local's time over Spark's. On one host Spark can only lose: the
figures say by how much, and the stages what grows. Spark's start is left out, and given beside.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path, and `etl.py` in it would stand for the package `etl`.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa
from deltalake import DeltaTable

from benchmarks._claims import at_most, figure
from benchmarks.etl import fill
from etl import run_etl
from etl.run import EtlReport
from etl.sql_engine import OpenEngine, duck_engine
from etl.sql_engine.spark import spark_engine
from etl.tables.schemas import KEPT
from forecasting.forecast import make_forecast
from forecasting.forecast_result import Forecast
from forecasting.frames.frame_demand import demand_of
from forecasting.frames.frames import from_long
from forecasting.row_blocks import blocks_sent
from forecasting.spark_blocks import by_spark
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.lake import Lake
from stocktide.foundation.spark import spark_session

MOVEMENTS, SERIES = 300_000, 2_000
DAYS = 200
SEED = 5


def main() -> None:
    """Measure, and print a line a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movements", type=int, default=MOVEMENTS)
    parser.add_argument("--series", type=int, default=SERIES)
    parser.add_argument("--quick", action="store_true", help="a tenth of both")
    asked = parser.parse_args()
    share = 10 if asked.quick else 1
    started = time.perf_counter()
    with spark_session("local[2]") as session:
        session.range(1).collect()
        figure("spark_start_s", time.perf_counter() - started)
        of_etl(asked.movements // share, partial(spark_engine, session))
        of_forecast(asked.series // share, partial(by_spark, session))


def of_etl(movements: int, on_spark: OpenEngine) -> None:
    """Make the lake by both engines, and compare its tables."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = Postgres(home)
        stack.callback(postgres.stop)
        postgres.start()
        fill(postgres.url(), movements)
        engine = create_engine(postgres.url())
        stack.callback(engine.dispose)
        lakes = {name: Lake(str(home / name)) for name in ("local", "spark")}
        local, of_local = staged(engine, lakes["local"], duck_engine)
        spark, of_spark = staged(engine, lakes["spark"], on_spark)
        assert local.demand.rows_changed == spark.demand.rows_changed
        assert local.tables == spark.tables
        different = [
            name
            for name in ("daily_demand", *KEPT)
            if rows(lakes["local"], name) != rows(lakes["spark"], name)
        ]
    for stage, seconds in of_spark.items():
        print(f"{movements:,} {stage:40} {of_local[stage]:8.1f} s local {seconds:8.1f} s Spark")
    at_most("spark_tables_that_differ", len(different), 0)
    figure("spark_etl_vs_local", sum(of_local.values()) / sum(of_spark.values()))


def staged(engine: sa.Engine, lake: Lake, by: OpenEngine) -> tuple[EtlReport, dict[str, float]]:
    """Run the ETL, and time its steps."""
    begun: list[tuple[str, float]] = []
    report = run_etl(
        engine, lake, by=by, tell=lambda step: begun.append((step, time.perf_counter()))
    )
    ends = [at for _, at in begun[1:]] + [time.perf_counter()]
    return report, {step: end - at for (step, at), end in zip(begun, ends, strict=True)}


def rows(lake: Lake, table: Any) -> pa.Table:
    """Read a table in the order of all its columns."""
    if not lake.exists(table):
        return None
    found = DeltaTable(lake.path(table)).to_pyarrow_table()
    flat = [field.name for field in found.schema if not pa.types.is_nested(field.type)]
    return found.sort_by([(name, "ascending") for name in flat])


def of_forecast(series: int, by: Callable[..., Any]) -> None:
    """Forecast series of a chain with blocks fitted here and on Spark, and compare."""
    products = [f"P{n}" for n in range(series)]
    keys = pd.DataFrame({"unique_id": products, "product": products, "location": "S1"})
    spec = ForecastSpec(levels=((), ("location", "product")), horizon_days=28)
    demand = demand_of(from_long(drawn(products)), keys)
    hierarchy = build_hierarchy(spec.levels, demand.leaves)
    with timed(f"spark_forecast_{series}_local_s") as local:
        here = make_forecast(demand, hierarchy, spec)
    with timed(f"spark_forecast_{series}_s") as spark, blocks_sent(by):
        there: Forecast = make_forecast(demand, hierarchy, spec)
    at_most("spark_forecast_difference", float(np.abs(here.mean / there.mean - 1).max()), 1e-9)
    figure("spark_forecast_vs_local", local[0] / spark[0])


def drawn(products: list[str]) -> pd.DataFrame:
    """Draw days of demand with a weekly shape."""
    rng = np.random.default_rng(SEED)
    days = pd.date_range("2025-01-06", periods=DAYS)
    rates = rng.gamma(2.0, 4.0, len(products))
    shape = np.where(days.dayofweek >= 5, 1.5, 0.8)
    units = rng.poisson(rates[:, None] * shape[None, :]).astype(float)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(products, DAYS),
            "ds": np.tile(days.to_numpy(), len(products)),
            "y": units.ravel(),
        }
    )


@contextmanager
def timed(name: str) -> Iterator[list[float]]:
    """Time what is inside, and print it."""
    taken: list[float] = []
    started = time.perf_counter()
    yield taken
    taken.append(time.perf_counter() - started)
    figure(name, taken[0])


if __name__ == "__main__":
    main()
