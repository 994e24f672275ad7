"""One shop's food by `make_forecast`, origin by origin: leaves, total, and the same by another checkout.

823 items of M5 (FOODS_3 in TX_3), levels total and item, holidays US, all history (`--history N`: the last N days), 28
days ahead, eight origins 28 days apart. Errors are RMSSE, items weighted by their last 28 days' units. `--against DIR`
runs the same with the packages of another checkout, and prints the ratios. Data: `--data DIR`, else
STOCKTIDE_TEST_DATA/m5, else ../shared/data/m5 beside the checkout.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path, and its files would stand for packages. The checkout that
# is measured comes first: another one, when this file is run with its path.
sys.path[0] = os.environ.get("FOODS_TX_TREE", str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import (
    ForecastSpec,
    build_hierarchy,
    demand_of,
    from_long,
    make_forecast,
)

Array = NDArray[np.float64]

FILE = "foods3_tx3_d1_d1913.parquet"
FIRST_DATE = pd.Timestamp("2011-01-29")
HORIZON_DAYS, LAST, ORIGINS = 28, 1885, 8
LEVELS = ((), ("product",))
LEAF_GOAL, TOTAL_GOAL = 0.97, 0.80
NAMES = ("total", "leaf")


def errors_at(units: Array, items: pd.Series, last: int, history: int) -> dict[str, float]:
    """Forecast from the last days of `last` known ones; RMSSE of the total and of the leaves, and seconds."""
    known = units[:, max(last - history, 0) : last]
    demand = demand_before(known, items, last)
    hierarchy = build_hierarchy(LEVELS, demand.leaves)
    spec = ForecastSpec(levels=LEVELS, horizon_days=HORIZON_DAYS, holidays_country="US")
    started = time.perf_counter()
    made = make_forecast(demand, hierarchy, spec)
    seconds = time.perf_counter() - started
    nodes = hierarchy.sum_leaves(units[hierarchy.leaf_rows])
    came = nodes[:, last : last + HORIZON_DAYS]
    weight = nodes[:, last - HORIZON_DAYS : last].sum(axis=1)
    found = {}
    for number, name in enumerate(NAMES):
        rows = hierarchy.rows(number)
        scale = usual_change(nodes[rows, :last])
        # what never sold, or sold on the last day alone, has no scale and is not scored
        rows, scale = rows[scale > 0], scale[scale > 0]
        error = np.sqrt(((came[rows] - made.mean[rows]) ** 2).mean(axis=1)) / scale
        found[name] = float((error * weight[rows]).sum() / weight[rows].sum())
    return {**found, "seconds": seconds}


def demand_before(known: Array, items: pd.Series, last: int) -> Any:
    """Make demand of the items' known days (m, T)."""
    days = pd.date_range(FIRST_DATE, periods=last)[-known.shape[1] :]
    ids = items.to_numpy(dtype=object)
    frame = pd.DataFrame(
        {"unique_id": ids.repeat(days.size), "ds": np.tile(days, ids.size), "y": known.ravel()}
    )
    return demand_of(from_long(frame), pd.DataFrame({"unique_id": ids, "product": ids}))


def usual_change(past: Array) -> Array:
    """Compute the root mean squared change from day to day since the first sale, (n,), 0 where none is known."""
    begun = np.maximum.accumulate(past > 0, axis=1)[:, :-1]
    total = np.where(begun, np.diff(past, axis=1) ** 2, 0.0).sum(axis=1)
    return np.asarray(np.sqrt(total / np.maximum(begun.sum(axis=1), 1)))


def measure(file: Path, origins: list[int], history: int) -> None:
    """Print a line of JSON for each origin."""
    wide = pd.read_parquet(file)
    units = wide.filter(like="d_").to_numpy(np.float64)
    items = wide["id"].str.extract(r"^([A-Z]+_\d_\d+)")[0]
    for last in origins:
        line = json.dumps({"origin": last, **errors_at(units, items, last, history)})
        print(line, flush=True)
        print(line, file=sys.stderr, flush=True)


def measured_by(tree: Path, file: Path, origins: list[int], history: int) -> pd.DataFrame:
    """Measure with the packages of a checkout, in a separate process: a row an origin."""
    command = [sys.executable, __file__, "--measure", str(file), "--history", str(history)]
    command += ["--ends", *map(str, origins)]
    # its own packages come first, before those that are installed
    environment = {**os.environ, "FOODS_TX_TREE": str(tree), "PYTHONPATH": str(tree)}
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return pd.DataFrame([json.loads(line) for line in run.stdout.splitlines()]).set_index("origin")


def main() -> None:
    """Run as described at the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument(
        "--against", type=Path, help="another checkout, whose packages run the same"
    )
    parser.add_argument("--origins", type=int, default=ORIGINS)
    parser.add_argument("--history", type=int, default=LAST, help="days given, default all")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--ends", type=int, nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.ends, given.history)
        return
    from benchmarks._claims import at_most, data_folder

    folder = given.data if given.data else data_folder(None, f"m5/{FILE}") / "m5"
    ends = [LAST - HORIZON_DAYS * back for back in reversed(range(given.origins))]
    ours = measured_by(Path(__file__).parents[1], folder / FILE, ends, given.history)
    if given.against is None:
        print(ours.round(4).to_string())
        print(f"mean: {ours['leaf'].mean():.4f} leaf, {ours['total'].mean():.4f} total")
        return
    theirs = measured_by(given.against, folder / FILE, ends, given.history)
    print(ours.join(theirs, rsuffix=" against").round(4).to_string())
    for name, goal in (("leaf", LEAF_GOAL), ("total", TOTAL_GOAL)):
        print(f"{name}: {ours[name].mean():.4f} against {theirs[name].mean():.4f}")
        at_most(f"foods_tx_{name}_ratio", ours[name].mean() / theirs[name].mean(), goal)


if __name__ == "__main__":
    main()
