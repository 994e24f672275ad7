"""Full size, 30,490 leaves and 42,840 nodes: the nightly forecast, its refresh, and the fit of plain Prophet alone.

The forecast is `make_forecast` on 730 days: all twelve levels, every candidate, backtest, quantiles and joint paths, in
a process of its own; the refresh is `refresh_forecast` a week later, paths and all, by what it learnt. The fit is
Prophet in every node on 1,941 days, reconciled, 9 quantiles, Parquet. The series are made: each is a real level-9
series of M5 (or, without the data, a simulated one) times a share, drawn as counts, started on different days. The
slope is the log-log slope of fit time against the number of series, 1,000 to 100,000.
Data: `--data DIR`, else STOCKTIDE_TEST_DATA, else ../shared/data beside the checkout.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks._claims import DATA_VARIABLE, at_most
from forecasting import (
    Demand,
    Fits,
    Forecast,
    ForecastSpec,
    Hierarchy,
    ProphetModel,
    build_hierarchy,
    draw_days,
    fit_series,
    make_forecast,
    predict,
    quantiles,
    reconcile,
    refresh_forecast,
    save_fits,
)

Array = NDArray[np.float64]

QUANTILES = (0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995)
DAYS, HORIZON = 1_941, 28
ITEMS = 3_049
STORES = {"CA": 4, "TX": 3, "WI": 3}
DEPARTMENTS = (
    "FOODS_1",
    "FOODS_2",
    "FOODS_3",
    "HOBBIES_1",
    "HOBBIES_2",
    "HOUSEHOLD_1",
    "HOUSEHOLD_2",
)
LEVELS = [
    [],
    ["state"],
    ["store"],
    ["category"],
    ["department"],
    ["state", "category"],
    ["state", "department"],
    ["store", "category"],
    ["store", "department"],
    ["item"],
    ["item", "state"],
    ["item", "store"],
]
FIRST_DATE = pd.Timestamp("2011-01-29")
SECONDS_GOAL, GB_GOAL, SLOPE_GOAL = 120.0, 8.0, 1.05
# A run at night may take minutes, in a third of the memory of a small server.
FORECAST_DAYS, FORECAST_SECONDS_GOAL, FORECAST_GB_GOAL = 730, 300.0, 6.0
# A refresh follows the data of the day, while people wait for it.
NEW_DAYS, REFRESH_SECONDS_GOAL = 7, 60.0
NO_LAKE_VERSION = -1
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
QUANTILES_AT_ONCE = 8_192


def make_leaves(items: int) -> pd.DataFrame:
    """Name the leaves: items x 10 stores."""
    stores = [(state, f"{state}_{k + 1}") for state, count in STORES.items() for k in range(count)]
    department = np.array(DEPARTMENTS)[np.arange(items) % len(DEPARTMENTS)]
    each = len(stores)
    return pd.DataFrame(
        {
            "state": np.tile([state for state, _ in stores], items),
            "store": np.tile([store for _, store in stores], items),
            "category": np.repeat([name.split("_")[0] for name in department], each),
            "department": np.repeat(department, each),
            "item": np.repeat([f"item_{k:04d}" for k in range(items)], each),
        }
    )


def make_patterns(folder: Path) -> Array:
    """Take daily patterns (p, DAYS) around 1: the real level 9 of M5, or a simulated week and year."""
    file = folder / "m5" / "level9_store_dept_daily_d16_d1941.parquet"
    if file.exists():
        frame = pd.read_parquet(file)
        wide = frame.pivot(index=["store_id", "dept_id"], columns="date", values="sales")
        values = wide.to_numpy(np.float64)
        values = np.concatenate([values[:, : DAYS - values.shape[1]], values], axis=1)
    else:
        t = np.arange(DAYS)
        rng = np.random.default_rng(0)
        week, year = rng.uniform(0, 0.4, (2, 70, 1))
        values = 1 + week * np.sin(2 * np.pi * t / 7) + year * np.sin(2 * np.pi * t / 365.25)
    return np.asarray(values / values.mean(axis=1, keepdims=True))


def make_sales(patterns: Array, count: int, rng: np.random.Generator) -> Array:
    """Draw counts (count, DAYS): a pattern, a rate, a start. Rates and starts spread as M5's do."""
    Y = np.empty((count, DAYS))
    for start in range(0, count, 4_096):
        rows = slice(start, min(start + 4_096, count))
        size = Y[rows].shape[0]
        rate = rng.lognormal(-0.3, 1.1, (size, 1))
        Y[rows] = rng.poisson(rate * patterns[rng.integers(0, len(patterns), size)])
        first = np.where(rng.random(size) < 0.4, 0, rng.integers(0, 1_300, size))
        Y[rows][np.arange(DAYS)[None, :] < first[:, None]] = np.nan
    return Y


