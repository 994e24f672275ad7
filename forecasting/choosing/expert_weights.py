"""Weights of experts, node by node, learnt from their errors at earlier origins.

O origins, C experts, n nodes of a level, h periods ahead. A node has few origins, so its losses are shrunk to its
level's; a level of few nodes has few errors, so its losses are shrunk to those of all levels. Weights fall
exponentially with the loss (Vovk 1990; Littlestone & Warmuth 1994), counted in steps from the best expert to the
middle one: noisy leaves and smooth totals need no constants of their own.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from forecasting.experts.at_origin import LevelExperts
from forecasting.row_blocks import by_rows, in_threads, row_slices

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

# Halving or doubling it moved the mean error over twelve data sets by less than a per cent.
STEEPNESS = 6.0
# A level's losses count as so many origins of a node's own, and those of all levels as so many of a level's.
NODE_PRIOR_ORIGINS = 3.0
LEVEL_PRIOR_ORIGINS = 4.0
TINY = 1e-12


@dataclass(frozen=True)
class LevelTrial(LevelExperts):
    """The experts of one level at one origin beside the actuals.

    actual: (n, h), NaN where unknown. scale: (n,) mean squared change from period to period, inf where there is none.
    weight: (n,), summing to 1.
    """

    actual: Array
    scale: Array
    weight: Array

    @cached_property
    def errors(self) -> Array:
        """Return the scaled root mean squared errors of the experts, (C, n)."""
        return np.asarray(np.sqrt(node_errors(self.forecasts, self.actual) / self.scale))

    def joined_by(self, names: Sequence[str], forecasts: Floats) -> "LevelTrial":
        """Return the trial with more experts: names (B,), forecasts (B, n, h). What is known of errors is kept."""
        more = replace(self, names=tuple(names), forecasts=forecasts)
        whole = replace(
            self,
            names=(*self.names, *names),
            forecasts=np.concatenate([self.forecasts, forecasts]),
        )
        vars(whole)["errors"] = np.concatenate([self.errors, more.errors])
        return whole


@dataclass(frozen=True)
class LevelLosses:
    """Losses of one level's experts at O origins.

    names: (C,) of experts that every origin has. node: (O, C, n) scaled root mean squared errors. level: (O, C),
    relative to the middle expert. weight: (O, n). told: (O,), False where nothing of the level is known.
    """

    names: tuple[str, ...]
    node: Array
    level: Array
    weight: Array
    told: NDArray[np.bool_]

    def teaching(self, use: Sequence[int]) -> list[int]:
        """Return the origins of `use` where something of this level is known; all of them if there is none."""
        return [origin for origin in use if self.told[origin]] or list(use)


def node_errors(forecasts: NDArray[np.floating], actual: Array) -> Array:
    """Return mean squared errors over the known periods, (..., n), 0 where none is known. forecasts: (..., n, h)."""
    known = np.isfinite(actual)
    came, count = np.where(known, actual, 0.0), np.maximum(known.sum(axis=-1), 1)
    found = np.empty(forecasts.shape[:-1])

    def fill(rows: slice) -> None:
        missed = np.where(known[rows], forecasts[..., rows, :] - came[rows], 0.0)
        found[..., rows] = np.einsum("...h,...h->...", missed, missed) / count[rows]

    for _ in in_threads([partial(fill, rows) for rows in row_slices(actual.shape[0])]):
        pass
    return found


def change_scale(Y: Array) -> Array:
    """Return the mean squared change to the next period since the first sale, (n,), inf for none. Y: (n, T)."""
    return by_rows(_change_scale, Y)


def _change_scale(Y: Array) -> Array:
    sold = np.isfinite(Y) & (np.where(np.isfinite(Y), Y, 0.0) > 0)
    started = np.where(np.maximum.accumulate(sold, axis=1), Y, np.nan)
    squared = np.diff(started, axis=1) ** 2
    known = np.isfinite(squared)
    total = np.where(known, squared, 0.0).sum(axis=1)
    return np.where(total > 0, total / np.maximum(known.sum(axis=1), 1), np.inf)


def level_losses(trials: Sequence[LevelTrial], names: Sequence[str]) -> LevelLosses:
    """Return the losses of the named experts at every origin; one that lacks some of them is marked as not told."""
    node = np.array([_node_losses(trial, names) for trial in trials])
    weight = np.array([trial.weight for trial in trials])
    level = np.einsum("ocn,on->oc", node, weight)
    middle = np.maximum(np.median(level, axis=1, keepdims=True), TINY)
    told = np.array([np.isfinite(trial.actual).any() and has_all(trial, names) for trial in trials])
    return LevelLosses(tuple(names), node, level / middle, weight, told)


def _node_losses(trial: LevelTrial, names: Sequence[str]) -> Array:
    if not has_all(trial, names):
        return np.zeros((len(names), trial.actual.shape[0]))
    return np.asarray(trial.errors[_at(trial, names)])


def has_all(trial: LevelTrial, names: Sequence[str]) -> bool:
    """Return True if an origin has all of the named experts."""
    return set(names) <= set(trial.names)


def common_names(trials: Sequence[LevelTrial], now: Sequence[str]) -> tuple[str, ...]:
    """Return the experts that the present and the fullest origins have, in the present's order.

    A level of many nodes is fitted at some origins alone, and learns from these.
    """
    most = max((len(set(trial.names) & set(now)) for trial in trials), default=0)
    full = [set(trial.names) for trial in trials if len(set(trial.names) & set(now)) == most]
    return tuple(name for name in now if all(name in names for names in full))


def overall_losses(levels: Mapping[int, LevelLosses], use: Sequence[int]) -> dict[str, float]:
    """Return each expert's mean loss over the levels that have it, from the origins `use`."""
    found: dict[str, list[float]] = {}
    for losses in levels.values():
        mine = losses.level[losses.teaching(use)].mean(axis=0)
        for name, loss in zip(losses.names, mine, strict=True):
            found.setdefault(name, []).append(float(loss))
    return {name: float(np.mean(values)) for name, values in found.items()}


