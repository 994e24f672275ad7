"""Scores: what came beside what candidates forecast, per level and demand class, by utilsforecast's losses.

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

from forecasting.demand_class import DEMAND_CLASSES
from forecasting.hierarchy import Hierarchy
from forecasting.intervals import QUANTILES

Array = NDArray[np.float64]

ALL_CLASSES = "all"
SEASON_DAYS = 7
# A scale looks at the last two years: older swings say little about how hard the series is now.
SCALE_DAYS = 730
WEIGHT_DAYS = 28
WIDTHS = (50, 80, 95)
SCORE_COLUMNS = ("level", "level_name", "demand_class", "candidate", "metric", "value")
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


def score(
    hierarchy: Hierarchy,
    *,
    actual: Array,
    forecasts: Mapping[str, Array],
    history: Array,
    classes: NDArray[np.str_],
    weight: Array | None = None,
    quantiles: Mapping[str, Array] | None = None,
) -> pd.DataFrame:
    """Score candidates per level and demand class ("all", and each of the four that the level has).

    actual: (n, h). forecasts: (n, h) by name, rows of NaN where a candidate has none. history: (n, T) before. classes:
    (n,) as of the origin. weight: (n,) units or value of the last days (None: of the last WEIGHT_DAYS of history).
    quantiles: (n, h, 7) by name, for some or all. Returns a row per level, class, candidate and metric, SCORE_COLUMNS:
    rmsse, mase, pinball: means over nodes whose history is not constant. wrmsse: rmsse weighted (Makridakis et al.
    2022). wape: sum |error| / sum actual. bias: sum error / sum actual, above 0 is too much. coverage_50, _80, _95:
    share of days inside the interval. NaN where nothing is defined.
    """
    losses = node_losses(actual, forecasts, history, quantiles or {})
    weights = recent_weight(history) if weight is None else weight
    level = hierarchy.nodes["level"].to_numpy()
    names = hierarchy.nodes["level_name"].to_numpy()
    parts = []
    for number in np.unique(level):
        of_level = level == number
        present = [name for name in DEMAND_CLASSES if (classes[of_level] == name).any()]
        for demand_class in (ALL_CLASSES, *present):
            rows = of_level if demand_class == ALL_CLASSES else of_level & (classes == demand_class)
            table = _summary(losses, rows, actual, weights)
            part = table.melt(id_vars="candidate", var_name="metric")
            part["level"], part["level_name"] = int(number), str(names[of_level][0])
            parts.append(part.assign(demand_class=demand_class))
    return pd.DataFrame(pd.concat(parts, ignore_index=True)[list(SCORE_COLUMNS)])


def recent_weight(history: Array) -> Array:
    """Units of the last WEIGHT_DAYS of history, (n,), as M5 weighs (there by value)."""
    weight: Array = history[:, -WEIGHT_DAYS:].sum(axis=1)
    return weight


def seasonal_naive(Y: Array, horizon: int) -> Array:
    """Repeat the last week. Y: (n, T), finite; returns (n, horizon)."""
    week = Y[:, -SEASON_DAYS:]
    repeats = -(-horizon // week.shape[1])
    repeated: Array = np.tile(week, repeats)[:, :horizon]
    return repeated


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


def _summary(losses: Losses, rows: NDArray[np.bool_], actual: Array, weight: Array) -> pd.DataFrame:
    """Sum up the nodes in `rows`: a row per candidate, a column per metric."""
    absolute, signed = losses.mae[rows], losses.error[rows]
    known = np.isfinite(absolute)
    came = np.where(known, actual[rows].mean(axis=1)[:, None], 0.0).sum(axis=0)
    table = {
        "candidate": list(losses.names),
        "wape": _ratio(np.nansum(absolute, axis=0), came),
        "bias": _ratio(np.nansum(signed, axis=0), came),
        "rmsse": _mean(losses.rmsse[rows]),
        "wrmsse": _mean(losses.rmsse[rows], weight[rows]),
        "mase": _mean(losses.mase[rows]),
        "pinball": _mean(losses.pinball[rows]),
        **{f"coverage_{width}": _mean(of[rows]) for width, of in losses.coverage.items()},
    }
    return pd.DataFrame(table)


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)


def _mean(values: Array, weight: Array | None = None) -> Array:
    """Mean over the known rows of (rows, C), weighted; NaN where none is known or their weight is 0."""
    known = np.isfinite(values)
    of = np.ones(values.shape[0]) if weight is None else weight
    weights = np.where(known, of[:, None], 0.0)
    return _ratio((weights * np.where(known, values, 0.0)).sum(axis=0), weights.sum(axis=0))


def value_added(scores: pd.DataFrame, *, naive: str, metric: str = "wape") -> pd.DataFrame:
    """Compute forecast value added: (naive error - candidate's error) / naive error, above 0 is better than naive.

    scores: as of `score`, of one or several origins (averaged). Returns level, level_name, demand_class, candidate,
    value; NaN where the naive error is 0 or unknown.
    """
    keys = ["level", "level_name", "demand_class"]
    of_metric = scores[scores["metric"] == metric]
    mean = of_metric.groupby([*keys, "candidate"], sort=False)["value"].mean().reset_index()
    base = mean[mean["candidate"] == naive].set_index(keys)["value"].rename("naive")
    joined = mean.join(base, on=keys)
    error = joined["naive"].where(joined["naive"] > 0)
    joined["value"] = (error - joined["value"]) / error
    return pd.DataFrame(joined[[*keys, "candidate", "value"]])


def library() -> ModuleType:
    """Import utilsforecast here, not at the top: its docstrings hold invalid escapes, which warn."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, SyntaxWarning):
            warnings.filterwarnings("ignore", "invalid escape sequence", category)
        return importlib.import_module("utilsforecast.losses")
