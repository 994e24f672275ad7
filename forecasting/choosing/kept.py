"""Learnt results that a run keeps: enough to forecast again from newer periods without a backtest.

n nodes, h periods ahead, O origins.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.boosted import Boost, Corrector, corrected
from forecasting.choosing.candidates import RESPONSES, Answer, Lesson, make_candidates
from forecasting.choosing.choose import Choice
from forecasting.choosing.coherence import coherent
from forecasting.choosing.learnt import LevelWeights, Mixture, weigh_down
from forecasting.choosing.tables import rows_of
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.levels import Levels, level_name
from forecasting.structure.reconcile import Method
from stocktide.foundation.errors import Conflict

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

NEW = -1


@dataclass(frozen=True)
class KeptCandidate:
    """weights: of the experts, by level; none for a baseline. method: how to reconcile.

    variance: (n,) and residuals: (n, R) of left-out errors, where the method takes them. corrector: trees that move the
    leaves, or None.
    """

    name: str
    weights: Mapping[int, LevelWeights]
    method: Method | None
    variance: Array | None
    residuals: Floats | None
    corrector: Corrector | None = None


@dataclass(frozen=True)
class Learnt:
    """levels, frequency, horizon: what was forecast. nodes, level: (n,) unique ids, and the level that each is of.

    choice: what the backtest chose, of candidates. left_out: (n, h) of each origin, NaN where not forecast; cutoffs:
    (O,) its last period. scores, errors, score, champion_score: as of the run that learnt.
    """

    levels: Levels
    frequency: str
    horizon: int
    nodes: NDArray[np.str_]
    level: Rows
    choice: Choice
    candidates: tuple[KeptCandidate, ...]
    cutoffs: tuple[date, ...]
    left_out: tuple[Floats, ...]
    scores: pd.DataFrame
    errors: pd.DataFrame
    score: float | None
    champion_score: float | None


def kept_responses(learnt: Learnt) -> tuple[str, ...]:
    """Return the response forms of the models that the kept weights are of, those of other candidates among them."""
    names = {
        name
        for kept in learnt.candidates
        for level in kept.weights.values()
        for name in level.names
    }
    return tuple(form for form in RESPONSES if any(name.startswith(f"{form} ") for name in names))


def keep_candidates(answers: Mapping[str, Answer]) -> tuple[KeptCandidate, ...]:
    """Keep what the candidates of a choice have learnt; weights and residuals in single precision."""
    return tuple(
        KeptCandidate(
            name,
            {} if answer.mixture is None else _single(answer.mixture.weights),
            answer.method,
            answer.variance,
            None if answer.residuals is None else answer.residuals.astype(np.float32),
            None if answer.boost is None else answer.boost.corrector,
        )
        for name, answer in answers.items()
    )


def _single(weights: Mapping[int, LevelWeights]) -> dict[int, LevelWeights]:
    return {
        level: LevelWeights(of.names, of.weights.astype(np.float32))
        for level, of in weights.items()
    }


def refuse_changed(
    learnt: Learnt, hierarchy: Hierarchy, frequency: str, horizon: int, fitted: Sequence[int]
) -> None:
    """Raise Conflict (`refresh_changed`) where what is to be forecast is not what was learnt."""
    what = {
        "the levels": (_named(learnt.levels), _named(hierarchy.levels)),
        "the rhythm": (learnt.frequency, frequency),
        "the horizon": (str(learnt.horizon), str(horizon)),
    }
    for kept in learnt.candidates:
        if kept.weights:
            what["the fitted levels"] = (str(sorted(kept.weights)), str(sorted(fitted)))
    for name, (before, now) in what.items():
        if before != now:
            raise Conflict(
                "refresh_changed",
                f"The current version cannot be refreshed: {name} changed from {before} to {now}; "
                "retrain with `stocktide forecast`.",
                what=name,
            )


def _named(levels: Levels) -> str:
    return ", ".join(level_name(level) for level in levels)


def aligned(learnt: Learnt, hierarchy: Hierarchy) -> Learnt:
    """Reorder what was learnt to a newer hierarchy of the same levels.

    A node that is new takes its level's mean weights and median variance, and has no left-out errors; one that is gone
    is left out.
    """
    level = hierarchy.nodes["level"].to_numpy().astype(np.int64)
    nodes = hierarchy.nodes["unique_id"].to_numpy().astype(str)
    known = pd.MultiIndex.from_arrays([learnt.level, learnt.nodes])
    rows = known.get_indexer(pd.MultiIndex.from_arrays([level, nodes])).astype(np.int64)
    if rows.size == learnt.nodes.size and (rows == np.arange(rows.size)).all():
        return learnt
    return replace(
        learnt,
        nodes=nodes,
        level=level,
        candidates=tuple(_moved(of, learnt.level, level, rows) for of in learnt.candidates),
        left_out=tuple(_rows(of, rows) for of in learnt.left_out),
    )


def _moved(of: KeptCandidate, before: Rows, level: Rows, rows: Rows) -> KeptCandidate:
    weights = {}
    for number, kept in of.weights.items():
        # rows count all nodes; a level's own come one after the other
        first = int(np.flatnonzero(before == number)[0])
        at = rows[level == number]
        usual = kept.weights.mean(axis=1, keepdims=True)
        taken = kept.weights[:, np.maximum(at - first, 0)]
        weights[number] = LevelWeights(kept.names, np.where(at == NEW, usual, taken))
    return replace(
        of,
        weights=weights,
        variance=None if of.variance is None else _variance(of.variance, before, level, rows),
        residuals=None if of.residuals is None else _rows(of.residuals, rows),
    )


def _rows(values: Floats, rows: Rows) -> Floats:
    """Return rows of (n, …), NaN for new nodes."""
    taken = values[np.maximum(rows, 0)]
    taken[rows == NEW] = np.nan
    return taken


def _variance(variance: Array, before: Rows, level: Rows, rows: Rows) -> Array:
    taken = variance[np.maximum(rows, 0)]
    for number in np.unique(level[rows == NEW]):
        known = variance[(before == number) & np.isfinite(variance)]
        usual = float(np.median(known)) if known.size else np.nan
        taken[(rows == NEW) & (level == number)] = usual
    return taken


def answer_again(learnt: Learnt, lesson: Lesson) -> dict[str, Answer]:
    """Answer by what was learnt: the lesson's present, without any earlier origin; by candidate.

    Raises Conflict (`refresh_changed`): no expert of a level is still there.
    """
    return {of.name: _answered(of, lesson) for of in learnt.candidates}


def _answered(of: KeptCandidate, lesson: Lesson) -> Answer:
    if not of.weights or of.method is None:
        # a baseline: it has learnt nothing
        return make_candidates([of.name])[0].answer(lesson)
    weights = {level: _there(lesson, level, kept) for level, kept in of.weights.items()}
    rows = rows_of(lesson.hierarchy, lesson.plan.levels)
    base = weigh_down(lesson.now, rows, weights)
    mean = _reconciled(of, lesson, of.method, base)
    answer = Answer(mean, (), Mixture(weights, base, ()), of.method, of.variance, of.residuals)
    return answer if of.corrector is None else _boosted(of, of.corrector, lesson, answer)


def _reconciled(of: KeptCandidate, lesson: Lesson, method: Method, base: Array) -> Array:
    return coherent(
        lesson.hierarchy,
        lesson.plan,
        lesson.facts,
        base,
        method,
        variance=of.variance,
        residuals=None if of.residuals is None else of.residuals.astype(np.float64),
    )


def _boosted(of: KeptCandidate, corrector: Corrector, lesson: Lesson, plain: Answer) -> Answer:
    """Move the leaves by the trees that were learnt; they see the present's clues."""
    assert plain.mixture is not None
    assert plain.method is not None
    now = lesson.now.levels
    base = corrected(lesson.hierarchy, now, lesson.facts, plain.mixture.base, corrector)
    assert base is not None
    mean = _reconciled(of, lesson, plain.method, base)
    return replace(plain, mean=mean, boost=Boost(corrector, plain.mean))


def _there(lesson: Lesson, level: int, kept: LevelWeights) -> LevelWeights:
    """Keep the weights of the experts that the present has, summing to 1."""
    have = {*lesson.now.levels[level].names}
    have |= {name for split in lesson.now.splits[level] for name in split.names}
    at = [position for position, name in enumerate(kept.names) if name in have]
    if not at:
        raise Conflict(
            "refresh_changed",
            f"The current version cannot be refreshed: none of the experts of level {level} is there any more; "
            "retrain with `stocktide forecast`.",
            what="the experts",
        )
    used = kept.weights[at].astype(np.float64)
    total = used.sum(axis=0)
    even = np.full_like(used, 1.0 / len(at))
    used = np.divide(used, total, out=even, where=total > 0)
    return LevelWeights(tuple(kept.names[position] for position in at), used)
