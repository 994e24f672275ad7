"""The whole method on M5: Prophet models in levels 1 to 9, split below by shares, quantiles from earlier origins.

`--train-end N --out FILE` forecasts days N+1 .. N+28 of all 42,840 nodes from days up to N. Without `--out` the windows
1857, 1885 and 1913 are forecast and scored, and levels 1 to 9 over many origins. Data: `--data DIR` (the M5 folder
itself), else STOCKTIDE_TEST_DATA/m5, else ../shared/data/m5 beside the checkout. Settings were chosen on origins before
each window and on windows of 2015 (docs/forecasting.md), none on the window scored.
"""

import argparse
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from forecasting.nodes.members import Member, forecast_members
from numpy.typing import NDArray

from benchmarks._claims import at_most, data_folder
from benchmarks._m5 import (
    HORIZON_DAYS,
    Sales,
    calendar_columns,
    date_of,
    hierarchies,
    members,
    read_sales,
    series_names,
)
from forecasting.intervals.coverage import DECILES, share_held, weighted_quantile_loss
from forecasting.intervals.missed import Missed
from forecasting.intervals.placing import place_quantiles
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.reconcile import reconcile
from forecasting.structure.shares import probable_stockouts
from forecasting.structure.splitting import split_groups, trending_shares, weekday_profiles

Array = NDArray[np.float64]

# The official nine, and the deciles.
OFFICIAL = (0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995)
QUANTILES = tuple(sorted({*OFFICIAL, *DECILES}))
WINDOWS = (1857, 1885, 1913)
# Origins that say how wide quantiles are: many where few series make few draws, five of the last weeks where there are
# thousands. These split what the groups really sold, so that nothing is fitted for them.
UPPER_ORIGINS, LOWER_BACK_DAYS = 12, (28, 35, 42, 49, 56)
GOAL, WINDOW_GOAL, COVERAGE_POINTS, SECONDS_GOAL, GB_GOAL = 0.525, 0.671, 0.03, 120.0, 8.0
LEAF_WQL_GOAL = 0.523
SEASON_DAYS = 7


@dataclass(frozen=True)
class Method:
    """All that does not depend on the origin."""

    whole: Hierarchy
    upper: Hierarchy
    members: list[tuple[int, Member]]
    columns: pd.DataFrame


def make_method(sales: Sales, folder: Path) -> Method:
    """Build hierarchies, calendar columns and members."""
    whole, upper = hierarchies(sales)
    columns, events = calendar_columns(folder)
    return Method(whole, upper, members(upper, columns, events), columns)


def forecast_upper(method: Method, sales: Sales) -> Array:
    """Forecast levels 1 to 9: members averaged, reconciled, (154, 28)."""
    history = method.upper.sum_leaves(sales.upper[method.upper.leaf_rows])
    future = pd.date_range(date_of(sales.last + 1), periods=HORIZON_DAYS)
    made = []
    for days, member in method.members:
        Y = history[:, -days:].copy()
        ds = sales.dates(Y.shape[1])
        Y[:, _christmas(ds)] = np.nan
        made.append(forecast_members(Y, ds, future, [member], shared=method.columns)[0])
    mean = np.mean(made, axis=0)
    mean[:, _christmas(future)] = 0.0
    return reconcile("WLSS", method.upper, mean)


def _christmas(ds: pd.DatetimeIndex) -> NDArray[np.bool_]:
    """The one day on which all shops are closed."""
    return np.asarray((ds.month == 12) & (ds.day == 25))


def forecast_lower(method: Method, sales: Sales, upper: Array) -> Array:
    """Split forecasts of level 9, the last rows of `upper`, over items, (30490, 28)."""
    units = sales.lower[method.whole.leaf_rows]
    leaves = sales.lower_leaves.iloc[method.whole.leaf_rows]
    group = _groups(method, leaves)
    product = pd.factorize(leaves["item_id"])[0].astype(np.int64)
    observed = ~probable_stockouts(units)
    share = trending_shares(units, group, product, observed)
    past = sales.dates(units.shape[1])
    profile = weekday_profiles(units, group, observed, past.dayofweek.to_numpy(np.int64))
    future = pd.date_range(date_of(sales.last + 1), periods=HORIZON_DAYS)
    week = profile[:, future.dayofweek.to_numpy()]
    return split_groups(upper[-method.upper.n_leaves :], group, share, week)


def _groups(method: Method, leaves: pd.DataFrame) -> NDArray[np.int64]:
    """Number each leaf's store and department as level 9 does, (30490,)."""
    groups = method.upper.nodes[method.upper.nodes["level"] == len(method.upper.levels) - 1]
    place = {name: row for row, name in enumerate(groups["unique_id"])}
    return (leaves["store_id"] + "/" + leaves["dept_id"]).map(place).to_numpy(np.int64)


