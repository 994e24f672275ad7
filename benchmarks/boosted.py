"""What trees add to the mixture: both forecast the hold-outs of sets of the shelf, and the past chooses between them.

A row is a hold-out: the error of "boosted mixture" as a share of that of "mixture" on periods that neither has seen
(WRMSSE and mean absolute error by level; below 1 is better), at the earlier origins that choose, what they chose, and
seconds. Data: as `shelf.py` finds it. Needs the extra `boost`.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import pandas as pd

from benchmarks._claims import data_folder, need_package
from benchmarks._shelf import LOADERS
from benchmarks._shelf_ours import demand_at
from benchmarks._shelf_panel import ShelfSet
from forecasting import ForecastSpec, build_hierarchy
from forecasting.choosing.backtest import backtest
from forecasting.choosing.candidates import BOOSTED, MIXTURE, Answer, Lesson, make_candidates
from forecasting.choosing.choose import choose
from forecasting.choosing.tables import OriginTable
from forecasting.forecast_setup import make_setup

NAMES = (MIXTURE, BOOSTED)
METRICS = ("wrmsse", "wape")
SETS = ("rossmann_100", "orange_juice", "breakfast_frat")


def lesson_at(shelf: ShelfSet, known: int) -> tuple[Lesson, OriginTable]:
    """Return what a forecast after so many periods may learn from, and the hold-out that follows."""
    spec = ForecastSpec(
        levels=shelf.levels,
        horizon_days=shelf.horizon,
        frequency=shelf.frequency,
        holidays_country=shelf.country,
        candidates=NAMES,
    )
    demand = demand_at(shelf, known + shelf.horizon, plans=True)
    setup = make_setup(demand, build_hierarchy(shelf.levels, shelf.leaves), spec)
    tables = {periods: setup.table(periods) for periods in setup.teachers(known)}
    now = setup.table(known)
    return setup.lesson(known, tables, now), now


def errors(lesson: Lesson, tables: list[OriginTable], answers: dict[str, Answer]) -> pd.DataFrame:
    """Score left-out forecasts: a row per origin, metric and level, a column per candidate."""
    results = backtest(lesson.hierarchy, tables, answers)
    scores = pd.concat([result.scores for result in results])
    mine = scores[scores["metric"].isin(METRICS) & (scores["demand_class"] == "all")]
    return mine.pivot_table(
        index=["origin", "metric", "level_name"], columns="candidate", values="value", sort=False
    )


def measure(shelf: ShelfSet, known: int) -> dict[str, Any]:
    """Compare both on one hold-out."""
    lesson, now = lesson_at(shelf, known)
    answers, seconds = {}, {}
    for candidate in make_candidates(NAMES):
        started = time.perf_counter()
        answers[candidate.name] = candidate.answer(lesson)
        seconds[candidate.name] = time.perf_counter() - started
    ahead = {name: Answer(of.mean, (of.mean,)) for name, of in answers.items()}
    held_out, past = errors(lesson, [now], ahead), errors(lesson, [*lesson.tables], answers)
    share = held_out[BOOSTED] / held_out[MIXTURE]
    levels = zip(
        share.index.get_level_values("metric"),
        share.index.get_level_values("level_name"),
        share.to_numpy(),
        strict=True,
    )
    found = {f"{metric} {level}": float(value) for metric, level, value in levels}
    chose = (past[BOOSTED] / past[MIXTURE]).xs("wrmsse", level="metric")
    boost = answers[BOOSTED].boost
    return {
        **found,
        "left out": float(chose.mean()),
        "origins": len(lesson.tables),
        "trees": 0 if boost is None else boost.corrector.trees,
        "chosen": choose(backtest(lesson.hierarchy, lesson.tables, answers))[0].name,
        "seconds": seconds[BOOSTED],
    }


def rows(names: list[str], folder: Path, origins: int) -> Iterator[dict[str, Any]]:
    """Yield a row for each hold-out of each set, as they are done."""
    for name in names:
        shelf = LOADERS[name](folder)
        for known in shelf.known_periods(origins):
            row = {"set": name, "known": known, **measure(shelf, known)}
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()})
            yield row


def main() -> None:
    """Run as described at the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds the sets' folders")
    parser.add_argument("--sets", default=",".join(SETS), help="names with commas between")
    parser.add_argument("--origins", type=int, default=3, help="hold-outs of each set")
    given = parser.parse_args()
    need_package("lightgbm")
    folder = data_folder(given.data, "tourism/tourism.csv")
    table = pd.DataFrame([*rows(given.sets.split(","), folder, given.origins)])
    print(table.groupby("set", sort=False).mean(numeric_only=True).round(3).T.to_string())


if __name__ == "__main__":
    main()
