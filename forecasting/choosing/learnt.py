"""A learnt forecast: experts weighed node by node, their worth measured on origins left out, reconciled by it.

n nodes, h periods ahead, O origins. Nothing here looks at the period that is forecast: weights, variances and the way
to reconcile come from earlier origins alone, and each origin's own forecast is made without it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from forecasting.choosing.expert_weights import (
    LevelLosses,
    LevelTrial,
    common_names,
    expert_weights,
    level_losses,
    mixed,
    node_errors,
    overall_losses,
)
from forecasting.choosing.tables import OriginTable
from forecasting.experts.at_origin import LevelExperts
from forecasting.experts.splits import Splits

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
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
    weights: NDArray[np.floating]


@dataclass(frozen=True)
class Mixture:
    """weights: by level. left_out: origin -> base forecasts (n, h) of an origin by weights learnt without it.

    base: (n, h) for the present. Rows of levels that are not fitted are NaN.
    """

    weights: Mapping[int, LevelWeights]
    base: Array
    left_out: tuple[Array, ...]


@dataclass(frozen=True)
class Present:
    """The origin that is forecast: its experts by level, how levels split those above, and what is planned (n, h)."""

    levels: Mapping[int, LevelExperts]
    splits: Mapping[int, tuple[Splits, ...]]
    moved: Floats | None


def learn_mixture(
    tables: Sequence[OriginTable], now: Present, rows: Mapping[int, Rows], allow: Allow
) -> Mixture:
    """Learn weights from the origins in `tables` (oldest first) and weigh the present's experts.

    rows: of the nodes of each fitted level. allow: which experts may take part. Levels are learnt from coarse to fine,
    for some experts of a level split what is forecast above it. Without an origin the models count alike, each at the
    level of one window.
    """
    size = max(int(of.max()) + 1 for of in rows.values())
    horizon = next(iter(now.levels.values())).forecasts.shape[2]
    base = np.full((size, horizon), np.nan)
    if not tables:
        weights = {}
        for level, experts in now.levels.items():
            weights[level] = _untested(experts, rows[level].size, allow)
            base[rows[level]] = _weighed(weights[level], experts)
        return Mixture(weights, base, ())
    return _learnt_down(tables, now, rows, allow, base)


def _learnt_down(
    tables: Sequence[OriginTable],
    now: Present,
    rows: Mapping[int, Rows],
    allow: Allow,
    base: Array,
) -> Mixture:
    every = list(range(len(tables)))
    left_out = [np.full_like(base, np.nan) for _ in tables]
    weights: dict[int, LevelWeights] = {}
    losses = {
        level: _losses([table.levels[level] for table in tables], experts.names, allow)
        for level, experts in now.levels.items()
    }
    for level in sorted(now.levels):
        trials = [
            _with_splits(
                table.levels[level], table.splits[level], level, rows, left, table.facts.moved
            )
            for table, left in zip(tables, left_out, strict=True)
        ]
        experts = _with_splits(now.levels[level], now.splits[level], level, rows, base, now.moved)
        losses[level] = _losses(trials, experts.names, allow)
        weights[level] = _weights(losses, level, every)
        base[rows[level]] = _weighed(weights[level], experts)
        for origin, trial in enumerate(trials):
            others = [other for other in every if other != origin] or every
            left_out[origin][rows[level]] = _weighed(_weights(losses, level, others), trial)
    return Mixture(weights, base, tuple(left_out))


def weigh_down(
    now: Present, rows: Mapping[int, Rows], weights: Mapping[int, LevelWeights]
) -> Array:
    """Weigh the present's experts by weights learnt before, from coarse to fine: (n, h), as `Mixture.base`."""
    size = max(int(of.max()) + 1 for of in rows.values())
    horizon = next(iter(now.levels.values())).forecasts.shape[2]
    base = np.full((size, horizon), np.nan)
    for level in sorted(now.levels):
        experts = _with_splits(now.levels[level], now.splits[level], level, rows, base, now.moved)
        base[rows[level]] = _weighed(weights[level], experts)
    return base


def _losses(trials: Sequence[LevelTrial], names: Sequence[str], allow: Allow) -> LevelLosses:
    common = common_names(trials, names)
    # a level of many nodes lacks some models: there all that it has are used
    return level_losses(trials, [name for name in common if allow(name)] or common)


def _weights(losses: Mapping[int, LevelLosses], level: int, use: Sequence[int]) -> LevelWeights:
    of = losses[level]
    return LevelWeights(of.names, expert_weights(of, use, overall_losses(losses, use)))


@overload
def _with_splits(
    experts: LevelTrial,
    splits: Sequence[Splits],
    level: int,
    rows: Mapping[int, Rows],
    base: Array,
    moved: Floats | None,
) -> LevelTrial: ...


@overload
def _with_splits(
    experts: LevelExperts,
    splits: Sequence[Splits],
    level: int,
    rows: Mapping[int, Rows],
    base: Array,
    moved: Floats | None,
) -> LevelExperts: ...


def _with_splits(
    experts: LevelExperts,
    splits: Sequence[Splits],
    level: int,
    rows: Mapping[int, Rows],
    base: Array,
    moved: Floats | None,
) -> LevelExperts:
    """Add the experts that split what is forecast above, base (n, h); plans move the nodes, not their shares."""
    names: list[str] = []
    parts: list[Floats] = []
    for split in splits:
        above, here = rows[split.parent], rows[level]
        of_parent = base[above] if moved is None else base[above] / moved[above]
        made = split.forecasts(np.nan_to_num(of_parent))
        parts.append(made if moved is None else made * moved[here])
        names.extend(split.names)
    return experts.joined_by(names, np.concatenate(parts)) if parts else experts


def _untested(experts: LevelExperts, nodes: int, allow: Allow) -> LevelWeights:
    """Weigh the allowed models alike at one window each; all that is allowed where it has no model."""
    names = tuple(name for name in experts.names if allow(name)) or experts.names
    windows = sorted({int(name.rpartition("@")[2]) for name in names if _is_own_model(name)})
    chosen = names
    if windows:
        window = windows[min(UNTESTED_WINDOW, len(windows) - 1)]
        chosen = tuple(n for n in names if _is_own_model(n) and n.endswith(f"@{window}"))
    return LevelWeights(chosen, np.full((len(chosen), nodes), 1.0 / len(chosen)))


def _is_own_model(name: str) -> bool:
    return name.startswith(("additive", "log1p", "multiplicative"))


def _weighed(weights: LevelWeights, experts: LevelExperts) -> Array:
    index = {name: position for position, name in enumerate(experts.names)}
    have = [position for position, name in enumerate(weights.names) if name in index]
    used = weights.weights[have]
    if len(have) < len(weights.names):
        # an origin that lacks some experts goes by the others
        total = used.sum(axis=0)
        even = np.full_like(used, 1.0 / max(len(have), 1))
        used = np.divide(used, total, out=even, where=total > TINY)
    return mixed(used, experts.forecasts[[index[weights.names[at]] for at in have]])


def left_out_variance(
    tables: Sequence[OriginTable],
    left_out: Sequence[Array],
    rows: Mapping[int, Rows],
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