def expert_weights(losses: LevelLosses, use: Sequence[int], overall: Mapping[str, float]) -> Array:
    """Return weights (C, n), summing to 1 over experts, from the origins `use` and the losses over all levels."""
    use = losses.teaching(use)
    of_level = _level_loss(losses, use, overall)
    node = losses.node[list(use)]
    base = np.maximum(np.median(node, axis=1).mean(axis=0), 1e-9)
    own = node.mean(axis=0) / base
    # a node without a scale, or whose every expert was right, follows its level
    own = np.where(np.isfinite(own) & (base > 1e-9), own, 1.0)
    own = own / _geometric_mean(own) * _geometric_mean(of_level)
    origins = len(use)
    value = (origins * own + NODE_PRIOR_ORIGINS * of_level[:, None]) / (
        origins + NODE_PRIOR_ORIGINS
    )
    beyond = value / np.maximum(value.min(axis=0), TINY) - 1.0
    step = np.maximum(np.median(beyond, axis=0), 1e-6)
    raw = np.exp(-STEEPNESS * beyond / step)
    return np.asarray(raw / raw.sum(axis=0))


def _level_loss(losses: LevelLosses, use: Sequence[int], overall: Mapping[str, float]) -> Array:
    """Shrink a level's losses (C,) to those over all levels, by how many nodes it really has; the best is 1."""
    weight = losses.weight[list(use)]
    nodes = weight.sum(axis=1) ** 2 / np.maximum((weight**2).sum(axis=1), TINY)
    have = float(nodes.mean()) * len(use)
    everywhere = np.array([overall[name] for name in losses.names])
    mine = losses.level[list(use)].mean(axis=0)
    shrunk = (have * mine + LEVEL_PRIOR_ORIGINS * everywhere) / (have + LEVEL_PRIOR_ORIGINS)
    return np.asarray(shrunk / max(float(shrunk.min()), TINY))


def _geometric_mean(values: Array) -> Array:
    return np.asarray(np.exp(np.log(np.maximum(values, 1e-6)).mean(axis=0)))


def mixed(weights: NDArray[np.floating], forecasts: Floats) -> Array:
    """Return the weighted forecast (n, h). weights: (C, n); forecasts: (C, n, h)."""
    assert weights.shape == forecasts.shape[:2]
    return np.asarray(np.einsum("cn,cnh->nh", weights, forecasts, optimize=True, dtype=np.float64))


def _at(trial: LevelTrial, names: Sequence[str]) -> list[int]:
    index = {name: position for position, name in enumerate(trial.names)}
    return [index[name] for name in names]
