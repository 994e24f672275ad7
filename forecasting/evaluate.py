"""The held-out test: what was forecast beside what came, per level, with the seasonal naive forecast as the bar."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import importlib
import warnings
from types import ModuleType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.hierarchy import Hierarchy
from forecasting.intervals import QUANTILES

Array = NDArray[np.float64]

SEASON_DAYS = 7
# RMSSE's scale looks at the last two years: older swings say little about how hard the series is now.
SCALE_DAYS = 730


def seasonal_naive(Y: Array, horizon: int) -> Array:
    """Repeat the last week. Y: (n, T), finite; returns (n, horizon)."""
    week = Y[:, -SEASON_DAYS:]
    repeats = -(-horizon // week.shape[1])
    repeated: Array = np.tile(week, repeats)[:, :horizon]
    return repeated


def evaluate(
    hierarchy: Hierarchy, *, actual: Array, mean: Array, quantiles: Array, history: Array
) -> pd.DataFrame:
    """Score a forecast per level. actual, mean: (n, h) units; quantiles: (n, h, 7); history: (n, T) before it.

    Returns a row per level, model (prophet, seasonal_naive) and metric: level, level_name, model, metric, value.
    wape: sum |error| / sum actual over the level's nodes and days. bias: sum error / sum actual, above 0 is too much.
    rmsse: mean over nodes of the scaled root mean squared error (Makridakis et al. 2022), constant nodes left out.
    coverage_80, coverage_95: share of days inside the interval (prophet only). NaN where a level's actuals are all 0.
    """
    assert actual.shape == mean.shape == quantiles.shape[:2]
    losses = _losses()
    frame = _frame(hierarchy, actual, mean, quantiles)
    frame["seasonal_naive"] = seasonal_naive(history, actual.shape[1]).ravel()
    models = ["prophet", "seasonal_naive"]
    by_level = {"id_col": "level"}
    level_mean = frame.groupby("level")["y"].mean()
    scores = {
        "wape": losses.nd(frame, models, **by_level).set_index("level"),
        "bias": losses.bias(frame, models, **by_level)
        .set_index("level")
        .div(level_mean.where(level_mean > 0), axis=0),
        "rmsse": _rmsse(frame, models, history),
    }
    for width in (80, 95):
        covered = losses.coverage(frame, models[:1], width, **by_level)
        scores[f"coverage_{width}"] = covered.set_index("level")
    long = pd.concat(
        [
            score.melt(ignore_index=False, var_name="model", value_name="value").assign(
                metric=metric
            )
            for metric, score in scores.items()
        ]
    ).reset_index()
    names = hierarchy.nodes.drop_duplicates("level").set_index("level")["level_name"]
    long["level_name"] = long["level"].map(names)
    ordered = long.sort_values(["level", "model", "metric"], ignore_index=True)
    return pd.DataFrame(ordered[["level", "level_name", "model", "metric", "value"]])


def _losses() -> ModuleType:
    """Import utilsforecast here, not at the top: its docstrings hold invalid escapes, which warn."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, SyntaxWarning):
            warnings.filterwarnings("ignore", "invalid escape sequence", category)
        return importlib.import_module("utilsforecast.losses")


def _frame(hierarchy: Hierarchy, actual: Array, mean: Array, quantiles: Array) -> pd.DataFrame:
    horizon = actual.shape[1]
    nodes = hierarchy.nodes
    at = {p: q for q, p in enumerate(QUANTILES)}
    return pd.DataFrame(
        {
            "unique_id": np.repeat(nodes["node_id"].to_numpy(), horizon),
            "level": np.repeat(nodes["level"].to_numpy(), horizon),
            "ds": np.tile(np.arange(horizon), len(nodes)),
            "y": actual.ravel(),
            "prophet": mean.ravel(),
            "prophet-lo-80": quantiles[:, :, at[0.1]].ravel(),
            "prophet-hi-80": quantiles[:, :, at[0.9]].ravel(),
            "prophet-lo-95": quantiles[:, :, at[0.025]].ravel(),
            "prophet-hi-95": quantiles[:, :, at[0.975]].ravel(),
        }
    )


def _rmsse(frame: pd.DataFrame, models: list[str], history: Array) -> pd.DataFrame:
    recent = history[:, -SCALE_DAYS:]
    n, T = recent.shape
    train = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(n), T),
            "ds": np.tile(np.arange(T), n),
            "y": recent.ravel(),
        }
    )
    scored = _losses().rmsse(frame, models, seasonality=1, train_df=train)
    levels = frame.drop_duplicates("unique_id").set_index("unique_id")["level"]
    scored = scored.set_index("unique_id").replace([np.inf, -np.inf], np.nan)
    by_level = scored.groupby(levels)[models].mean()
    return pd.DataFrame(by_level)
