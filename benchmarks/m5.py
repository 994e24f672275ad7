"""M5 through the public door: `make_forecast` from sales and calendar, scored as the competition was.

`--train-end N --out FILE` forecasts days N+1 .. N+28 of all 42,840 nodes from days up to N. Without `--out` the windows
1857, 1885 and 1913 are forecast and scored, and levels 1 to 9 over 13 origins, 28 days apart. Data: `--data DIR` (the
M5 folder itself), else STOCKTIDE_TEST_DATA/m5, else ../shared/data/m5 beside the checkout. No setting is given: what
the data chose is printed. Leaves are known for 96 to 152 days of the four years; before that the coarse levels' own
histories tell.
"""

import argparse
import resource
import sys
import time
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks._claims import at_most, data_folder, unavailable
from benchmarks._m5 import (
    HORIZON_DAYS,
    LEVELS,
    UPPER,
    hierarchy_of,
    read_lower,
    read_upper,
    scale_and_weight,
    series_names,
    upper_demand,
    whole_demand,
)
from forecasting import (
    DECILES,
    QUANTILES,
    Demand,
    Forecast,
    ForecastSpec,
    Hierarchy,
    make_forecast,
    share_held,
    weighted_quantile_loss,
)

Array = NDArray[np.float64]

# The official nine, and the deciles.
OFFICIAL = (0.005, 0.025, 0.165, 0.25, 0.5, 0.75, 0.835, 0.975, 0.995)
WRITTEN = tuple(sorted({*OFFICIAL, *DECILES}))
# Beyond 95 % nothing is published: a normal tail is drawn on, 2.576 deviations out where 1.960 are known.
TAIL = 2.576 / 1.960
WINDOWS = (1857, 1885, 1913)
UPPER_ORIGINS = tuple(range(1577, 1914, HORIZON_DAYS))
# What is compared is told apart by learning alone, without the baselines that a user is shown beside it.
CANDIDATES = ("mixture",)
GOAL, UPPER_GOAL, SECONDS_GOAL, GB_GOAL = 0.525, 0.455, 120.0, 8.0
# How far the share that an interval holds may be from its name: at levels 1 to 3, and below.
TOP_LEVELS, TOP_POINTS, COVERAGE_POINTS = 3, 0.05, 0.03
LEAF_WQL_GOAL, LEAF_WAPE_GOAL = 0.525, 0.662


def forecast(demand: Demand, levels: tuple[tuple[str, ...], ...]) -> tuple[Hierarchy, Forecast]:
    """Forecast 28 days of all nodes of some levels."""
    hierarchy = hierarchy_of(levels, demand.leaves)
    spec = ForecastSpec(levels=levels, horizon_days=HORIZON_DAYS, candidates=CANDIDATES)
    return hierarchy, make_forecast(demand, hierarchy, spec, progress=_say)


def _say(step: str) -> None:
    print(f"  {step}", file=sys.stderr, flush=True)


def written_quantiles(quantiles: Array) -> Array:
    """Take the written quantiles off the published ones: on a line between neighbours, by a normal tail beyond.

    quantiles: (n, h, 13). Returns (n, h, 15).
    """
    middle = quantiles[:, :, QUANTILES.index(0.5)]
    made = []
    for p in WRITTEN:
        if QUANTILES[0] <= p <= QUANTILES[-1]:
            right = int(np.searchsorted(QUANTILES, p))
            left = right if QUANTILES[right] == p else right - 1
            span = QUANTILES[right] - QUANTILES[left]
            share = (p - QUANTILES[left]) / span if span else 0.0
            made.append((1 - share) * quantiles[:, :, left] + share * quantiles[:, :, right])
        else:
            edge = quantiles[:, :, 0 if p < 0.5 else -1]
            made.append(np.maximum(middle + TAIL * (edge - middle), 0.0))
    return np.stack(made, axis=2)


