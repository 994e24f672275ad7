"""Play several policies side by side, so that each forecast is made and held once for all of them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array
from replenishment.lines.blocks import Paths
from replenishment.lines.lines import Lines
from replenishment.replaying.measures import Measures
from replenishment.replaying.replay import Decide, Replay, ReplayTerms, draws
from replenishment.replaying.since import (
    SEASONS,
    LearntPrior,
    Level,
    Told,
    expected_before,
    level_now,
    level_of,
    level_since,
    moved_paths,
)
from replenishment.replaying.spread import SPREAD_SEASONS, recent_variance, spread_paths


@dataclass(frozen=True)
class Outlook:
    """Joint paths of n lines that were made before a period: values (n, B, T) from it on, any type.

    whole: all lines sell whole units only. before: (T', n) units that the same forecast expects of the last T' periods
    before it, NaN where it cannot say that or sales there say nothing of demand; None: not known.
    """

    period: int
    values: NDArray[Any]
    whole: bool = True
    before: Array | None = None


class Outlooks:
    """The newest outlook that was known at a period, at the level that sales have by then. Periods may only rise.

    sold: returns the units (T, n) before a period (None: paths stay as they were made). season: periods in which demand
    repeats itself. span: periods of lead time and review; with it the paths get the spread that sales have now, too
    (`spread_paths`), as is best where all lines share a goal (`Beside`). since_alone: the level moves by what came
    after an outlook was made, and by nothing that its forecast has learnt from, as a night's orders do.
    """

    def __init__(
        self,
        outlooks: Iterable[Outlook],
        sold: Callable[[int], NDArray[Any]] | None = None,
        *,
        season: int = 7,
        span: int | None = None,
        since_alone: bool = False,
    ) -> None:
        self._coming: Iterator[Outlook] = iter(outlooks)
        first = next(self._coming, None)
        if first is None:
            raise ValueError("outlooks: there must be at least one")
        self._now, self._next = first, next(self._coming, None)
        self._sold, self._season, self._span = sold, season, span
        self._since_alone = since_alone
        self.learnt = LearntPrior()
        self._made: tuple[int, Paths] | None = None

    def at(self, period: int) -> Paths:
        """Return the paths from a period on, as they were known before it."""
        if self._made is not None and self._made[0] == period:
            return self._made[1]
        while self._next is not None and self._next.period <= period:
            self._learn()
            self._now, self._next = self._next, next(self._coming, None)
        if period < self._now.period:
            raise ValueError(f"the first outlook begins with period {self._now.period}")
        passed = period - self._now.period
        ahead: NDArray[Any] = self._now.values[:, :, passed:]
        if self._sold is not None and self._span is None:
            factor = self._factor(self._seen(period), passed)
            ahead = moved_paths(ahead, factor, passed=passed, whole=self._now.whole)
        elif self._sold is not None and self._span is not None:
            ahead = self._spread(ahead, self._seen(period, SPREAD_SEASONS), passed, self._span)
        self._made = (period, ahead)
        return ahead

    def _expected(self, seen: Array, passed: int) -> Array:
        now = self._now
        return expected_before(now.values, passed, seen.shape[0], self._season, now.before)

    def _factor(self, seen: Array, passed: int) -> Array:
        return level_now(seen, self._expected(seen, passed), self.learnt.prior, season=self._season)

    def _spread(
        self, ahead: NDArray[Any], seen: Array, passed: int, span: int
    ) -> NDArray[np.float32]:
        expected, season = self._expected(seen, passed), self._season
        level: Level | Told = level_of(seen, expected, self.learnt.prior, season=season)
        if self._since_alone:
            level = level_since(seen, expected, passed, season=season)
        variance = recent_variance(seen, span, season=season)
        return spread_paths(ahead, level.factor, variance, span)

    def _seen(self, period: int, seasons: int = SEASONS) -> Array:
        assert self._sold is not None  # noqa: S101 - asked for by those who have it
        return np.asarray(self._sold(period)[-seasons * self._season :], dtype=np.float64)

    def _learn(self) -> None:
        end = self._now.period + self._season
        if self._sold is None or self._next is None or self._next.period < end:
            return
        came = np.asarray(self._sold(end)[-self._season :], dtype=np.float64)
        self.learnt.learn(self._now.values, self._seen(self._now.period), came, self._now.before)


def compare(
    lines: Lines | Mapping[str, Lines],
    demand: NDArray[Any],
    policies: Mapping[str, Decide],
    terms: ReplayTerms,
    *,
    seeds: Sequence[int] = (0,),
    tell: Callable[[int], None] = lambda _: None,
) -> dict[str, list[Measures]]:
    """Play demand (T, n) through each policy, once a seed; a seed gives all policies the same lead times.

    lines: at the start, the same for all, or by policy. tell: called after each period.
    """
    of = lines if isinstance(lines, Mapping) else dict.fromkeys(policies, lines)
    played = {
        (name, seed): Replay(of[name], terms, draws(seed, demand.shape[1]))
        for name in policies
        for seed in seeds
    }
    for period, units in enumerate(np.asarray(demand, dtype=np.float64)):
        for (name, _), one in played.items():
            one.step(policies[name], units)
        tell(period)
    return {name: [played[name, seed].measures() for seed in seeds] for name in policies}


def at_fill_rate(frontier: Sequence[tuple[float, float]], target: float) -> float:
    """Return what lies at a fill rate on a frontier of (fill rate, stock) points; NaN beyond its ends.

    Between two points stock is a straight line of the logarithm of the share missed: each further digit of service
    costs about the same.
    """
    points = sorted(frontier)
    served = np.array([point[0] for point in points])
    if not served.size or not served[0] <= target <= served[-1]:
        return float("nan")
    missed = -np.log(np.maximum(1 - served, 1e-9))
    return float(np.interp(-np.log(1 - target), missed, [point[1] for point in points]))


def stock_saved(
    ours: Sequence[Measures],
    reference: Sequence[Measures],
    target: float,
    *,
    rounds: int = 200,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Return 1 − our stock / the reference's at an equal fill rate, with its 90 % interval over items.

    ours, reference: measures of the same lines at several targets each. Items are drawn with replacement.
    """

    def saved(rows: NDArray[np.int64]) -> float:
        stocks = [
            at_fill_rate([_point(one, rows) for one in frontier], target)
            for frontier in (ours, reference)
        ]
        return 1 - stocks[0] / stocks[1]

    n = len(ours[0])
    rng = np.random.default_rng(seed)
    drawn = np.array([saved(rng.integers(0, n, n)) for _ in range(rounds)])
    known = drawn[np.isfinite(drawn)]
    low, high = np.quantile(known, [0.05, 0.95]) if known.size else (np.nan, np.nan)
    return saved(np.arange(n)), float(low), float(high)


def _point(measures: Measures, rows: Array | NDArray[np.int64]) -> tuple[float, float]:
    demand = measures.demand[rows].sum()
    return float(measures.sold_at_once[rows].sum() / demand), float(measures.mean_stock[rows].sum())