def forecast_all(method: Method, sales: Sales, *, say: bool = True) -> tuple[Array, Array]:
    """Forecast all nodes and their quantiles from days up to sales.last: (n, 28), (n, 28, q)."""
    history = _history(method, sales)
    earlier = []
    for back in range(UPPER_ORIGINS, 0, -1):
        earlier.append(_missed_above(method, sales, history, back * HORIZON_DAYS))
        if say:
            print(f"  levels 1-9 from {back * HORIZON_DAYS} days back", file=sys.stderr)
    earlier += [_missed_below(method, sales, history, back) for back in LOWER_BACK_DAYS]
    upper = forecast_upper(method, sales)
    mean = method.whole.sum_leaves(forecast_lower(method, sales, upper))
    level = method.whole.nodes["level"].to_numpy(np.int64)
    leaves = method.whole.n_leaves
    placed = place_quantiles(mean, level, leaves, earlier, history, QUANTILES, season=SEASON_DAYS)
    return mean, placed


def _history(method: Method, sales: Sales) -> Array:
    """Put the histories of all nodes beside each other, (n, T), NaN before the leaves' detail begins."""
    upper = method.upper.sum_leaves(sales.upper[method.upper.leaf_rows])
    lower = method.whole.sum_leaves(sales.lower[method.whole.leaf_rows])
    history = np.full((method.whole.n_nodes, UPPER_ORIGINS * HORIZON_DAYS + lower.shape[1]), np.nan)
    history[: upper.shape[0]] = upper[:, -history.shape[1] :]
    history[upper.shape[0] :, -lower.shape[1] :] = lower[upper.shape[0] :]
    return history


def _missed_above(method: Method, sales: Sales, history: Array, back: int) -> Missed:
    """Forecast levels 1 to 9 from `back` days ago."""
    return _missed(history, back, 0, forecast_upper(method, sales.until(sales.last - back)))


def _missed_below(method: Method, sales: Sales, history: Array, back: int) -> Missed:
    """Split what the groups sold from `back` days ago on, by what was known then."""
    first = method.upper.n_nodes - method.upper.n_leaves
    sold = history[first : method.upper.n_nodes, history.shape[1] - back :][:, :HORIZON_DAYS]
    leaves = forecast_lower(method, sales.until(sales.last - back), sold)
    below = method.whole.sum_leaves(leaves)[method.upper.n_nodes :]
    return _missed(history, back, method.upper.n_nodes, below)


def _missed(history: Array, back: int, first: int, forecast: Array) -> Missed:
    """Put forecasts of the nodes from row `first` on beside what came; of the others nothing was forecast."""
    known = history.shape[1] - back
    mean = np.full((history.shape[0], HORIZON_DAYS), np.nan)
    mean[first : first + forecast.shape[0]] = forecast
    return Missed(known, mean, history[:, known : known + HORIZON_DAYS])


def write(method: Method, sales: Sales, mean: Array, quantiles: Array, out: Path) -> None:
    """Write one row a node and day: level (1..12), series, d, yhat and the quantiles."""
    n = mean.shape[0]
    level = method.whole.nodes["level"].to_numpy() + 1
    names = pa.DictionaryArray.from_arrays(
        pa.array(np.repeat(np.arange(n, dtype=np.int32), HORIZON_DAYS)),
        pa.array(series_names(method.whole).tolist()),
    )
    columns = {
        "level": pa.array(np.repeat(level, HORIZON_DAYS).astype(np.int8)),
        "series": names.cast(pa.string()),
        "d": pa.array(np.tile([f"d_{sales.last + 1 + k}" for k in range(HORIZON_DAYS)], n)),
        "yhat": pa.array(mean.ravel()),
    }
    for position, p in enumerate(QUANTILES):
        columns[f"q{p}"] = pa.array(quantiles[:, :, position].ravel())
    pq.write_table(pa.table(columns), out)


