"""Explanation of a published forecast: the models' parts, the recent level, plans, and what reconciling moved.

n nodes, m leaves, D dates. Parts are units a period and add up: over the horizon to the published mean, before it to
what the models fit to the past. Where a model is fitted below its parent's shape, what the shape makes of it is shared
out over the parent's parts by logarithmic means (Ang 2004), which leaves no remainder.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.experts.at_origin import LevelExperts, NodeModel
from forecasting.experts.models import LOG_SHAPE_MAX, ModelFit
from forecasting.nodes.origin import Origin
from forecasting.prophet.predict import components

Array = NDArray[np.float64]
Parts = dict[str, Array]
# Weight of each expert in each node of a level: expert -> (n,).
Weights = Mapping[str, Array]

# A year back shows every season once.
RECENT_LEVEL, RECONCILIATION = "recent level", "reconciliation"
# What the simple experts say, which have no parts.
SIMPLE = "recent means and last year"
# What trees over all leaves add.
LEARNT = "learnt from similar products"
# What products that are replaced within the horizon hand over to their successors.
SUCCESSION = "succession"
TINY = 1e-9
# With less weight than this the models say too little to be shown as the whole.
MODELS_MIN = 0.05


@dataclass(frozen=True)
class Explanation:
    """upper: part -> (n - m, D) over days (D,), which end with the horizon. leaves: part -> (m, h)."""

    upper: dict[str, Array]
    leaves: dict[str, Array]
    days: pd.DatetimeIndex


def explain(
    origin: Origin,
    models: Mapping[int, Sequence[NodeModel]],
    weights: Mapping[int, Weights],
    experts: Mapping[int, LevelExperts],
    mean: Array,
) -> Explanation:
    """Split the published mean (n, h) into parts. weights: of the experts by level; a level without any is not split.

    experts: what each of them forecasts, for those that have no parts.
    """
    hierarchy = origin.hierarchy
    back = min(origin.cycles.year, origin.days.size)
    m, h = hierarchy.n_leaves, origin.horizon
    upper: Parts = {}
    leaves: Parts = {}
    last = len(hierarchy.levels) - 1
    for level in range(last + 1):
        rows = hierarchy.rows(level)
        keep = h if level == last else back + h
        into = leaves if level == last else upper
        size = m if level == last else mean.shape[0] - m
        at = np.arange(m) if level == last else rows
        made = models.get(level, ())
        moved = [model for model in made if model.moved]
        of = _level_parts(moved, weights.get(level, {}), keep, h)
        planned = _planned_parts(origin, rows, of, keep)
        unmoved = [model for model in made if not model.moved]
        for name, values in _level_parts(unmoved, weights.get(level, {}), keep, h).items():
            of[name] = of.get(name, 0.0) + values
        of |= planned
        simple = np.zeros((rows.size, h))
        if level in experts:
            simple = _simple(experts[level], models[level], weights.get(level, {}))
        of, simple = _as_if_alone(of, simple, _model_weight(made, weights.get(level, {})), h)
        for name, values in _with_rest(of, simple, mean[rows], keep).items():
            into.setdefault(name, np.zeros((size, keep)))[at] = values
    days = origin.days[origin.days.size - back :].append(origin.future)
    return Explanation(upper, leaves, pd.DatetimeIndex(days))


def with_part(explanation: Explanation, name: str, added: Array, n_leaves: int) -> Explanation:
    """Add a part to an explanation. added: (n, h), over the horizon."""
    upper = _ahead(added[:-n_leaves], explanation.days.size)
    return Explanation(
        explanation.upper | {name: upper},
        explanation.leaves | {name: added[-n_leaves:]},
        explanation.days,
    )


def _model_weight(models: Sequence[NodeModel], weights: Weights) -> Array | None:
    """Sum the weights of all experts that have a model, (k,); None without any."""
    names = [model.expert(window) for model in models for window in model.windows]
    used = [weights[name] for name in names if name in weights]
    return np.sum(used, axis=0) if used else None


def _as_if_alone(parts: Parts, simple: Array, weight: Array | None, h: int) -> tuple[Parts, Array]:
    """Show the models' parts at full size, so that a trend is the node's own; the simple experts then move the rest.

    Where models have next to no weight (k,) they stay as they are: there is nothing to blow up.
    """
    if weight is None or not parts:
        return parts, simple
    shown = (weight > MODELS_MIN) & (weight < 1.0 - TINY)
    factor = np.where(shown, 1.0 / np.maximum(weight, MODELS_MIN), 1.0)[:, None]
    said = sum((values[:, -h:] for values in parts.values()), np.zeros_like(simple))
    return {name: values * factor for name, values in parts.items()}, simple + said * (1.0 - factor)


def _planned_parts(origin: Origin, rows: NDArray[np.int64], parts: Parts, keep: int) -> Parts:
    """Return what each plan adds to what the models say that plans move, (k, keep), ahead alone."""
    h = origin.horizon
    said = sum((values[:, -h:] for values in parts.values()), np.zeros((rows.size, h)))
    return {
        name: _ahead(said * share[rows], keep)
        for name, share in origin.planned.items()
        if np.abs(share[rows]).max(initial=0.0) > 0.0
    }


def _with_rest(parts: Parts, simple: Array, mean: Array, keep: int) -> Parts:
    """Add simple experts, and in the end what reconciling moved: the horizon adds up to the mean (k, h)."""
    found = dict(parts)
    h = mean.shape[1]
    said = sum((values[:, -h:] for values in parts.values()), np.zeros_like(mean))
    for name, values in ((SIMPLE, simple), (RECONCILIATION, mean - said - simple)):
        if np.abs(values).max(initial=0.0) > 0.0:
            found[name] = _ahead(values, keep)
    return found


def _ahead(values: Array, keep: int) -> Array:
    """Put values of the horizon behind a past of nothing, (k, keep)."""
    return np.concatenate([np.zeros((values.shape[0], keep - values.shape[1])), values], axis=1)


def _level_parts(models: Sequence[NodeModel], weights: Weights, keep: int, h: int) -> Parts:
    """Weigh the parts of a level's models over the last `keep` dates of history and horizon."""
    parts: Parts = {}
    left = dict(weights)
    for model in models:
        of = [left.pop(model.expert(w), None) for w in model.windows]
        used = [
            (weight, f) for weight, f in zip(of, model.factors, strict=True) if weight is not None
        ]
        if not used:
            continue
        share = np.sum([weight for weight, _ in used], axis=0)
        for name, values in model_parts(model, keep):
            parts[name] = parts.get(name, 0.0) + share[:, None] * values
        moved = np.sum([weight * (factor - 1.0) for weight, factor in used], axis=0)
        level = _ahead(moved[:, None] * model.ahead(h), keep)
        parts[RECENT_LEVEL] = parts.get(RECENT_LEVEL, 0.0) + level
    return parts