def run_forecast(folder: Path, items: int) -> dict[str, float]:
    """Forecast the whole chain as a run at night does, and refresh it; seconds, and the most memory in GB."""
    leaves = make_leaves(items)
    hierarchy = build_hierarchy(LEVELS, leaves, known=list(leaves.columns))
    sold = make_sales(make_patterns(folder), hierarchy.n_leaves, np.random.default_rng(7))
    units = np.nan_to_num(sold[:, -FORECAST_DAYS - NEW_DAYS :])
    del sold
    spec = ForecastSpec(levels=tuple(map(tuple, LEVELS)), horizon_days=HORIZON)
    began = time.perf_counter()
    demand = _demand(leaves, units[:, :FORECAST_DAYS], until=DAYS - NEW_DAYS)
    made = make_forecast(demand, hierarchy, spec, progress=partial(_say, began))
    paths = _draw(made)
    seconds, refreshing = _lap(began)
    print(f"{hierarchy.n_nodes:,} nodes by {made.choice.name}, {paths} paths of each leaf")
    learnt = made.learnt
    del made
    demand = _demand(leaves, units[:, NEW_DAYS:], until=DAYS)
    _draw(refresh_forecast(demand, hierarchy, spec, learnt, progress=partial(_say, refreshing)))
    return {"seconds": seconds, "refresh": _lap(refreshing)[0], "gb": _most_gb()}


def _demand(leaves: pd.DataFrame, units: Array, *, until: int) -> Demand:
    """Wrap units (m, T), the last of them on day `until` of M5."""
    days = pd.date_range(FIRST_DATE, periods=until)[-units.shape[1] :]
    return Demand(
        leaves=leaves,
        names={},
        days=days,
        units=units,
        empty=np.zeros(units.shape, dtype=np.bool_),
        started=np.argmax(units > 0, axis=1).astype(np.int64),
        lake_version=NO_LAKE_VERSION,
    )


def _draw(made: Forecast) -> int:
    """Draw the joint paths as they are written, a day at a time; the number of paths."""
    days: int = sum(day.shape[1] for day in draw_days(made.path_plan))
    return days // HORIZON


def _say(began: float, step: str) -> None:
    print(f"  {time.perf_counter() - began:6.1f} s  {_most_gb():4.1f} GB  {step}", flush=True)


