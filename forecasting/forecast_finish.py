"""From a mean to a finished forecast: the last fit, quantiles, explanation and joint paths. No I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecasting.choosing.candidates import (
    Answer,
    Lesson,
    learnt_by_trees,
)
from forecasting.choosing.choose import Choice
from forecasting.choosing.hindcast import hindcast
from forecasting.choosing.kept import Learnt
from forecasting.choosing.learnt import Present
from forecasting.choosing.origin_baselines import baselines_of
from forecasting.choosing.tables import (
    Facts,
    OriginTable,
    experts_of,
    facts_of,
    splits_of,
)
from forecasting.experts.at_origin import LevelExperts, NodeModel
from forecasting.experts.explain import (
    LEARNT,
    SUCCESSION,
    explain,
    fitted_leaves,
    with_part,
)
from forecasting.experts.models import FittedGroup
from forecasting.forecast_result import Forecast, Past
from forecasting.forecast_setup import ForecastSetup
from forecasting.intervals.joint_draw import PathPlan, whole_leaves
from forecasting.intervals.missed import Missed
from forecasting.intervals.paths import find_templates, paths_affordable
from forecasting.intervals.placing import place_quantiles
from forecasting.intervals.probabilities import QUANTILES
from forecasting.nodes.handed_ahead import handed_ahead
from forecasting.nodes.origin import Origin
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]
Progress = Callable[[str], None]
# Of the last so many seasons a run keeps what was sold: orders learn from them how far sales vary.
SOLD_SEASONS = 26


def silent(_step: str) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Fitted:
    """The last origin, fitted: its models and experts by level, and the facts that its forecast obeys."""

    origin: Origin
    models: Mapping[int, Sequence[NodeModel]]
    experts: Mapping[int, LevelExperts]
    facts: Facts

    def lesson(self, setup: ForecastSetup, tables: Sequence[OriginTable], choice: Choice) -> Lesson:
        """Return what the forecast by a choice learns from: tables of earlier origins, and the present."""
        return Lesson(
            setup.hierarchy,
            setup.plan,
            tables,
            Present(self.experts, splits_of(self.origin, setup.plan), self.facts.moved),
            baselines_of(self.origin, [n for n in setup.plan.baselines if n in choice.weights]),
            self.facts,
        )


def fit_last(setup: ForecastSetup, last: Origin) -> Fitted:
    """Fit all models to every period up to the last one."""
    models: dict[int, list[NodeModel]] = {}
    experts = experts_of(last, setup.calendar, setup.plan, models=models)
    return Fitted(last, models, experts, facts_of(last, setup.plan, setup.calendar))


def finish_forecast(
    setup: ForecastSetup,
    fitted: Fitted,
    mean: Array,
    parts: Mapping[str, Answer],
    missed: Sequence[Missed],
    learnt: Learnt,
    progress: Progress,
) -> Forecast:
    """Place quantiles around a mean (n, h) in units, hand over successions, plan the paths, and explain the mean.

    parts: the answers of the choice's candidates, by name. missed: earlier origins, for the intervals.
    """
    last, models = fitted.origin, fitted.models
    quantiles = quantiles_around(last, mean, missed)
    weights = expert_weights_of(learnt.choice, parts)
    trees = learnt_by_trees(parts, learnt.choice.weights)
    explanation = explain(last, models, weights, fitted.experts, mean - trees)
    if np.any(trees):
        explanation = with_part(explanation, LEARNT, trees, setup.hierarchy.n_leaves)
    warnings, stand_in = fitted.facts.warnings, None
    said = hindcast(fitted.lesson(setup, (), learnt.choice), last, models, learnt, parts)
    handed = handed_ahead(setup.demand, setup.hierarchy, last.horizon)
    if handed is not None:
        before, mean = mean, handed.mean(mean)
        # what a leaf hands over or takes is not in what it sold
        said[(mean != before)[-len(said) :].any(axis=1)] = np.nan
        quantiles = handed.quantiles(quantiles, before, mean)
        explanation = with_part(explanation, SUCCESSION, mean - before, setup.hierarchy.n_leaves)
        warnings, stand_in = handed.warnings(warnings), handed.stand_in(last.units)
    progress("drawing joint paths")
    past = fitted_leaves(last, models, weights)
    return Forecast(
        mean=mean,
        quantiles=quantiles,
        history=last.history,
        warnings=warnings,
        choice=learnt.choice,
        scores=learnt.scores,
        errors=learnt.errors,
        explanation=explanation,
        path_plan=path_plan_of(last, past, quantiles, stand_in=stand_in),
        models=fitted_models(setup.hierarchy, models),
        score=learnt.score,
        champion_score=learnt.champion_score,
        learnt=learnt,
        past=past_of(last, said),
    )


def past_of(origin: Origin, said: Array) -> Past:
    """Return the last periods beside what is said of the last of them, (m, P)."""
    S = min(SOLD_SEASONS * origin.cycles.season, origin.days.size)
    P, recent = said.shape[1], slice(origin.days.size - S, origin.days.size)
    # shelves that ran empty were emptied by demand above what is sold
    told = (origin.observed_leaves & ~origin.empty)[:, recent]
    expected = np.full(told.shape, np.nan)
    expected[:, S - P :] = said
    expected[~told] = np.nan
    return Past(origin.days[recent], origin.units[:, recent], origin.empty[:, recent], expected)


def expert_weights_of(choice: Choice, answers: Mapping[str, Answer]) -> dict[int, dict[str, Array]]:
    """Return the weight of every expert in every node, over all candidates of the choice: level -> expert -> (n,)."""
    found: dict[int, dict[str, Array]] = {}
    for name, share in choice.weights.items():
        mixture = answers[name].mixture
        for level, of in (mixture.weights if mixture is not None else {}).items():
            into = found.setdefault(level, {})
            for expert, weight in zip(of.names, of.weights, strict=True):
                into[expert] = into.get(expert, np.zeros_like(weight)) + share * weight
    return found


def fitted_models(
    hierarchy: Hierarchy, models: Mapping[int, Sequence[NodeModel]]
) -> dict[str, tuple[FittedGroup, ...]]:
    """Collect the fitted models of all levels by name, their rows counted as those of S."""
    found: dict[str, tuple[FittedGroup, ...]] = {}
    for level, made in models.items():
        rows = hierarchy.rows(level)
        for model in made:
            moved = tuple(replace(g, rows=rows[g.rows]) for g in model.fit.groups)
            found[model.name] = (*found.get(model.name, ()), *moved)
    return found


def path_plan_of(
    origin: Origin,
    fitted: Array | None,
    quantiles: Array,
    *,
    stand_in: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> PathPlan:
    """Plan the joint sample paths of the leaves, coherent with the quantiles (n, h, q) of all nodes.

    quantiles: (n, h, q) units. fitted: (m, T) units that the models fit to the past; without models None, and leaves
    and periods are drawn independently. stand_in: (m,) the leaf whose past each leaf uses (None: its own).
    """
    m, cycles = origin.hierarchy.n_leaves, origin.cycles
    of = np.arange(m) if stand_in is None else stand_in
    templates = None
    if fitted is not None:
        templates = find_templates(
            origin.Y[-m:][of],
            fitted[of],
            origin.horizon,
            step=cycles.season,
            windows=cycles.windows[1:3],
        )
    return PathPlan(
        hierarchy=origin.hierarchy,
        quantiles=quantiles,
        levels=QUANTILES,
        templates=templates,
        whole=whole_leaves(origin.units[of]),
        count=paths_affordable(m),
        seed=seed,
    )


def missed_of(tables: Sequence[OriginTable], answer: Answer) -> list[Missed]:
    """Pair the answer's left-out forecasts with the actual units of each earlier origin."""
    return [
        Missed(table.periods_known, mean, table.actual)
        for table, mean in zip(tables, answer.left_out, strict=True)
    ]


def quantiles_around(origin: Origin, mean: Array, missed: Sequence[Missed]) -> Array:
    """Place the quantiles (n, h, q) around a forecast by left-out errors of earlier origins; 0 while closed."""
    cycles = origin.cycles
    placed = place_quantiles(
        mean,
        origin.hierarchy.nodes["level"].to_numpy(),
        origin.hierarchy.n_leaves,
        missed,
        origin.sold,
        QUANTILES,
        season=cycles.season if cycles.season > 1 else cycles.year,
    )
    return np.asarray(placed * origin.is_open[:, origin.days.size :, None])
