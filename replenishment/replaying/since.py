"""Joint paths moved to the level that sales have now.

A forecast's level is slow: it was learnt from years, and made last Monday. Goods that come back on Tuesday sell at
once, and until the next forecast each order would still be for a shelf that hardly sells. The level of a line is taken
as a gamma variable around 1: of what was sold lately, and what the paths expect of such days, its mean is
(prior + sold) / (prior + expected), the posterior of Poisson demand (Gelman et al., Bayesian Data Analysis, 3rd ed.
2013, section 2.6). Sales count half after HALF_LIFE seasons. prior = c · √(units a season): in fast lines a level is
less sure than Poisson demand would have it. c is what would have served the earlier outlooks best.

What was expected of the past is the forecast's own word (`Outlook.before`): with the promotions, holidays and season of
those days, at the level that it gives the future. A period that it does not speak of is NaN and counts on neither side.
Where nobody kept it, the first season of the paths stands for all of the past.

A run without a sale in which the paths would have sold much was probably an empty shelf, and says nothing.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from replenishment.formulas.conditions import Array, not_negative

Mask = NDArray[np.bool_]

# What c is chosen from: from a level that follows a day's sales to one that hardly moves.
PRIORS = (2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
PRIOR_DEFAULT = 10.0
# Of sales after the forecast alone: hardly worse than no move where nothing changes, better elsewhere (decision 074).
PRIOR_SINCE = 20.0
# Outlooks after which c is chosen by what they taught.
TAUGHT_MIN = 4
HALF_LIFE = 1.5
# Of the slow level, and the units it is sure of before anything was sold.
SLOW_HALF_LIFE = 5.0
SLOW_PRIOR = 0.3
# Sales further back than this have no weight.
SEASONS = 13
# A line that is expected to sell next to nothing is no surer of it than one that sells this much a season.
SEASON_UNITS_MIN = 0.1
# Units that did not sell in a run: by chance once in 3,000 at Poisson demand.
MISSED_UNITS_MAX = 8.0
# Stock is held for the upper part of demand: c is chosen by how well this quantile holds.
QUANTILE = 0.9


class Told(NamedTuple):
    """Weighed sums behind a level, (n,) units: (sure + sold) / (sure + expected). sure: units it has beforehand."""

    sure: Array
    sold: Array
    expected: Array

    @property
    def factor(self) -> Array:
        """Return the factor by which lines sell more or less than is expected of them, (n,)."""
        return np.asarray((self.sure + self.sold) / (self.sure + self.expected))


class Level(NamedTuple):
    """The level that sales have now: the mean of one that is quick to move and a slow one.

    The two err in different lines: a quick level orders for every peak, and cannot send back what did not sell; a slow
    one holds stock for what is gone.
    """

    quick: Told
    slow: Told

    @property
    def factor(self) -> Array:
        """Return the factor of the paths, (n,)."""
        return np.asarray((self.quick.factor + self.slow.factor) / 2)


def level_since(
    sold: Array, expected: Array, passed: int, prior: float = PRIOR_SINCE, *, season: int
) -> Told:
    """Return the level by the last `passed` periods alone, those after the forecast was made.

    Arguments of `level_now`. A forecast has learnt from all that was before: to move it by that once more takes back
    what it has learnt, most where sales have just changed. 1 where nothing came since.
    """
    told = expected.copy()
    told[: len(told) - passed] = np.nan
    return _quick(sold, told, prior, season)


def level_from(told: Mapping[str, float]) -> float:
    """Return the factor that the kept sums of a line give, the fields of `Told`, as its order does."""
    sums = Told(*(np.array([told[name]]) for name in Told._fields))
    return float(sums.factor[0])


def on_shelf(sold: Array, expected: Array) -> Mask:
    """Return the periods that say something about demand: (T, n). sold, expected: (T, n) units, NaN: nothing known."""
    T = sold.shape[0]
    at, some = np.arange(T)[:, None], sold > 0
    last = np.maximum.accumulate(np.where(some, at, -1), axis=0)
    following = np.minimum.accumulate(np.where(some, at, T)[::-1], axis=0)[::-1]
    known = np.isfinite(expected)
    units = np.where(known, expected, 0.0)
    upto = np.concatenate([np.zeros((1, sold.shape[1])), np.cumsum(units, axis=0)])
    missed = np.take_along_axis(upto, following, 0) - np.take_along_axis(upto, last + 1, 0)
    return np.asarray(known & (some | (missed <= MISSED_UNITS_MAX)))


def level_of(sold: Array, expected: Array, prior: float = PRIOR_DEFAULT, *, season: int) -> Level:
    """Return the level of now. Arguments of `level_now`; the quick level looks at the last `SEASONS` of them."""
    recent = slice(-SEASONS * season, None)
    return Level(
        _quick(sold[recent], expected[recent], prior, season), _slow(sold, expected, season)
    )


def level_now(sold: Array, expected: Array, prior: float, *, season: int) -> Array:
    """Return the factor of the quick level: (n,).

    sold: (T, n) units of the last periods, oldest first; expected: (T, n), what was to be expected of them, NaN where
    that is not known.
    """
    return _quick(sold, expected, prior, season).factor


def slow_level(sold: Array, expected: Array, *, season: int) -> Array:
    """Return the factor of a level that moves in weeks, and takes a run without a sale for what it is: (n,).

    Arguments of `level_now`.
    """
    return _slow(sold, expected, season).factor


def _quick(sold: Array, expected: Array, prior: float, season: int) -> Told:
    weight = _weight(sold.shape[0], HALF_LIFE * season) * on_shelf(sold, expected)
    known = np.isfinite(expected)
    units = np.where(known, expected, 0.0)
    a_season = season * units.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    sure = prior * np.sqrt(np.maximum(a_season, SEASON_UNITS_MIN))
    return Told(sure, (weight * sold).sum(axis=0), (weight * units).sum(axis=0))


def _slow(sold: Array, expected: Array, season: int) -> Told:
    known = np.isfinite(expected)
    weight = _weight(sold.shape[0], SLOW_HALF_LIFE * season) * known
    units = np.where(known, expected, 0.0)
    sure = np.full(sold.shape[1], SLOW_PRIOR)
    return Told(sure, (weight * sold).sum(axis=0), (weight * units).sum(axis=0))


def _weight(periods: int, half_life: float) -> Array:
    return np.asarray(0.5 ** (np.arange(periods)[::-1] / half_life)[:, None])


def moved_paths(
    paths: NDArray[Any], factor: Array, *, passed: int = 0, whole: bool = True
) -> NDArray[np.float32]:
    """Return paths (n, B, T) times the factor (n,); whole: rounded at random to whole units, without bias.

    passed: periods since the paths were made. A period is rounded by the same draw on every day: a level that moved
    with the draws would order a little more each time they are high, and nothing is ever sent back.
    Raises ValueError for a factor that is below 0, or not finite.
    """
    not_negative(factor=factor)
    moved = np.asarray(paths).transpose(2, 0, 1) * factor.astype(np.float32)[None, :, None]
    if whole:
        # one draw a path and period for all lines: a line's own paths and periods stay independent of each other
        T, _, B = moved.shape
        drawn = np.random.default_rng(0).random((passed + T, 1, B), dtype=np.float32)
        moved += drawn[passed:]
        np.floor(moved, out=moved)
    return np.asarray(moved).transpose(1, 2, 0)


class LearntPrior:
    """Learns c by what each candidate would have said of the seasons for which earlier outlooks were used."""

    def __init__(self) -> None:
        self.losses = np.zeros(len(PRIORS))
        self.taught = 0

    @property
    def prior(self) -> float:
        """Return the c that has served best so far."""
        if self.taught < TAUGHT_MIN:
            return PRIOR_DEFAULT
        return PRIORS[int(np.argmin(self.losses))]

    def learn(
        self, paths: NDArray[Any], sold: Array, came: Array, before: Array | None = None
    ) -> None:
        """Take in an outlook whose season is over.

        paths: (n, B, T). sold: (T', n) units before it; came: (season, n) those of its season. before: of the outlook.
        """
        season = came.shape[0]
        for passed in sorted({0, season // 2}):
            high = np.quantile(
                paths[:, :, passed:season].sum(axis=2, dtype=np.float32), QUANTILE, axis=1
            )
            seen = np.concatenate([sold[passed:], came[:passed]])
            expected = expected_before(paths, passed, seen.shape[0], season, before)
            left = came[passed:].sum(axis=0)
            for number, prior in enumerate(PRIORS):
                over = high * level_now(seen, expected, prior, season=season) - left
                self.losses[number] += np.maximum((1 - QUANTILE) * over, -QUANTILE * over).sum()
        self.taught += 1


def expected_before(
    paths: NDArray[Any], passed: int, periods: int, season: int, before: Array | None = None
) -> Array:
    """Return what was expected of the last `periods` periods by paths that are `passed` periods old: (T, n).

    before: (T', n) what the forecast expects of the periods before the paths; NaN, and what is longer ago: not known.
    None: each season as the first one of the paths.
    """
    n = paths.shape[0]
    if before is None:
        means = paths[:, :, :season].mean(axis=1, dtype=np.float64).T
        return np.asarray(means[np.arange(passed - periods, passed) % season])
    means = paths[:, :, :passed].mean(axis=1, dtype=np.float64).T
    said = np.concatenate([before, means])[-periods:]
    return np.concatenate([np.full((periods - len(said), n), np.nan), said])
