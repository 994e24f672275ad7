"""Losses of single nodes, by utilsforecast.

Shapes: n nodes, h days ahead, T days of history, q quantiles, C candidates.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.intervals.stretch import QUANTILES

Array = NDArray[np.float64]

SEASON_DAYS = 7
# A scale looks at the last two years: older swings say little about how hard the series is now.
SCALE_DAYS = 730
WIDTHS = (50, 80, 95)
# Long frames of so many nodes at a time: with 42,840 nodes the history alone would be 31 million rows.
NODES_A_CHUNK = 2_000


@dataclass(frozen=True)
class Losses:
    """Losses of each node and candidate, (n, C), NaN where not forecast or not defined.

    names: (C,). mae, error: mean absolute and mean signed error, units. rmsse, mase: scaled by the history's naive and
    seasonal naive errors. pinball: mean over the quantiles, scaled as rmsse's first power. coverage: by width in %.
    """

    names: tuple[str, ...]
    mae: Array
    error: Array
    rmsse: Array
    mase: Array
    pinball: Array
    coverage: dict[int, Array]


def node_losses(
    actual: Array,
    forecasts: Mapping[str, Array],
    history: Array,
    quantiles: Mapping[str, Array],
) -> Losses:
    """Compute the losses of every node; a history counts from its first sale on."""
    assert actual.shape[0] == history.shape[0]
    assert all(forecast.shape == actual.shape for forecast in forecasts.values())
    assert set(quantiles) <= set(forecasts)
    chunks = [
        _chunk_losses(
            actual[rows],
            {name: forecast[rows] for name, forecast in forecasts.items()},
            history[rows, -SCALE_DAYS:],
            {name: quantile[rows] for name, quantile in quantiles.items()},
        )
        for rows in _chunks(actual.shape[0])
    ]
    return Losses(
        tuple(forecasts),
        mae=np.concatenate([chunk.mae for chunk in chunks]),
        error=np.concatenate([chunk.error for chunk in chunks]),
        rmsse=np.concatenate([chunk.rmsse for chunk in chunks]),
        mase=np.concatenate([chunk.mase for chunk in chunks]),
        pinball=np.concatenate([chunk.pinball for chunk in chunks]),
        coverage={
            width: np.concatenate([chunk.coverage[width] for chunk in chunks]) for width in WIDTHS
        },
    )


def _chunks(n: int) -> list[slice]:
    return [slice(start, start + NODES_A_CHUNK) for start in range(0, n, NODES_A_CHUNK)]


def _chunk_losses(
    actual: Array,
    forecasts: Mapping[str, Array],
    history: Array,
    quantiles: Mapping[str, Array],
) -> Losses:
    losses, names = library(), list(forecasts)
    frame, train = _frame(actual, forecasts, quantiles), _train(history)
    n = actual.shape[0]

    def per_node(scored: pd.DataFrame) -> Array:
        ordered = scored.set_index("unique_id").reindex(index=range(n), columns=names)
        values: Array = ordered.to_numpy(dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    with np.errstate(divide="ignore", invalid="ignore"):
        # A constant history has scale 0: infinite, and made NaN above.
        return Losses(
            tuple(names),
            mae=per_node(losses.mae(frame, names)),
            error=per_node(losses.bias(frame, names)),
            rmsse=per_node(losses.rmsse(frame, names, seasonality=1, train_df=train)),
            mase=per_node(losses.mase(frame, names, seasonality=SEASON_DAYS, train_df=train)),
            pinball=_pinball(losses, frame, train, names, list(quantiles), per_node),
            coverage={
                width: per_node(losses.coverage(frame, list(quantiles), width))
                if quantiles
                else np.full((n, len(names)), np.nan)
                for width in WIDTHS
            },
        )


def _pinball(
    losses: ModuleType,
    frame: pd.DataFrame,
    train: pd.DataFrame,
    names: list[str],
    with_quantiles: list[str],
    per_node: Callable[[pd.DataFrame], Array],
) -> Array:
    if not with_quantiles:
        return np.full((frame["unique_id"].nunique(), len(names)), np.nan)
    by_quantile = [
        per_node(
            losses.scaled_quantile_loss(
                frame,
                {name: f"{name}-q{p}" for name in with_quantiles},
                seasonality=1,
                train_df=train,
                q=p,
            )
        )
        for p in QUANTILES
    ]
    mean: Array = np.mean(by_quantile, axis=0)
    return mean


def _frame(
    actual: Array, forecasts: Mapping[str, Array], quantiles: Mapping[str, Array]
) -> pd.DataFrame:
    n, horizon = actual.shape
    columns: dict[str, NDArray[np.float64] | NDArray[np.int64]] = {
        "unique_id": np.repeat(np.arange(n), horizon),
        "ds": np.tile(np.arange(horizon), n),
        "y": actual.ravel(),
        **{name: forecast.ravel() for name, forecast in forecasts.items()},
    }
    at = {p: position for position, p in enumerate(QUANTILES)}
    for name, placed in quantiles.items():
        for p, position in at.items():
            columns[f"{name}-q{p}"] = placed[:, :, position].ravel()
        for width in WIDTHS:
            low, high = round(0.5 - width / 200, 3), round(0.5 + width / 200, 3)
            columns[f"{name}-lo-{width}"] = placed[:, :, at[low]].ravel()
            columns[f"{name}-hi-{width}"] = placed[:, :, at[high]].ravel()
    return pd.DataFrame(columns)


def _train(history: Array) -> pd.DataFrame:
    """The histories as a long frame from each first sale on; one that never sold keeps its zeros."""
    started = np.maximum.accumulate(history > 0, axis=1)
    started[~started.any(axis=1)] = True
    node, day = np.nonzero(started)
    return pd.DataFrame({"unique_id": node, "ds": day, "y": history[node, day]})


def library() -> ModuleType:
    """Import utilsforecast here, not at the top: its docstrings hold invalid escapes, which warn."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, SyntaxWarning):
            warnings.filterwarnings("ignore", "invalid escape sequence", category)
        return importlib.import_module("utilsforecast.losses")
