"""Data that nobody tuned for: sixteen sets beside the best simple forecast of each level, chosen in hindsight.

Every set is forecast by `make_forecast` with the same settings: it is given the levels, the horizon, the country of
holidays, and the plans that a seller knows ahead. A set's ratio is the mean over its levels of our error (mean of three
adjoining hold-outs, the last and the two before) by that of the best baseline there. `--out FILE` keeps what is done,
and another run with the same file goes on from there. Data: `--data DIR`, else STOCKTIDE_TEST_DATA, else ../shared/data
beside the checkout.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np

from benchmarks._claims import data_folder
from benchmarks._shelf import LOADERS
from benchmarks._shelf_baselines import (
    Past,
    deciles_of,
    prophet_baselines,
    quick_baselines,
    slow_baselines,
)
from benchmarks._shelf_library import library_errors
from benchmarks._shelf_ours import measure, takes_plans
from benchmarks._shelf_panel import ShelfSet
from benchmarks._shelf_scores import Test, errors, test_at
from benchmarks._shelf_tables import (
    Cells,
    Result,
    print_claims,
    print_learnt,
    print_set,
    print_summary,
)
from forecasting import Hierarchy, build_hierarchy

QUICK = ("vic_elec_daily", "bike_sharing", "tourism")
LIBRARY_SERIES = 200


@dataclass
class Book:
    """What was measured, by set, hold-out and part; written to `path` after each part, read back by a later run."""

    path: Path | None
    kept: dict[str, Any] = field(default_factory=dict)

    def of(self, name: str, periods: int, part: str, make: Callable[[], Any]) -> Any:
        """Give a part from the file, or make and keep it; a refusal is tried again by the next run."""
        parts = self.kept.setdefault(name, {}).setdefault(str(periods), {})
        if part in parts:
            return parts[part]
        made = make()
        if "refused" not in made:
            parts[part] = made
            if self.path is not None:
                self.path.write_text(json.dumps(self.kept, indent=1))
        return made

    def forget(self, name: str, parts: tuple[str, ...]) -> None:
        """Drop parts of a set, so that they are made again."""
        for kept in self.kept.get(name, {}).values():
            for part in parts:
                kept.pop(part, None)


def score_baselines(test: Test) -> dict[str, Any]:
    """Score every baseline of one hold-out: cells by name, and seconds."""
    started = time.perf_counter()
    shelf, T = test.shelf, test.past.shape[1]
    past = _past(test)
    level = test.hierarchy.nodes["level"].to_numpy(np.int64)
    made = {
        **quick_baselines(past),
        **slow_baselines(past, level),
        **prophet_baselines(past, shelf.days[:T]),
    }
    found = {
        name: errors(test, forecast, partial(deciles_of, name, forecast, past))
        for name, forecast in made.items()
    }
    return {"errors": found, "seconds": time.perf_counter() - started}


def _past(test: Test) -> Past:
    shelf, rows = test.shelf, test.hierarchy.leaf_rows
    end = test.past.shape[1] + shelf.horizon
    if shelf.plans is None:
        return Past(test.hierarchy, test.past, shelf.frequency, shelf.horizon)
    planned, closed = shelf.plans.promoted, shelf.plans.closed
    return Past(
        test.hierarchy,
        test.past,
        shelf.frequency,
        shelf.horizon,
        planned=planned[rows, :end],
        closed=None if closed is None else closed[rows, :end],
    )


def run_set(
    shelf: ShelfSet, hierarchy: Hierarchy, book: Book, *, origins: int, ours: bool, library: int
) -> Result:
    """Measure what the book does not have, hold-out by hold-out, latest first."""
    base, own, blind = [], [], []
    periods = shelf.known_periods(min(origins, shelf.origins))
    for known in periods:
        test = test_at(shelf, hierarchy, known)
        keep = partial(book.of, shelf.name, known)
        base.append(keep("baselines", partial(score_baselines, test)))
        if ours:
            own.append(keep("ours", partial(measure, test, plans=True)))
        if ours and shelf.plans is not None and takes_plans():
            blind.append(keep("blind", partial(measure, test, plans=False)))
    pair = None
    if library:
        last = test_at(shelf, hierarchy, periods[0])
        pair = book.of(shelf.name, periods[0], "library", lambda: library_errors(last, library))
    refused = next((one["refused"] for one in own if "refused" in one), None)
    measured = [] if refused else own
    return Result(
        name=shelf.name,
        heading=f"{shelf.name}: {shelf.horizon} {shelf.frequency} ahead, {len(periods)} hold-outs, "
        f"{hierarchy.n_nodes:,} nodes, {shelf.metric}",
        baselines=_mean_rows([one["errors"] for one in base]),
        ours=_mean_cells([one["errors"] for one in measured]),
        coverage=_mean_rows([one["coverage"] for one in measured]),
        seconds={
            "baselines": sum(one["seconds"] for one in base),
            "ours": sum(one["seconds"] for one in measured),
        },
        promoted=_promoted(measured, blind),
        library=None if pair is None else (pair[0], pair[1]),
        refused=refused,
        told=all(one["told"] for one in measured) if measured else not ours,
        learnt=measured[0].get("learnt", ()) if measured else (),
    )


def _promoted(own: list[Any], blind: list[Any]) -> tuple[float, float] | None:
    if not blind or not own or any("refused" in one for one in blind):
        return None
    told, untold = (float(np.mean([one["promoted"] for one in of])) for of in (own, blind))
    return told, untold


def _mean_cells(rows: list[Cells]) -> Cells:
    """Average over hold-outs the cells that all of them have."""
    if not rows:
        return {}
    shared = [cell for cell in rows[0] if all(cell in row for row in rows)]
    return {cell: float(np.mean([row[cell] for row in rows])) for cell in shared}


def _mean_rows(tables: list[dict[str, Cells]]) -> dict[str, Cells]:
    names = tables[0] if tables else ()
    return {name: _mean_cells([table[name] for table in tables]) for name in names}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds the sets' folders")
    parser.add_argument("--sets", help=f"names with commas between, of {', '.join(LOADERS)}")
    parser.add_argument("--origins", type=int, default=3, help="hold-outs a set, latest first")
    parser.add_argument("--out", type=Path, help="JSON that keeps what is done")
    parser.add_argument("--again", action="store_true", help="forecast again, keep the baselines")
    parser.add_argument("--baselines", action="store_true", help="only the baselines; no claims")
    parser.add_argument(
        "--library", type=int, default=LIBRARY_SERIES, help="series for prophet, 0: none"
    )
    parser.add_argument("--quick", action="store_true", help="three small sets, one hold-out")
    given = parser.parse_args()
    given.names = given.sets.split(",") if given.sets else list(QUICK if given.quick else LOADERS)
    unknown = [name for name in given.names if name not in LOADERS]
    if unknown:
        parser.error(f"no set is named {unknown[0]}; there are {', '.join(LOADERS)}")
    if given.quick:
        given.origins, given.library = 1, min(given.library, len(given.names))
    return given


def main() -> None:
    """Run as described at the head of this file."""
    given = arguments()
    kept = json.loads(given.out.read_text()) if given.out and given.out.exists() else {}
    book = Book(given.out, kept)
    results = []
    folder = data_folder(given.data, "tourism/tourism.csv")
    for name in given.names:
        if given.again:
            book.forget(name, ("ours", "blind"))
        shelf = LOADERS[name](folder)
        result = run_set(
            shelf,
            build_hierarchy(shelf.levels, shelf.leaves),
            book,
            origins=given.origins,
            ours=not given.baselines,
            library=-(-given.library // len(given.names)),
        )
        print_set(result)
        sys.stdout.flush()
        results.append(result)
    print_summary(results)
    print_learnt(results)
    if not given.baselines:
        print_claims(results)


if __name__ == "__main__":
    main()
