"""Losses of single nodes, as utilsforecast defines them, on arrays.

Shapes: n nodes, h periods ahead, T periods of history, q quantiles, C candidates. NaN in actuals is unknown.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.intervals.probabilities import QUANTILES

Array = NDArray[np.float64]

SEASON_DAYS = 7
# A scale looks at the last two years: older swings say little about how hard the series is now.
SCALE_DAYS = 730
WIDTHS = (50, 80, 95)
ROWS_AT_ONCE = 4_096


@dataclass(frozen=True)
class NodeScales:
    """Divisors of a node's errors, (n,), NaN where its history never changed.

    squared: root mean squared change to the next period. absolute: mean absolute one. seasonal: over a season.
    """

    squared: Array
    absolute: Array
    seasonal: Array


@dataclass(frozen=True)
class Losses:
    """Losses of each node and candidate, (n, C), NaN where not forecast or not defined.

    names: (C,). mae, error: mean absolute and mean signed error, units. rmsse, mase: scaled by the history's naive and
    seasonal naive errors. pinball: mean over the quantiles, scaled by the mean absolute change. coverage: by width in
    %.
    """

    names: tuple[str, ...]
    mae: Array
    error: Array
    rmsse: Array
    mase: Array
    pinball: Array
    coverage: dict[int, Array]


def node_scales(
    history: Array, *, season: int = SEASON_DAYS, periods: int = SCALE_DAYS
) -> NodeScales:
    """Compute the scales of histories (n, T) over their last periods; one counts from its first sale on."""
    recent = history[:, -periods:]
    parts = [
        _scales(recent[start : start + ROWS_AT_ONCE], season)
        for start in range(0, recent.shape[0], ROWS_AT_ONCE)
    ]
    squared, absolute, seasonal = (np.concatenate(part) for part in zip(*parts, strict=True))
    return NodeScales(squared, absolute, seasonal)


def _scales(recent: Array, season: int) -> tuple[Array, Array, Array]:
    started = np.maximum.accumulate(recent > 0, axis=1)
    started[~started.any(axis=1)] = True
    change = np.abs(np.diff(recent, axis=1))
    counted = started[:, :-1]
    over = np.abs(recent[:, season:] - recent[:, :-season])
    return (
        np.sqrt(_mean(change**2, counted)),
        _mean(change, counted),
        _mean(over, started[:, : over.shape[1]]),
    )


def _mean(values: Array, counted: NDArray[np.bool_]) -> Array:
    """Average the counted values of each row, (n,); NaN where the mean is 0 or nothing is counted."""
    total = np.where(counted, values, 0.0).sum(axis=1)
    count = counted.sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=total > 0))


def node_losses(
    actual: Array,
    forecasts: Mapping[str, Array],
    scales: NodeScales,
    quantiles: Mapping[str, Array],
) -> Losses:
    """Compute the losses of every node over the periods that are known. actual: (n, h)."""
    assert all(forecast.shape == actual.shape for forecast in forecasts.values())
    assert set(quantiles) <= set(forecasts)
    known = np.isfinite(actual)
    count = np.where(known.any(axis=1), known.sum(axis=1), np.nan)
    of = {name: _errors(actual, forecast, known, count) for name, forecast in forecasts.items()}
    none = np.full(actual.shape[0], np.nan)
    placed = {
        name: _of_quantiles(actual, quantiles[name], known, count)
        if name in quantiles
        else (none, dict.fromkeys(WIDTHS, none))
        for name in forecasts
    }

    def table(columns: Mapping[str, Array]) -> Array:
        return np.stack([columns[name] for name in forecasts], axis=1)

    return Losses(
        tuple(forecasts),
        mae=table({name: errors[0] for name, errors in of.items()}),
        error=table({name: errors[1] for name, errors in of.items()}),
        rmsse=table({name: errors[2] for name, errors in of.items()}) / scales.squared[:, None],
        mase=table({name: errors[0] for name, errors in of.items()}) / scales.seasonal[:, None],
        pinball=table({n: loss for n, (loss, _) in placed.items()}) / scales.absolute[:, None],
        coverage={
            width: table({name: held[width] for name, (_, held) in placed.items()})
            for width in WIDTHS
        },
    )


def _errors(
    actual: Array, forecast: Array, known: NDArray[np.bool_], count: Array
) -> tuple[Array, Array, Array]:
    missed = np.where(known, forecast - actual, 0.0)
    return (
        np.abs(missed).sum(axis=1) / count,
        missed.sum(axis=1) / count,
        np.sqrt(np.einsum("nh,nh->n", missed, missed) / count),
    )


def _of_quantiles(
    actual: Array, quantile: Array, known: NDArray[np.bool_], count: Array
) -> tuple[Array, dict[int, Array]]:
    """Compute the mean pinball loss over the quantiles, (n,) units, and the share of known periods in each interval."""
    loss = np.zeros(actual.shape[0])
    for at, p in enumerate(QUANTILES):
        gap = np.where(known, actual - quantile[:, :, at], 0.0)
        loss += np.maximum(p * gap, (p - 1.0) * gap).sum(axis=1) / count
    held = {}
    for width in WIDTHS:
        low, high = (
            quantile[:, :, QUANTILES.index(round(0.5 + side * width / 200, 3))] for side in (-1, 1)
        )
        held[width] = ((actual >= low) & (actual <= high) & known).sum(axis=1) / count
    return loss / len(QUANTILES), held