def _most_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def in_own_process(folder: Path, items: int) -> dict[str, float]:
    """Run the forecast where no other step has left memory behind."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(run_forecast, (folder, items))


def run_whole(folder: Path, items: int) -> dict[str, float]:
    """Fit all nodes, reconcile, place quantiles, write Parquet; seconds of each step."""
    leaves = make_leaves(items)
    hierarchy = build_hierarchy(LEVELS, leaves, known=list(leaves.columns))
    Y_leaves = make_sales(make_patterns(folder), hierarchy.n_leaves, np.random.default_rng(7))
    ds = pd.date_range(FIRST_DATE, periods=DAYS)
    future = pd.date_range(ds[-1] + pd.Timedelta(days=1), periods=HORIZON)
    model = ProphetModel()
    seconds = {}
    began = time.perf_counter()
    # the sums above the leaves count a leaf that has not started as 0, and start when one of theirs does
    sums = hierarchy.S[: -hierarchy.n_leaves]
    upper = np.asarray(sums @ np.nan_to_num(Y_leaves, nan=0.0))
    upper[np.asarray(sums @ np.isfinite(Y_leaves).astype(np.float32)) == 0] = np.nan
    seconds["sum"], began = _lap(began)
    fits_upper, fits_leaves = fit_series(model, ds, upper), fit_series(model, ds, Y_leaves)
    seconds["fit"], began = _lap(began)
    base = np.concatenate([predict(model, fits_upper, future), predict(model, fits_leaves, future)])
    seconds["forecast"], began = _lap(began)
    coherent = reconcile("WLSS", hierarchy, base)
    seconds["reconcile"], began = _lap(began)
    with tempfile.TemporaryDirectory(prefix="stocktide-bench-") as home:
        _write(Path(home), hierarchy, model, (fits_upper, fits_leaves), future, coherent)
        seconds["quantiles and Parquet"], began = _lap(began)
        size = sum(file.stat().st_size for file in Path(home).iterdir())
    print(
        f"{hierarchy.n_nodes:,} nodes, {hierarchy.n_leaves:,} leaves, {size / 2**20:.0f} MiB written"
    )
    return seconds


def _lap(began: float) -> tuple[float, float]:
    now = time.perf_counter()
    return now - began, now


def _write(
    home: Path,
    hierarchy: Hierarchy,
    model: ProphetModel,
    fits: tuple[Fits, Fits],
    future: pd.DatetimeIndex,
    mean: Array,
) -> None:
    """Write models and forecasts: a row a node and day, quantiles as columns."""
    names = hierarchy.nodes["unique_id"].to_numpy()
    start = 0
    schema = pa.schema(
        [("unique_id", pa.string()), ("ds", pa.timestamp("ms")), ("yhat", pa.float64())]
        + [(f"q{p}", pa.float64()) for p in QUANTILES]
    )
    with pq.ParquetWriter(home / "forecasts.parquet", schema) as writer:
        for number, part in enumerate(fits):
            save_fits(home / f"models_{number}.parquet", model, part)
            for first in range(0, part.size, QUANTILES_AT_ONCE):
                rows = np.arange(first, min(first + QUANTILES_AT_ONCE, part.size))
                yhat = mean[start + rows]
                placed = quantiles(
                    model, part.take(rows), future, yhat, QUANTILES, rng=np.random.default_rng(0)
                )
                placed = np.maximum(placed, 0.0)
                columns = [
                    pa.array(np.repeat(names[start + rows], HORIZON)),
                    pa.array(np.tile(future.to_numpy("datetime64[ms]"), rows.size)),
                    pa.array(yhat.ravel()),
                    *(pa.array(placed[:, :, q].ravel()) for q in range(len(QUANTILES))),
                ]
                writer.write_table(pa.table(columns, schema=schema))
            start += part.size


def fit_slope(folder: Path, sizes: tuple[int, ...]) -> float:
    """Measure fit time by number of series, and the slope of its logarithm."""
    patterns, ds = make_patterns(folder), pd.date_range(FIRST_DATE, periods=DAYS)
    times = []
    for size in sizes:
        Y = make_sales(patterns, size, np.random.default_rng(size))
        Y[~np.isfinite(Y)] = 0.0
        began = time.perf_counter()
        fit_series(ProphetModel(), ds, Y)
        times.append(time.perf_counter() - began)
        print(f"  {size:>7,} series: {times[-1]:6.2f} s, {times[-1] / size * 1e3:.3f} ms a series")
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def main() -> None:
    """Run as described at the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--quick", action="store_true", help="a tenth of the items, 300 to 3,000")
    given = parser.parse_args()
    named = os.environ.get(DATA_VARIABLE)
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = given.data or (Path(named) if named else beside)
    items = 305 if given.quick else ITEMS
    whole = in_own_process(folder, items)
    at_most("forecast_seconds", whole["seconds"], FORECAST_SECONDS_GOAL)
    at_most("refresh_seconds", whole["refresh"], REFRESH_SECONDS_GOAL)
    at_most("forecast_gb", whole["gb"], FORECAST_GB_GOAL)
    fit_series(ProphetModel(), pd.date_range(FIRST_DATE, periods=60), np.eye(2, 60))
    seconds = run_whole(folder, items)
    for name, value in seconds.items():
        print(f"  {name:<22}{value:7.1f} s")
    gb = _most_gb()
    at_most("full_size_seconds", sum(seconds.values()), SECONDS_GOAL)
    at_most("full_size_gb", gb, GB_GOAL)
    at_most(
        "full_size_slope",
        fit_slope(folder, (300, 1_000, 3_000) if given.quick else SIZES),
        SLOPE_GOAL,
    )


if __name__ == "__main__":
    main()
