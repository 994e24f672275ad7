"""Candidates: the ways to forecast a whole chain that a backtest compares.

A learnt candidate weighs experts node by node and reconciles them; it differs from another by which experts may take
part and by the method. The boosted mixture corrects the mixture's leaves by trees. A baseline is one expert for every
node.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from forecasting.baselines.baseline import BASELINES, Baseline
from forecasting.boosting.trees import refuse_missing
from forecasting.choosing.boosted import Boost, boosted
from forecasting.choosing.coherence import coherent, enforce_facts
from forecasting.choosing.learnt import Mixture, Present, learn_mixture, left_out_variance
from forecasting.choosing.parts import PARTS
from forecasting.choosing.tables import Facts, OriginTable, Plan, rows_of
from forecasting.choosing.ways import Way, best_way
from forecasting.experts.at_origin import many_levels
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.reconcile import METHODS, TREE_METHODS, Method, refuse_method
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
Split = Literal["recent_shares", "FP"]
SPLITS: tuple[Split, ...] = get_args(Split)
RESPONSES = ("additive", "multiplicative", "log1p")
MIXTURE = "mixture"
BOOSTED = "boosted mixture"
# Shown beside the mixture: Prophet in one response form, reconciled by the number of leaves.
COMPARED = ("WLSS additive", "WLSS log1p")
OF_ALL_NODES: tuple[Baseline, ...] = ("ETS", "Theta", "last_year_growth")
_NEED_HISTORY: tuple[Method, ...] = ("AHP", "PHA")


@dataclass(frozen=True)
class Lesson:
    """Data that a forecast may learn from. tables: earlier origins, oldest first.

    now: the present's experts, baselines (n, h) by name, and facts.
    """

    hierarchy: Hierarchy
    plan: Plan
    tables: Sequence[OriginTable]
    now: Present
    baselines: Mapping[str, NDArray[np.floating]]
    facts: Facts


@dataclass(frozen=True)
class Answer:
    """mean: (n, h), coherent. left_out: (n, h) for each earlier origin, by what the others teach.

    mixture, method: what was learnt; None for a baseline. variance: (n,), residuals: (n, R) that it reconciles by.
    boost: of the boosted mixture, where trees take part.
    """

    mean: Array
    left_out: tuple[Array, ...]
    mixture: Mixture | None = None
    method: Method | None = None
    variance: Array | None = None
    residuals: NDArray[np.floating] | None = None
    boost: Boost | None = None


class Candidate(Protocol):
    """A way to forecast a chain."""

    @property
    def name(self) -> str:
        """Return the name in scores and settings."""

    def answer(self, lesson: Lesson) -> Answer:
        """Forecast all nodes, and each earlier origin without what was known only after it."""


@dataclass(frozen=True)
class LearntCandidate:
    """Experts weighed node by node. response: the own models of one form alone (None: every expert).

    method: how to reconcile (None: by left-out errors, or by what did better on the origins). without: a part of the
    mixture that takes no part (None: all do).
    """

    name: str
    response: str | None = None
    method: Method | None = None
    without: str | None = None

    def allows(self, expert: str) -> bool:
        """Return True if an expert may take part."""
        if self.without is not None and PARTS[self.without](expert):
            return False
        return self.response is None or expert.startswith(f"{self.response} ")

    def answer(self, lesson: Lesson) -> Answer:
        """Learn weights, variances and the method from the lesson. Raises Invalid as `reconcile` does."""
        rows = rows_of(lesson.hierarchy, lesson.plan.levels)
        mixture = learn_mixture(lesson.tables, lesson.now, rows, self.allows)
        variance = None
        if lesson.tables:
            variance = left_out_variance(lesson.tables, mixture.left_out, rows, lesson.facts.change)
        way = Way(self.method, None) if self.method else self._best(lesson, mixture, variance)
        method = way.method
        residuals = _residuals(lesson.tables, mixture.left_out, method)
        if method in ("WLSV", "MinT-shrink") and variance is None:
            method = "WLSS"
        try:
            return self._reconciled(lesson, mixture, way, method, variance, residuals)
        except Invalid as error:
            if error.code != "mint_ill_conditioned":
                raise
        # a few errors, or one series that dwarfs all others, have no covariance; they have variances
        return self._reconciled(lesson, mixture, Way("WLSV", None), "WLSV", variance, None)

    def _reconciled(
        self,
        lesson: Lesson,
        mixture: Mixture,
        way: Way,
        method: Method,
        variance: Array | None,
        residuals: Array | None,
    ) -> Answer:
        def made(facts: Facts, base: Array) -> Array:
            return coherent(
                lesson.hierarchy,
                lesson.plan,
                facts,
                base,
                method,
                variance=variance,
                residuals=residuals,
            )

        left_out = way.left_out or tuple(
            made(table.facts, base)
            for table, base in zip(lesson.tables, mixture.left_out, strict=True)
        )
        mean = made(lesson.facts, mixture.base)
        return Answer(mean, left_out, mixture, method, variance, residuals)

    def _best(self, lesson: Lesson, mixture: Mixture, variance: Array | None) -> Way:
        return best_way(lesson.hierarchy, lesson.plan, lesson.tables, mixture.left_out, variance)


def _residuals(
    tables: Sequence[OriginTable], left_out: Sequence[Array], method: Method
) -> Array | None:
    """Stack the left-out errors of all origins side by side, (n, O h), for a covariance."""
    if method != "MinT-shrink" or not tables:
        return None
    return np.hstack([table.actual - base for table, base in zip(tables, left_out, strict=True)])


@dataclass(frozen=True)
class BoostedCandidate:
    """The mixture with its leaves corrected by trees, reconciled as the mixture is; itself where no tree helps."""

    name: str = BOOSTED

    def answer(self, lesson: Lesson) -> Answer:
        """Learn the mixture, and trees from what it missed. Raises Invalid (`extra_missing`) without LightGBM."""
        plain = LearntCandidate(MIXTURE).answer(lesson)
        if plain.mixture is None:
            return plain
        found = boosted(
            lesson.hierarchy,
            lesson.plan.levels,
            lesson.tables,
            lesson.now,
            lesson.facts,
            plain.mixture,
        )
        made = partial(_reconciled_as, plain, lesson)
        left_out = tuple(
            made(table.facts, base, unmoved)
            for table, base, unmoved in zip(
                lesson.tables, found.left_out, plain.left_out, strict=True
            )
        )
        mean = made(lesson.facts, found.base, plain.mean)
        boost = None if found.corrector is None else Boost(found.corrector, plain.mean)
        return replace(plain, mean=mean, left_out=left_out, boost=boost)


def _reconciled_as(
    plain: Answer, lesson: Lesson, facts: Facts, base: Array | None, unmoved: Array
) -> Array:
    """Reconcile corrected base forecasts (n, h) as an answer's own were; `unmoved` where there are none."""
    if base is None or plain.method is None:
        return unmoved
    return coherent(
        lesson.hierarchy, lesson.plan, facts, base, plain.method, variance=plain.variance
    )


