"""Earlier origins: what was forecast beside what came, and plain forecasts that stand in where there is none."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# A seasonal comparison needs a season and so many periods; a shorter history is compared with the period before.
COMPARED_MIN = 8
# Plain forecasts that are tried where no origin was tested: enough for a size of error, each a horizon apart.
REHEARSALS = 4


@dataclass(frozen=True)
class Missed:
    """One earlier origin of n nodes: known, the periods that it knew of the history; mean and came, (n, h) units.

    mean: the coherent forecast then, came: what was sold. NaN where either is unknown or the node was not forecast.
    """

    known: int
    mean: Array
    came: Array


def seasonal_lag(periods: int, season: int) -> int:
    """Return how many periods back to compare: a season if the history holds enough beyond it, else one."""
    return season if periods >= season + COMPARED_MIN else 1


def rehearsed_periods(horizon: int) -> int:
    """Return how many last periods are looked at to rehearse: half of them are forecast."""
    return 2 * REHEARSALS * horizon


def rehearse(history: Array, horizon: int, season: int, level_periods: int | None) -> list[Missed]:
    """Forecast plainly from a few earlier origins. history: (n, T) units, NaN where unknown.

    level_periods: forecast the mean of so many periods; None: repeat the last season. The newest origin comes last.
    """
    T = history.shape[1]
    # what is forecast from less than half of a short history says little about now
    step = max(min(horizon, T // 2), 1)
    starts = [T - back * step for back in range(REHEARSALS, 0, -1)]
    return [
        _rehearsed(history, start, horizon, season, level_periods)
        for start in starts
        if start >= max(T // 2, 1)
    ]


def _rehearsed(
    history: Array, start: int, horizon: int, season: int, level_periods: int | None
) -> Missed:
    past = history[:, :start]
    if level_periods is None:
        lag = seasonal_lag(start, season)
        mean = past[:, start - lag + np.arange(horizon) % lag]
    else:
        mean = np.repeat(known_mean(past[:, -level_periods:])[:, None], horizon, axis=1)
    came = np.full((history.shape[0], horizon), np.nan)
    following = history[:, start : start + horizon]
    came[:, : following.shape[1]] = following
    return Missed(start, mean, came)


def known_mean(history: Array) -> Array:
    """Return the mean of each row's known values, (n,), 0 where none is."""
    known = np.isfinite(history)
    total = np.where(known, history, 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(known.sum(axis=1), 1))


def node_scale(history: Array, lag: int, window: int) -> Array:
    """Return the size of a period's surprise: sqrt(mean (y_t - y_{t - lag})^2 / 2) of the last periods, (n,) > 0.

    history: (n, T) units, NaN where unknown. One unit's surprise in the window (of a slower node its mean's) is the
    least, for a shelf that was asleep may wake; where nothing can be compared it is a Poisson count's.
    """
    assert lag >= 1
    recent = history[:, -(window + lag) :]
    square = (recent[:, lag:] - recent[:, :-lag]) ** 2
    level = known_mean(recent)
    least = np.where(level > 0, np.minimum(level, 1.0), 1.0) / np.sqrt(window)
    compared = np.isfinite(square).any(axis=1)
    moved = np.where(compared, known_mean(square) / 2.0, level)
    return np.asarray(np.sqrt(moved + least**2))