def score(method: Method, folder: Path, mean: Array, quantiles: Array, last: int) -> pd.DataFrame:
    """Score one window by level: wrmsse, naive (seasonal), held_67, held_95 by rank, loss of the deciles."""
    truth = read_sales(folder, last + HORIZON_DAYS)
    actual = method.whole.sum_leaves(truth.lower[method.whole.leaf_rows])
    came = actual[:, -HORIZON_DAYS:]
    week = actual[:, -HORIZON_DAYS - 7 : -HORIZON_DAYS]
    table = pd.read_csv(folder / "m5_eval_scale_weights.csv.gz").set_index(["level", "series"])
    level = method.whole.nodes["level"].to_numpy() + 1
    of = table.loc[list(zip(level, series_names(method.whole), strict=True))]
    scale, weight = of["scale_mse"].to_numpy(), of["weight_in_level"].to_numpy()

    def wrmsse(forecast: Array) -> Array:
        each = weight * np.sqrt(((came - forecast) ** 2).mean(axis=1) / scale)
        return np.asarray(np.bincount(level, weights=each)[1:])

    def held(width: float) -> Array:
        inside = share_held(came, quantiles, QUANTILES, width)
        nodes = np.bincount(level)[1:]
        return np.asarray(np.bincount(level, weights=inside.mean(axis=1))[1:] / nodes)

    def loss(number: int) -> float:
        rows = level == number
        return weighted_quantile_loss(came[rows], quantiles[rows], QUANTILES)

    return pd.DataFrame(
        {
            "level": np.arange(1, 13),
            "wrmsse": wrmsse(mean),
            "naive": wrmsse(np.tile(week, HORIZON_DAYS // 7)),
            "held_67": held(0.67),
            "held_95": held(0.95),
            "wql": [loss(number) for number in range(1, 13)],
        }
    )


def upper_origins(method: Method, folder: Path, origins: list[int]) -> pd.DataFrame:
    """Score levels 1 to 9 from many origins: mean WRMSSE by origin (official scale and weights throughout)."""
    table = pd.read_csv(folder / "m5_eval_scale_weights.csv.gz").set_index(["level", "series"])
    level = method.upper.nodes["level"].to_numpy() + 1
    of = table.loc[list(zip(level, series_names(method.upper), strict=True))]
    rows = []
    for last in origins:
        truth = read_sales(folder, last + HORIZON_DAYS)
        actual = method.upper.sum_leaves(truth.upper[method.upper.leaf_rows])
        made = forecast_upper(method, truth.until(last))
        naive = np.tile(actual[:, -HORIZON_DAYS - 7 : -HORIZON_DAYS], HORIZON_DAYS // 7)
        row: dict[str, float] = {"origin": last}
        for name, forecast in (("wrmsse", made), ("naive", naive)):
            error = np.sqrt(((actual[:, -HORIZON_DAYS:] - forecast) ** 2).mean(axis=1))
            each = of["weight_in_level"] * error / np.sqrt(of["scale_mse"])
            row[name] = float(each.sum() / level.max())
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> None:
    """Run as described at the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--train-end", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true", help="one window, no further origins")
    given = parser.parse_args()
    folder = given.data if given.data else data_folder(None, "m5/calendar.csv") / "m5"
    if not (folder / "calendar.csv").exists():
        sys.exit(f"No calendar.csv in {folder}; --data is the folder of the M5 files.")
    if given.out:
        started = time.monotonic()
        sales = read_sales(folder, given.train_end)
        method = make_method(sales, folder)
        mean, quantiles = forecast_all(method, sales)
        write(method, sales, mean, quantiles, given.out)
        print(f"{mean.shape[0]:,} nodes written to {given.out}")
        _print_cost(time.monotonic() - started)
        return
    windows = (
        [given.train_end] if given.train_end else list(WINDOWS[-1:] if given.quick else WINDOWS)
    )
    _score_windows(folder, windows, quick=given.quick)


def _score_windows(folder: Path, windows: list[int], *, quick: bool) -> None:
    scores, seconds = [], []
    for last in windows:
        began = time.monotonic()
        sales = read_sales(folder, last)
        method = make_method(sales, folder)
        mean, quantiles = forecast_all(method, sales, say=False)
        seconds.append(time.monotonic() - began)
        scores.append(score(method, folder, mean, quantiles, last).assign(window=last))
        print(f"window {last}: {scores[-1]['wrmsse'].mean():.4f} in {seconds[-1]:.0f} s")
    table = pd.concat(scores)
    by_level = table.groupby("level")[["wrmsse", "naive", "held_67", "held_95", "wql"]].mean()
    by_window = table.pivot(index="level", columns="window", values="wrmsse")
    print(by_window.join(by_level).round(3).to_string())
    if not quick:
        origins = upper_origins(method, folder, list(range(1577, 1914, 28)))
        print("\nLevels 1-9 by origin:\n" + origins.round(3).to_string(index=False))
        print(f"mean {origins['wrmsse'].mean():.4f}, sd {origins['wrmsse'].std():.4f}")
    _print_cost(max(seconds))
    means = table.groupby("window")["wrmsse"].mean()
    at_most("m5_wrmsse", means.mean(), GOAL)
    at_most("m5_worst_window", means.max(), WINDOW_GOAL)
    at_most("m5_worst_level_vs_naive", (by_level["wrmsse"] / by_level["naive"]).max(), 1.0)
    at_most("m5_leaf_wql", by_level["wql"].iloc[-1], LEAF_WQL_GOAL)
    for name, nominal in (("held_67", 0.67), ("held_95", 0.95)):
        at_most(f"m5_{name}_worst_miss", (by_level[name] - nominal).abs().max(), COVERAGE_POINTS)


def _print_cost(seconds: float) -> None:
    gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    at_most("m5_seconds", seconds, SECONDS_GOAL)
    at_most("m5_gb", gb, GB_GOAL)


if __name__ == "__main__":
    main()
