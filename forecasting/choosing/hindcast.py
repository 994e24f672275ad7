"""A forecast of the past: what a run's mixture says of the last periods, at the level that it gives the future.

Sales of last week tell something about next week only beside what was to be expected of last week: a promotion, a
holiday or a season lies in the one or in the other. So every expert of the last origin is evaluated on the past, with
the plans, closures and calendar that these periods had, weighed and reconciled as in the forecast itself.

A model says of the past what it fits, times its level correction. Last year's period is that of a year earlier, with
the same growth. What only knows a mean or a week, smoothing among it, says of each phase of its season what it says of
it ahead. Trees have no clues of the past: they move a leaf's level alone.

n nodes, m leaves, T periods known, h ahead, P periods of the past.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecasting.choosing.backtest import combine
from forecasting.choosing.candidates import Answer, Lesson, learnt_by_trees
from forecasting.choosing.kept import Learnt, answer_again
from forecasting.choosing.learnt import Present
from forecasting.experts.at_origin import WITHOUT_PLANS, LevelExperts, NodeModel
from forecasting.experts.cycles import Cycles
from forecasting.nodes.lifecycle import no_starts
from forecasting.nodes.origin import Origin

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

# Older sales have next to no weight in a level of now.
PAST_SEASONS = 13
LAST_YEAR = ("last year", "last_year")


def hindcast(
    lesson: Lesson,
    origin: Origin,
    models: Mapping[int, Sequence[NodeModel]],
    learnt: Learnt,
    parts: Mapping[str, Answer],
) -> Array:
    """Return what the forecast by `parts` expects of the leaves in the last P periods, (m, P) units.

    lesson: of the last origin. learnt: what `parts` come from. NaN in leaves of which it cannot say it: young ones,
    which follow their siblings, and those that ended.
    """
    cycles = origin.cycles
    P = cycles.season * min(PAST_SEASONS, origin.days.size // cycles.season)
    m = origin.hierarchy.n_leaves
    if not P:
        return np.empty((m, 0))
    plain = replace(
        learnt, candidates=tuple(replace(kept, corrector=None) for kept in learnt.candidates)
    )
    fitted = models if any(kept.weights for kept in learnt.candidates) else None
    again = answer_again(plain, _past_lesson(lesson, origin, fitted, P))
    weights = learnt.choice.weights
    said = combine({name: answer.mean for name, answer in again.items()}, weights)[-m:]
    mean = combine({name: answer.mean for name, answer in parts.items()}, weights)[-m:]
    unmoved = (mean - learnt_by_trees(parts, weights)[-m:]).sum(axis=1)
    whole = mean.sum(axis=1)
    level = np.divide(whole, unmoved, out=np.ones_like(whole), where=unmoved > 0)
    unknown = origin.young | origin.ended
    return np.asarray(np.where(unknown[:, None], np.nan, said * level[:, None]))


def _past_lesson(
    lesson: Lesson, origin: Origin, models: Mapping[int, Sequence[NodeModel]] | None, P: int
) -> Lesson:
    """Return the lesson with the past P periods in place of those ahead. models: None where no expert takes part."""
    T, facts = origin.days.size, lesson.facts
    moved = origin.moved_in(slice(T - P, T))
    now = lesson.now
    levels = {
        level: _past_experts(origin, level, (models or {}).get(level, ()), experts, P, moved)
        for level, experts in now.levels.items()
        if models is not None
    }
    single = None if moved is None else moved.astype(np.float32)
    return replace(
        lesson,
        tables=(),
        now=Present(levels, now.splits, single),
        baselines={
            name: _back(name, of.astype(np.float64), origin.comparable, None, origin.cycles, P)
            for name, of in lesson.baselines.items()
        },
        facts=replace(
            facts,
            open_ahead=origin.open_leaves[:, T - P : T],
            ended=facts.ended | origin.young,
            starts=no_starts(facts.starts.group, P),
            moved=single,
            clues=None,
        ),
    )


def _past_experts(
    origin: Origin,
    level: int,
    models: Sequence[NodeModel],
    experts: LevelExperts,
    P: int,
    moved: Array | None,
) -> LevelExperts:
    """Return the experts of a level over the past: the same names, forecasts (C, n, P)."""
    rows, T = origin.hierarchy.rows(level), origin.days.size
    past = slice(T - P, T)
    opened, ahead = origin.is_open[rows, past], origin.is_open[rows, T:]
    said: dict[str, Floats] = {}
    for model in models:
        fitted = model.fit.over(past)
        if model.shape is not None:
            fitted = fitted * model.shape[:, past]
        for window, factor in zip(model.windows, model.factors, strict=True):
            said[model.expert(window)] = (fitted * factor[:, None]).astype(np.float32)
    found = np.empty((len(experts.names), rows.size, P), dtype=np.float32)
    for number, (name, forecast) in enumerate(zip(experts.names, experts.forecasts, strict=True)):
        moves = moved is not None and WITHOUT_PLANS not in name
        if name in said:
            found[number] = said[name]
        else:
            base = forecast.astype(np.float64)
            if moves and origin.moved_ahead is not None:
                base = base / origin.moved_ahead[rows]
            Y = origin.sold if WITHOUT_PLANS in name else origin.Y
            found[number] = _back(name, base, Y[rows], ahead, origin.cycles, P)
        if moves and moved is not None:
            found[number] *= moved[rows]
    return LevelExperts(experts.names, found * opened.astype(np.float32))


def _back(
    name: str, ahead: Array, Y: Array, opened: NDArray[np.bool_] | None, cycles: Cycles, P: int
) -> Array:
    """Return what an expert without a model says of the past, (n, P). ahead: (n, h). Y: (n, T), NaN where unknown.

    opened: (n, h), periods ahead in which it says something; None: all.
    """
    h, T, year = ahead.shape[1], Y.shape[1], cycles.year
    if name.startswith(LAST_YEAR) and h < year and P + year <= T:
        before = Y[:, T - year - P : T - year + h]
        usual = np.nanmean(np.concatenate([before, np.zeros((len(Y), 1))], axis=1), axis=1)
        before = np.where(np.isfinite(before), before, usual[:, None])
        then = before[:, P:].sum(axis=1)
        grown = np.divide(ahead.sum(axis=1), then, out=np.ones_like(then), where=then > 0)
        return np.asarray(before[:, :P] * grown[:, None])
    cycle = year if h >= year else cycles.season
    counted = np.ones(ahead.shape, dtype=np.bool_) if opened is None else opened
    every = _mean(ahead, counted)
    phase = np.arange(h) % cycle
    means = np.tile(every[:, None], cycle)
    for one in range(min(cycle, h)):
        at = phase == one
        told = counted[:, at].any(axis=1)
        means[:, one] = np.where(told, _mean(ahead[:, at], counted[:, at]), every)
    return np.asarray(means[:, (np.arange(P) - P) % cycle])


def _mean(values: Array, counted: NDArray[np.bool_]) -> Array:
    total = np.where(counted, values, 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(counted.sum(axis=1), 1))
