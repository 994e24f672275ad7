"""A learnt forecast: experts weighed node by node, their worth measured on origins left out, reconciled by it.

n nodes, h periods ahead, O origins. Nothing here looks at the period that is forecast: weights, variances and the way
to reconcile come from earlier origins alone, and each origin's own forecast is made without it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.choosing.expert_weights import (
    LevelLosses,
    common_names,
    expert_weights,
    kept,
    level_losses,
    mixed,
    node_errors,
    overall_losses,
)
from forecasting.choosing.tables import OriginTable
from forecasting.experts.at_origin import LevelExperts

Array = NDArray[np.float64]
Allow = Callable[[str], bool]

# A node's left-out error is shrunk to its level's as if that had been seen at so many origins.
VARIANCE_PRIOR_ORIGINS = 3.0
# The window that an untested model's level is corrected by: whole cycles, neither the shortest nor long ago.
UNTESTED_WINDOW = 3
TINY = 1e-12


@dataclass(frozen=True)
class LevelWeights:
    """names: (C,) of the experts. weights: (C, n), summing to 1."""

    names: tuple[str, ...]
    weights: Array


@dataclass(frozen=True)
class Mixture:
    """weights: by level. left_out: origin -> base forecasts (n, h) of an origin by weights learnt without it.

    base: (n, h) for the present. Rows of levels that are not fitted are NaN.
    """

    weights: Mapping[int, LevelWeights]
    base: Array
    left_out: tuple[Array, ...]


def learn_mixture(
    tables: Sequence[OriginTable],
    now: Mapping[int, LevelExperts],
    rows: Mapping[int, NDArray[np.int64]],
    allow: Allow,
) -> Mixture:
    """Learn weights from the origins in `tables` (oldest first) and weigh the present's experts.

    rows: of the nodes of each fitted level. allow: which experts may take part. Without an origin the models count
    alike, each at the level of one window.
    """
    n = sum(of.size for of in rows.values())
    size = max(n, max(int(of.max()) + 1 for of in rows.values()))
    if not tables:
        weights = {
            level: _untested(experts, rows[level].size, allow) for level, experts in now.items()
        }
        return Mixture(weights, _weighed(weights, now, rows, size), ())
    names = {
        level: common_names(
            [table.levels[level] for table in tables], [x for x in experts.names if allow(x)]
        )
        for level, experts in now.items()
    }
    losses = {
        level: level_losses([table.levels[level] for table in tables], names[level])
        for level in now
    }
    every = list(range(len(tables)))
    weights = _learnt(losses, every)
    left_out = []
    for origin, table in enumerate(tables):
        others = [other for other in every if other != origin] or every
        without = _learnt(losses, others)
        left_out.append(_weighed_then(without, table, rows, size))
    return Mixture(weights, _weighed(weights, now, rows, size), tuple(left_out))


def _learnt(losses: Mapping[int, LevelLosses], use: Sequence[int]) -> dict[int, LevelWeights]:
    overall = overall_losses(losses, use)
    return {
        level: LevelWeights(of.names, expert_weights(of, use, overall))
        for level, of in losses.items()
    }


def _untested(experts: LevelExperts, nodes: int, allow: Allow) -> LevelWeights:
    """Weigh the allowed models alike at one window each; all that is allowed where no model is."""
    names = tuple(name for name in experts.names if allow(name))
    windows = sorted({int(name.rpartition("@")[2]) for name in names if _is_model(name)})
    chosen = names
    if windows:
        window = windows[min(UNTESTED_WINDOW, len(windows) - 1)]
        chosen = tuple(n for n in names if _is_model(n) and n.endswith(f"@{window}"))
        own = tuple(name for name in chosen if not name.startswith("shape"))
        chosen = own or chosen
    return LevelWeights(chosen, np.full((len(chosen), nodes), 1.0 / len(chosen)))


def _is_model(name: str) -> bool:
    return name.startswith(("additive", "log1p", "multiplicative", "shape"))


def _weighed(
    weights: Mapping[int, LevelWeights],
    now: Mapping[int, LevelExperts],
    rows: Mapping[int, NDArray[np.int64]],
    size: int,
) -> Array:
    base = np.full((size, next(iter(now.values())).forecasts.shape[2]), np.nan)
    for level, of in weights.items():
        at = [now[level].names.index(name) for name in of.names]
        base[rows[level]] = mixed(of.weights, now[level].forecasts[at])
    return base


def _weighed_then(
    weights: Mapping[int, LevelWeights],
    table: OriginTable,
    rows: Mapping[int, NDArray[np.int64]],
    size: int,
) -> Array:
    horizon = next(iter(table.levels.values())).forecasts.shape[2]
    base = np.full((size, horizon), np.nan)
    for level, of in weights.items():
        base[rows[level]] = mixed(of.weights, kept(table.levels[level], of.names))
    return base


def left_out_variance(
    tables: Sequence[OriginTable],
    left_out: Sequence[Array],
    rows: Mapping[int, NDArray[np.int64]],
    scale: Array,
) -> Array:
    """Return the variance (n,) of each node's forecast, from the errors of origins left out.

    A node's mean squared error is shrunk to its level's, in units of `scale` (n,) as of now. Errors that the nodes of a
    level have in common make the level worth less: its variances grow by how much worse its sum is than independent
    errors would make it. NaN for nodes of levels that are not fitted.
    """
    variance = np.full(scale.size, np.nan)
    for level, of in rows.items():
        usual = np.where(np.isfinite(scale[of]), scale[of], 0.0)
        errors, known, relative, together, apart = [], [], [], 0.0, 0.0
        for table, base in zip(tables, left_out, strict=True):
            trial = table.levels[level]
            squared = node_errors(base[of], trial.actual)
            told = np.isfinite(trial.actual).any(axis=1)
            errors.append(np.where(told, squared, 0.0))
            known.append(told)
            there = np.isfinite(trial.scale)
            below = max(float(trial.scale[there].sum()), TINY)
            relative.append(float(squared[there].sum()) / below)
            missed = np.where(np.isfinite(trial.actual), base[of] - trial.actual, 0.0)
            together += float((missed.sum(axis=0) ** 2).mean())
            apart += float(squared.sum())
        prior = np.maximum(np.mean(relative) * usual, 1e-6 * max(float(usual.mean()), TINY))
        count = np.sum(known, axis=0)
        mine = (np.sum(errors, axis=0) + VARIANCE_PRIOR_ORIGINS * prior) / (
            count + VARIANCE_PRIOR_ORIGINS
        )
        common = max(1.0, together / max(apart, TINY)) if of.size > 1 else 1.0
        variance[of] = mine * common
    return variance