def _simple(experts: LevelExperts, models: Sequence[NodeModel], weights: Weights) -> Array:
    """Return what the experts without a model add, (n, h)."""
    modelled = {model.expert(window) for model in models for window in model.windows}
    total = np.zeros(experts.forecasts.shape[1:])
    for name, forecast in zip(experts.names, experts.forecasts, strict=True):
        if name in weights and name not in modelled:
            total += weights[name][:, None] * forecast
    return total


def model_parts(model: NodeModel, keep: int) -> Iterator[tuple[str, Array]]:
    """Yield the parts of one model over the last `keep` dates, (n, keep) each; they add up to what it says."""
    own = _own_parts(model.fit, keep)
    yield from own.items()
    if model.shape is None or model.shape_fit is None or model.above is None:
        return
    shape = model.shape[:, -keep:]
    said = sum(own.values(), np.zeros_like(shape))
    log = np.log(np.maximum(shape, TINY))
    each = np.divide(shape - 1.0, log, out=np.ones_like(shape), where=np.abs(log) > TINY)
    for name, effect in shape_effects(model.shape_fit, keep).items():
        yield name, effect[model.above[1]] * each * said


def _own_parts(fit: ModelFit, keep: int) -> Parts:
    parts: Parts = {}
    n = fit.highest.size
    for group in fit.groups:
        periods = group.dates.size
        dates = group.dates[periods - keep :]
        columns = group.columns.over(slice(periods - keep, periods))
        for name, values in components(group.model, group.fits, dates, columns=columns).items():
            parts.setdefault(name, np.zeros((n, keep)))[group.rows] = values
    return parts


def shape_effects(fit: ModelFit, keep: int) -> Parts:
    """Return the logarithm that each part of a handed-down shape adds, (n, keep); clipped together as the shape is."""
    parts: Parts = {}
    n = fit.highest.size
    for group in fit.groups:
        values = group.columns.values[-keep:]
        whole = group.fits.beta @ values.T
        kept = np.divide(
            np.clip(whole, -LOG_SHAPE_MAX, LOG_SHAPE_MAX),
            whole,
            out=np.ones_like(whole),
            where=np.abs(whole) > TINY,
        )
        components_of = np.array(group.columns.component)
        for name in dict.fromkeys(group.columns.component):
            at = components_of == name
            effect = group.fits.beta[:, at] @ values[:, at].T
            parts.setdefault(name, np.zeros((n, effect.shape[1])))[group.rows] = effect * kept
    return parts


def fitted_leaves(
    origin: Origin, models: Mapping[int, Sequence[NodeModel]], weights: Mapping[int, Weights]
) -> Array | None:
    """Evaluate the leaves' models on the past, weighed as published, (m, T); None where no model takes part."""
    last = len(origin.hierarchy.levels) - 1
    T = origin.days.size
    total = np.zeros((origin.hierarchy.n_leaves, 1))
    fitted = np.zeros((origin.hierarchy.n_leaves, T))
    for model in models.get(last, ()):
        of = [weights.get(last, {}).get(model.expert(window)) for window in model.windows]
        used = [weight for weight in of if weight is not None]
        if not used:
            continue
        share = np.sum(used, axis=0)[:, None]
        past = model.fit.over(slice(0, T))
        if model.shape is not None:
            past *= model.shape[:, :T]
        fitted += share * past
        total += share
    if not total.any():
        return None
    return fitted / np.maximum(total, TINY)