@dataclass(frozen=True)
class BaselineCandidate:
    """A baseline in the leaves, summed up; in every node and reconciled if its sums are not a baseline of the sum."""

    name: Baseline

    def answer(self, lesson: Lesson) -> Answer:
        """Return the baseline of every origin."""

        def made(facts: Facts, baselines: Mapping[str, NDArray[np.floating]]) -> Array:
            of_nodes = baselines[self.name].astype(np.float64)
            if self.name in OF_ALL_NODES:
                return coherent(lesson.hierarchy, lesson.plan, facts, of_nodes, "WLSS")
            return enforce_facts(lesson.hierarchy, facts, of_nodes[-lesson.hierarchy.n_leaves :])

        left_out = tuple(made(table.facts, table.baselines) for table in lesson.tables)
        return Answer(made(lesson.facts, lesson.baselines), left_out)


def learnt_by_trees(answers: Mapping[str, Answer], weights: Mapping[str, float]) -> Array:
    """Return by how much trees move the weighed forecast of some answers, (n, h) units."""
    total = np.zeros_like(next(iter(answers.values())).mean)
    for name, weight in weights.items():
        answer = answers[name]
        if answer.boost is not None:
            total = total + weight * (answer.mean - answer.boost.unmoved)
    return total


def known_names() -> list[str]:
    """List every candidate that a setting may name."""
    return list(_by_name())


def auto_names(hierarchy: Hierarchy) -> list[str]:
    """List the candidates of "auto": the mixture of all experts, and what it is compared with.

    Where a level has very many nodes, exponential smoothing in each of them would take a third of a run: there it is
    left out of the comparison.
    """
    smoothed = ("ETS", "Theta") if many_levels(hierarchy) else ()
    return [MIXTURE, *COMPARED, *(name for name in BASELINES if name not in smoothed)]


def make_candidates(names: Sequence[str]) -> list[Candidate]:
    """Build candidates by name. Raises Invalid (`candidate_unknown`)."""
    by_name = _by_name()
    for name in names:
        if name not in by_name:
            raise Invalid(
                "candidate_unknown",
                f"There is no candidate {name!r}; there are {', '.join(by_name)}.",
                candidate=name,
            )
    return [by_name[name] for name in names]


def _by_name() -> dict[str, Candidate]:
    learnt = [
        LearntCandidate(MIXTURE),
        *(LearntCandidate(f"{m} {r}", r, m) for m in METHODS for r in RESPONSES),
        *(LearntCandidate(f"{m} {MIXTURE}", method=m) for m in METHODS),
        *(LearntCandidate(f"{MIXTURE} without {part}", without=part) for part in PARTS),
    ]
    every: list[Candidate] = [
        *learnt,
        BoostedCandidate(),
        *(BaselineCandidate(name) for name in BASELINES),
    ]
    return {candidate.name: candidate for candidate in every}


def fits_hierarchy(candidate: Candidate, hierarchy: Hierarchy) -> bool:
    """Return True if a candidate's method fits the levels: those that split downwards need a tree."""
    method = candidate.method if isinstance(candidate, LearntCandidate) else None
    return hierarchy.is_tree or method not in TREE_METHODS


def refuse_unfit(candidates: Sequence[Candidate], hierarchy: Hierarchy) -> None:
    """Raise Invalid where a candidate's method does not fit the levels, or LightGBM is missing."""
    if needs_clues(candidates):
        refuse_missing()
    for candidate in candidates:
        if isinstance(candidate, LearntCandidate) and candidate.method is not None:
            refuse_method(candidate.method, hierarchy)


def needs_history(candidates: Sequence[Candidate]) -> bool:
    """Return True if some candidate splits by what was sold before."""
    return any(isinstance(c, LearntCandidate) and c.method in _NEED_HISTORY for c in candidates)


def needs_clues(candidates: Sequence[Candidate]) -> bool:
    """Return True if some candidate learns from clues of the leaves."""
    return any(isinstance(c, BoostedCandidate) for c in candidates)


def responses_of(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Return the response forms that the candidates' own models take."""
    learnt = [c for c in candidates if isinstance(c, LearntCandidate)]
    named = {c.response for c in learnt if c.response is not None}
    if any(c.response is None for c in learnt) or needs_clues(candidates):
        named |= {"additive", "log1p"}
    return tuple(response for response in RESPONSES if response in named)