def write(hierarchy: Hierarchy, mean: Array, quantiles: Array, last: int, out: Path) -> None:
    """Write one row a node and day: level (1..12), series, d, yhat and the quantiles."""
    n = mean.shape[0]
    level = hierarchy.nodes["level"].to_numpy() + 1
    names = pa.DictionaryArray.from_arrays(
        pa.array(np.repeat(np.arange(n, dtype=np.int32), HORIZON_DAYS)),
        pa.array(series_names(hierarchy).tolist()),
    )
    columns = {
        "level": pa.array(np.repeat(level, HORIZON_DAYS).astype(np.int8)),
        "series": names.cast(pa.string()),
        "d": pa.array(np.tile([f"d_{last + 1 + k}" for k in range(HORIZON_DAYS)], n)),
        "yhat": pa.array(mean.ravel()),
    }
    for position, p in enumerate(WRITTEN):
        columns[f"q{p}"] = pa.array(quantiles[:, :, position].ravel())
    pq.write_table(pa.table(columns), out)


def naive_errors(actual: Array, before: Array, scale: Array) -> dict[str, Array]:
    """Score baselines: the last week again, and the mean of each weekday over the last four, (n,) each."""
    week = np.tile(before[:, -7:], HORIZON_DAYS // 7)
    means = np.tile(before.reshape(len(before), -1, 7).mean(axis=1), HORIZON_DAYS // 7)
    return {"naive": rmsse(actual, week, scale), "weekday_mean": rmsse(actual, means, scale)}


def rmsse(actual: Array, made: Array, scale: Array) -> Array:
    """Compute each node's root mean squared scaled error, (n,)."""
    return np.asarray(np.sqrt(((actual - made) ** 2).mean(axis=1) / scale))


def score(hierarchy: Hierarchy, made: Forecast, units: Array, folder: Path) -> pd.DataFrame:
    """Score one window by level: wrmsse, baselines, held_67, held_95 by rank, wql of the deciles, wape of the median.

    units: of the leaves as they were given, the 28 days before the window and its own. 67 % lies between the published
    .1, .2 and .8, .9, on a line.
    """
    told = hierarchy.sum_leaves(units[hierarchy.leaf_rows])
    before, came = told[:, :HORIZON_DAYS], told[:, HORIZON_DAYS:]
    scale, weight = scale_and_weight(folder, hierarchy)
    level = hierarchy.nodes["level"].to_numpy() + 1
    median = made.quantiles[:, :, QUANTILES.index(0.5)]
    errors = {"wrmsse": rmsse(came, made.mean, scale), **naive_errors(came, before, scale)}
    held = {
        name: share_held(came, made.quantiles, QUANTILES, width).mean(axis=1)
        for name, width in (("held_67", 0.67), ("held_95", 0.95))
    }
    numbers = range(1, int(level.max()) + 1)
    rows = [level == number for number in numbers]
    table: dict[str, list[float]] = {"level": [*numbers]}
    for name, error in errors.items():
        table[name] = [float((weight * error)[at].sum()) for at in rows]
    for name, share in held.items():
        table[name] = [float(share[at].mean()) for at in rows]
    table["wql"] = [weighted_quantile_loss(came[at], made.quantiles[at], QUANTILES) for at in rows]
    table["wape"] = [float(np.abs(came - median)[at].sum() / came[at].sum()) for at in rows]
    return pd.DataFrame(table)


def score_upper(folder: Path, last: int) -> pd.DataFrame:
    """Score levels 1 to 9 from one origin, as `score` does."""
    hierarchy, made = forecast(upper_demand(folder, last), UPPER)
    _, units = read_upper(folder, last - HORIZON_DAYS + 1, last + HORIZON_DAYS)
    return score(hierarchy, made, units, folder).assign(origin=last)


def print_learnt(made: Forecast) -> None:
    """Print what the data chose, by level."""
    for row in made.choice.learnt:
        experts = ", ".join(f"{name} {share:.2f}" for name, share in row["experts"].items())
        windows = ", ".join(f"{name} {share:.2f}" for name, share in row["windows"].items())
        print(f"  {row['level_name']} ({row['method']}): {experts}; windows {windows}")


def main() -> None:
    """Run as described at the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--train-end", type=int)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--prices", action="store_true", help="give the weekly prices too")
    parser.add_argument("--quick", action="store_true", help="one window, no further origins")
    given = parser.parse_args()
    folder = given.data if given.data else data_folder(None, "m5/calendar.csv") / "m5"
    if not (folder / "calendar.csv").exists():
        unavailable(f"No calendar.csv in {folder}; --data is the folder of the M5 files.")
    if given.out:
        if not given.train_end:
            parser.error("--out takes --train-end")
        _write_window(folder, given.train_end, given.out, prices=given.prices)
        return
    windows = (given.train_end,) if given.train_end else WINDOWS[-1:] if given.quick else WINDOWS
    _score_windows(folder, windows, prices=given.prices)
    if not given.quick:
        _score_upper(folder)


def _write_window(folder: Path, last: int, out: Path, *, prices: bool) -> None:
    started = time.monotonic()
    hierarchy, made = forecast(whole_demand(folder, last, prices=prices), LEVELS)
    write(hierarchy, made.mean, written_quantiles(made.quantiles), last, out)
    print(f"{hierarchy.n_nodes:,} nodes written to {out}")
    _print_cost(time.monotonic() - started)


def _score_windows(folder: Path, windows: tuple[int, ...], *, prices: bool) -> None:
    scores, seconds = [], []
    for last in windows:
        began = time.monotonic()
        scores.append(_score_window(folder, last, prices=prices))
        seconds.append(time.monotonic() - began)
    table = pd.concat(scores)
    by_level = table.drop(columns="window").groupby("level").mean()
    by_window = table.pivot(index="level", columns="window", values="wrmsse")
    print(by_window.join(by_level).round(3).to_string())
    means = table.groupby("window")["wrmsse"].mean()
    at_most("m5_wrmsse", means.mean(), GOAL)
    best = by_level[["naive", "weekday_mean"]].min(axis=1)
    at_most("m5_worst_level_vs_baseline", (by_level["wrmsse"] / best).max(), 1.0)
    at_most("m5_leaf_wql", by_level["wql"].iloc[-1], LEAF_WQL_GOAL)
    at_most("m5_leaf_wape", by_level["wape"].iloc[-1], LEAF_WAPE_GOAL)
    claim_held(by_level.iloc[len(UPPER) :], "leaves")
    _print_cost(max(seconds))


def _score_window(folder: Path, last: int, *, prices: bool) -> pd.DataFrame:
    """Forecast and score one window; what it held is free before the next begins."""
    began = time.monotonic()
    hierarchy, made = forecast(whole_demand(folder, last, prices=prices), LEVELS)
    _, units = read_lower(folder, last - HORIZON_DAYS + 1, last + HORIZON_DAYS)
    scores = score(hierarchy, made, units, folder).assign(window=last)
    print(
        f"window {last}: {scores['wrmsse'].mean():.4f} in {time.monotonic() - began:.0f} s; learnt:"
    )
    print_learnt(made)
    return scores


def _score_upper(folder: Path) -> None:
    scores = pd.concat([score_upper(folder, last) for last in UPPER_ORIGINS])
    origins = scores.groupby("origin")[["wrmsse", "naive", "weekday_mean"]].mean()
    by_level = scores.drop(columns="origin").groupby("level").mean()
    print("\nLevels 1-9 by origin:\n" + origins.round(3).to_string())
    print(f"mean {origins['wrmsse'].mean():.4f}, sd {origins['wrmsse'].std():.4f}")
    print("\nLevels 1-9, all origins:\n" + by_level.round(3).to_string())
    at_most("m5_upper_wrmsse", origins["wrmsse"].mean(), UPPER_GOAL)
    claim_held(by_level.iloc[:TOP_LEVELS], "top", TOP_POINTS)
    claim_held(by_level.iloc[TOP_LEVELS:], "middle")


def claim_held(by_level: pd.DataFrame, of: str, points: float = COVERAGE_POINTS) -> None:
    """Claim how far the shares that the intervals held are from their names at the worst of some levels."""
    for name, nominal in (("held_67", 0.67), ("held_95", 0.95)):
        at_most(f"m5_{name}_{of}_miss", (by_level[name] - nominal).abs().max(), points)


def _print_cost(seconds: float) -> None:
    gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    at_most("m5_seconds", seconds, SECONDS_GOAL)
    at_most("m5_gb", gb, GB_GOAL)


if __name__ == "__main__":
    main()
