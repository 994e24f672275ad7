"""What the shelf's benchmark found about a set, and how it is printed: tables, summary, claims. No benchmark itself."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks._claims import at_most
from benchmarks._shelf_baselines import BY_PLAN
from benchmarks._shelf_scores import COVERAGE

WORST_GOAL, GEO_GOAL, PROMOTION_GOAL = 1.05, 0.90, 0.80
Cells = dict[str, float]
# So many experts and windows of a level are shown.
SHOWN = 3


@dataclass(frozen=True)
class Result:
    """Hold the means of a set over its hold-outs. ours, coverage: empty where not measured; refused: the reason.

    told: ours knew the plans, so that the baseline that knows them is a bar, too. learnt: by level, what the last
    hold-out's data chose.
    """

    name: str
    heading: str
    baselines: Mapping[str, Cells]
    ours: Cells
    coverage: Mapping[str, Cells]
    seconds: Mapping[str, float]
    promoted: tuple[float, float] | None = None
    library: tuple[float, float] | None = None
    refused: str | None = None
    told: bool = False
    learnt: Sequence[Mapping[str, Any]] = ()

    def best(self) -> dict[str, tuple[str, float]]:
        """Return each cell's best baseline with its error."""
        bars = {name: row for name, row in self.baselines.items() if self.told or name != BY_PLAN}
        cells = sorted({cell for row in bars.values() for cell in row})
        return {
            cell: min(
                ((name, row[cell]) for name, row in bars.items() if cell in row),
                key=lambda named: named[1],
            )
            for cell in cells
        }

    def ratios(self) -> Cells:
        """Divide our error by the best baseline's, by cell."""
        best = self.best()
        return {cell: error / best[cell][1] for cell, error in self.ours.items()}

    @property
    def ratio(self) -> float:
        """Average the ratios of the cells."""
        return float(np.mean(list(self.ratios().values()))) if self.ours else np.nan


def print_set(result: Result) -> None:
    """Print a set's table: ours first, then the baselines from the best on."""
    best = result.best()
    cells = list(next(iter(result.baselines.values())))
    print(f"\n{result.heading}")
    print(f"{'':26}" + "".join(f"{cell[-22:]:>24}" for cell in cells))
    if result.ours:
        _print_row("ours", result.ours, cells)
        _print_row("ratio to the best", result.ratios(), cells)
    if result.refused:
        print(f"ours: refused, {result.refused}")
    for width in COVERAGE if result.coverage else ():
        held = {name: of[width] for name, of in result.coverage.items()}
        levels = {cell: held[cell.removesuffix(" RMSSE").removesuffix(" WQL")] for cell in cells}
        _print_row(f"covered by {width} %", levels, cells)
    order = sorted(
        result.baselines.items(),
        key=lambda row: float(np.mean([row[1].get(c, np.inf) / best[c][1] for c in cells])),
    )
    for name, row in order:
        _print_row(name, row, cells, marked=[cell for cell in cells if best[cell][0] == name])
    print("seconds: " + ", ".join(f"{part} {took:.1f}" for part, took in result.seconds.items()))


def _print_row(
    name: str, row: Mapping[str, float], cells: list[str], *, marked: list[str] | None = None
) -> None:
    shown = (
        f"{row[cell]:.4f}{'*' if marked and cell in marked else ' '}" if cell in row else "- "
        for cell in cells
    )
    print(f"{name:26}" + "".join(f"{text:>24}" for text in shown))


def print_summary(results: list[Result]) -> None:
    """Print a line per set: ratio, its worst cell, seconds, and the library beside `fit_frame`."""
    print(
        f"\n{'set':22}{'ratio':>8}{'worst':>8}  {'at':34}{'seconds':>9}{'library / fit_frame':>22}"
    )
    for result in results:
        ratios = result.ratios()
        at = max(ratios, key=lambda cell: ratios[cell]) if ratios else "-"
        worst = ratios.get(at, np.nan)
        beside = f"{result.library[0] / result.library[1]:.4f}" if result.library else "-"
        print(
            f"{result.name:22}{result.ratio:8.3f}{worst:8.3f}  {at:34}"
            f"{result.seconds['ours']:9.1f}{beside:>22}"
        )
    pairs = [result.library for result in results if result.library]
    if pairs:
        theirs, same = np.sum(pairs, axis=0)
        print(f"The library's errors by fit_frame's over all these series: {theirs / same:.4f}")


def print_promotion(results: list[Result]) -> dict[str, float]:
    """Print the leaves' WAPE in promotion periods with plans and without; gives the ratios."""
    shown = {result.name: result.promoted for result in results if result.promoted}
    if shown:
        print(f"\n{'promotion periods, leaves':26}{'with plans':>12}{'without':>12}{'ratio':>8}")
    for name, (told, untold) in shown.items():
        print(f"{name:26}{told:12.4f}{untold:12.4f}{told / untold:8.3f}")
    return {name: told / untold for name, (told, untold) in shown.items()}


def print_learnt(results: list[Result]) -> None:
    """Print, as Markdown, what the data of each set chose at its first level and at its leaves."""
    print("\n| set | reconciled by | level | experts | level corrected by |\n|---|---|---|---|---|")
    for result in results:
        for row in (result.learnt[0], result.learnt[-1]) if result.learnt else ():
            print(
                f"| {result.name} | {row['method']} | {row['level_name']} "
                f"| {_heaviest(row['experts'])} | {_heaviest(row['windows'])} |"
            )


def _heaviest(shares: Mapping[str, float]) -> str:
    largest = sorted(shares.items(), key=lambda named: -named[1])[:SHOWN]
    return "; ".join(f"{name} {share:.0%}" for name, share in largest)


def by_source(results: list[Result]) -> Cells:
    """Average the ratios of the sets that were published as one: the four files of spare parts."""
    found: dict[str, list[float]] = {}
    for result in results:
        source = "spare_parts" if result.name.startswith("spare_") else result.name
        found.setdefault(source, []).append(result.ratio)
    return {name: float(np.mean(ratios)) for name, ratios in found.items()}


def print_claims(results: list[Result]) -> None:
    """Print the claims; ends the program where a set could not be measured.

    The worst is the worst file's; the mean counts the four files of spare parts as the one set that they are.
    """
    promotion = print_promotion(results)
    missed = [result.name for result in results if not result.ours]
    if missed:
        sys.exit(f"No claim: {', '.join(missed)} could not be measured.")
    ratios = np.array([result.ratio for result in results])
    if promotion:
        at_most("shelf_promotion_ratio", max(promotion.values()), PROMOTION_GOAL)
    at_most("shelf_worst_ratio", float(ratios.max()), WORST_GOAL)
    sources = np.array(list(by_source(results).values()))
    print(f"mean over {ratios.size} files alike: {float(np.exp(np.log(ratios).mean())):.3f}")
    at_most("shelf_geo_ratio", float(np.exp(np.log(sources).mean())), GEO_GOAL)
