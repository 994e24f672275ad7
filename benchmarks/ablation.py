"""What each part of the mixture is worth: it is left out, on every set of the shelf and on M5's levels 1 to 9.

A part left out is a candidate as any other ("mixture without shapes"), and so is a way to reconcile ("BU mixture"):
one run of `make_forecast` a set tests all of them at the same origins by what the other origins taught. A figure is the
change of the error in per cent, the mean over levels of WRMSSE by the mixture's, averaged over origins; behind it the
spread over origins (standard deviation). Where a part has no expert at all there is a dash. `--out FILE` keeps what is
done. Data: as `shelf.py` finds it.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd

from benchmarks._claims import data_folder
from benchmarks._m5 import UPPER, hierarchy_of, upper_demand
from benchmarks._shelf import LOADERS
from benchmarks._shelf_ours import demand_at
from forecasting import Demand, ForecastSpec, Hierarchy, build_hierarchy, make_forecast

WHOLE = "mixture"
PARTS = (
    "own models",
    "logarithm",
    "recent",
    "whole",
    "shapes",
    "windows",
    "simple",
    "smoothing",
    "splits",
)
WAYS = ("BU mixture", "WLSS mixture", "WLSV mixture")
CANDIDATES = (WHOLE, *(f"{WHOLE} without {part}" for part in PARTS), *WAYS)
M5 = "m5 levels 1-9"
# A change below this is rounding: nothing of the part was there, or weighed anything.
NOTHING = 1e-9


def shelf_set(name: str, folder: Path) -> tuple[Demand, Hierarchy, ForecastSpec]:
    """Load a set of the shelf with all its periods but the last horizon, which its hold-out forecasts."""
    shelf = LOADERS[name](folder)
    spec = ForecastSpec(
        levels=shelf.levels,
        horizon_days=shelf.horizon,
        frequency=shelf.frequency,
        holidays_country=shelf.country,
        candidates=CANDIDATES,
    )
    known = shelf.known_periods(1)[0]
    return demand_at(shelf, known, plans=True), build_hierarchy(shelf.levels, shelf.leaves), spec


def m5_set(folder: Path) -> tuple[Demand, Hierarchy, ForecastSpec]:
    """Load M5's levels 1 to 9 up to day 1913."""
    demand = upper_demand(folder / "m5", 1913)
    spec = ForecastSpec(levels=UPPER, horizon_days=28, candidates=CANDIDATES)
    return demand, hierarchy_of(UPPER, demand.leaves), spec


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Test all candidates on one set: WRMSSE by origin and candidate, and seconds."""
    demand, hierarchy, spec = m5_set(folder) if name == M5 else shelf_set(name, folder)
    started = time.perf_counter()
    scores = make_forecast(demand, hierarchy, spec).scores
    mine = scores[(scores["metric"] == "wrmsse") & (scores["demand_class"] == "all")]
    table = mine.groupby(["candidate", "origin"])["value"].mean().unstack("origin")
    errors = {c: table.loc[c].to_numpy(np.float64).tolist() for c in CANDIDATES if c in table.index}
    return {"errors": errors, "nodes": hierarchy.n_nodes, "seconds": time.perf_counter() - started}


def changes(found: dict[str, Any]) -> dict[str, tuple[float, float]]:
    """Compute each candidate's change of error in per cent over origins: mean and standard deviation."""
    whole = np.array(found["errors"][WHOLE])
    of = {
        name: 100 * (np.array(errors) / whole - 1)
        for name, errors in found["errors"].items()
        if name != WHOLE
    }
    return {name: (float(c.mean()), float(c.std())) for name, c in of.items()}


def table_of(book: dict[str, Any]) -> pd.DataFrame:
    """Lay out the changes: a row a set, a column a candidate, and the mean of the sets below."""
    rows = {name: changes(found) for name, found in book.items() if found["errors"]}
    shown = {
        name: {c.removeprefix(f"{WHOLE} "): _cell(*row[c]) for c in row}
        for name, row in rows.items()
    }
    means = {
        c.removeprefix(f"{WHOLE} "): f"{np.mean([row[c][0] for row in rows.values()]):+.1f}"
        for c in CANDIDATES[1:]
    }
    return pd.DataFrame.from_dict({**shown, "mean of sets": means}, orient="index")


def _cell(mean: float, spread: float) -> str:
    return "-" if abs(mean) + spread < NOTHING else f"{mean:+.1f} ({spread:.1f})"


def print_table(table: pd.DataFrame) -> None:
    """Print the table as Markdown."""
    print("| set | " + " | ".join(table.columns) + " |")
    print("|---" * (table.shape[1] + 1) + "|")
    for name, row in table.iterrows():
        print(f"| {name} | " + " | ".join(row) + " |")


def main() -> None:
    """Run as described at the head of this file."""
    every = [*LOADERS, M5]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds the sets' folders")
    parser.add_argument("--sets", help=f"names with commas between, of {', '.join(every)}")
    parser.add_argument("--out", type=Path, help="JSON that keeps what is done")
    given = parser.parse_args()
    folder = data_folder(given.data, "tourism/tourism.csv")
    book = json.loads(given.out.read_text()) if given.out and given.out.exists() else {}
    for name in given.sets.split(",") if given.sets else every:
        if name not in every:
            parser.error(f"no set is named {name}; there are {', '.join(every)}")
        if name not in book:
            book[name] = measure(name, folder)
            print(f"{name}: {book[name]['seconds']:.0f} s", file=sys.stderr)
        if given.out:
            given.out.write_text(json.dumps(book, indent=1))
    print_table(table_of(book))


if __name__ == "__main__":
    main()
