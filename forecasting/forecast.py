"""From demand to a forecast: test on the past, choose, test the choice on the last period, forecast. No I/O."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.baselines.baseline import Baseline
from forecasting.choosing.backtest import OriginResult, backtest, combine
from forecasting.choosing.candidates import (
    MIXTURE,
    Answer,
    BaselineCandidate,
    Candidate,
    Lesson,
    auto_names,
    fitting,
    learnt_by_trees,
    make_candidates,
    needs_clues,
    needs_history,
    refuse_unfit,
    responses_of,
)
from forecasting.choosing.choose import Choice, choose, untested
from forecasting.choosing.coherence import fitted_hierarchy
from forecasting.choosing.contest import Holder, Verdict, judge, with_champion
from forecasting.choosing.evaluate import evaluate
from forecasting.choosing.kept import Learnt, keep_candidates
from forecasting.choosing.learnt import Present
from forecasting.choosing.learnt_settings import learnt_settings
from forecasting.choosing.origin_baselines import baselines_of
from forecasting.choosing.origins import teaching_origins
from forecasting.choosing.scores import SCORE_COLUMNS
from forecasting.choosing.tables import (
    Facts,
    OriginTable,
    Plan,
    came,
    experts_of,
    facts_of,
    splits_of,
    table_of,
)
from forecasting.experts.at_origin import LevelExperts, NodeModel, many_levels
from forecasting.experts.calendar import Calendar, make_calendar
from forecasting.experts.cycles import CYCLES, Cycles
from forecasting.experts.explain import (
    LEARNT,
    SUCCESSION,
    Explanation,
    explain,
    fitted_leaves,
    with_part,
)
from forecasting.experts.models import FittedGroup
from forecasting.frames.frequency import grid_of
from forecasting.intervals.joint_draw import PathPlan, draw_days, whole_leaves
from forecasting.intervals.missed import Missed
from forecasting.intervals.paths import find_templates, paths_affordable
from forecasting.intervals.placing import place_quantiles
from forecasting.intervals.probabilities import QUANTILES
from forecasting.nodes.demand import Demand
from forecasting.nodes.handed_ahead import handed_ahead
from forecasting.nodes.origin import Origin, origin_at
from forecasting.spec import AUTO, ForecastSpec
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.reconcile import finest_above, refuse_method

Array = NDArray[np.float64]
Progress = Callable[[str], None]
# Called with a step's name and how to make it; gives what it makes, or what was kept of it.
Keep = Callable[[str, Callable[[], Any]], Any]


@dataclass(frozen=True)
class Forecast:
    """A forecast and why it is this one.

    mean: (n, h), coherent. quantiles: (n, h, q). history: (n, T). warnings: (n,) codes or None. choice: what was
    chosen. scores: of all candidates at the origins that chose, columns origin and SCORE_COLUMNS. errors: frame of
    `evaluate`, of the choice on the period that took no part in choosing. explanation: what the mean is made of.
    path_plan: what joint sample paths of the leaves are drawn from, as often as needed (`sample_paths`). models: the
    fitted models by name, with nodes as rows. score, champion_score: errors of the choice and of the champion's on
    the same origins, None where one was not tested. learnt: what `refresh_forecast` needs of this run.
    """

    mean: Array
    quantiles: Array
    history: Array
    warnings: tuple[str | None, ...]
    choice: Choice
    scores: pd.DataFrame
    errors: pd.DataFrame
    explanation: Explanation
    path_plan: PathPlan
    models: Mapping[str, tuple[FittedGroup, ...]]
    score: float | None
    champion_score: float | None
    learnt: Learnt

    @property
    def leaf_paths(self) -> NDArray[np.float32]:
        """Draw the joint sample paths of all leaves at once, (B, m, h), units; sums of them are paths of the nodes."""
        return np.stack(list(draw_days(self.path_plan)), axis=-1).transpose(1, 0, 2)


BEFORE_A_CYCLE: Baseline = "moving_average"
NO_ERRORS = pd.DataFrame(columns=["level", "level_name", "model", "metric", "value"])
NO_SCORES = pd.DataFrame(columns=["origin", *SCORE_COLUMNS])


def silent(_step: str) -> None:
    """Tell nobody of a step."""


def make_anew(_step: str, make: Callable[[], Any]) -> Any:
    """Keep no step: make it."""
    return make()


@dataclass(frozen=True)
class Bench:
    """What all steps of a run share. plan: what is made at each origin. kept: gives finished steps."""

    demand: Demand
    hierarchy: Hierarchy
    spec: ForecastSpec
    plan: Plan
    calendar: Calendar
    candidates: tuple[Candidate, ...]
    kept: Keep

    @property
    def cycles(self) -> Cycles:
        """Return the cycles of the demand."""
        return CYCLES[self.demand.frequency]

    def origin(self, periods_known: int) -> Origin:
        """Return what is known after so many periods."""
        return origin_at(
            self.demand,
            self.hierarchy,
            days_known=periods_known,
            horizon=self.spec.horizon_days,
            holidays_country=self.spec.holidays_country,
        )

    def table(self, periods_known: int) -> OriginTable:
        """Return the table of an origin that is over."""
        origin = self.origin(periods_known)
        actual = came(self.demand, self.hierarchy, periods_known, self.spec.horizon_days)
        baselines = baselines_of(origin, self.plan.baselines)
        modelled = [level for level in self.plan.levels if self._is_fitted(level, periods_known)]
        return table_of(origin, self.calendar, actual, self.plan, baselines, modelled=modelled)

    def _is_fitted(self, level: int, periods_known: int) -> bool:
        """Tell whether a level's models are fitted at an origin: of many nodes only at the nearest and a year ago."""
        if level not in many_levels(self.hierarchy):
            return True
        return periods_known in full_origins(self.demand, self.spec)

    def lesson(self, periods: int, tables: Mapping[int, OriginTable], now: OriginTable) -> Lesson:
        """Return what a forecast after `periods` may learn from."""
        return Lesson(
            self.hierarchy,
            self.plan,
            [tables[known] for known in self.teachers(periods)],
            Present(now.levels, now.splits, now.facts.moved),
            now.baselines,
            now.facts,
        )

    def teachers(self, periods: int) -> list[int]:
        """List the origins that teach a forecast after `periods`."""
        return teaching_origins(
            self.cycles, self.spec.horizon_days, periods, recent=self.spec.backtest_origins
        )


def make_forecast(
    demand: Demand,
    hierarchy: Hierarchy,
    spec: ForecastSpec,
    *,
    progress: Progress = silent,
    holder: Holder | None = None,
    kept: Keep = make_anew,
) -> Forecast:
    """Backtest the candidates, choose, score the choice on the last horizon, and forecast from all periods.

    holder: the present champion, scored on the same origins. kept: gives a finished step of an earlier, killed run.
    With too little past for a backtest the spec's method is taken; without any past to test on there are no errors.
    Raises Invalid: a method or candidate that does not fit the levels, and those of `fitted_hierarchy`.
    """
    bench = make_bench(demand, hierarchy, spec, kept)
    tables = _tables(bench, progress)
    reported = reported_origin(demand, spec)
    choice, scores, results, answers = _chosen(bench, tables, reported)
    scores = with_champion(hierarchy, scores, results, choice, holder)
    verdict = judge(choice, scores, holder, cutoff=demand.cutoff, rule=spec.rule)
    choice = verdict.choice
    errors = NO_ERRORS
    if reported is not None:
        progress(f"testing {choice.name} on the {spec.horizon_days} periods held out")
        errors = _reported(bench, tables, reported, choice, answers)
    del results, answers
    last = bench.origin(demand.days.size)
    progress(f"fitting {hierarchy.n_nodes} nodes up to {last.cutoff} by {choice.name}")
    return _published(bench, tables, last, verdict, progress, scores, errors)


def make_bench(
    demand: Demand, hierarchy: Hierarchy, spec: ForecastSpec, kept: Keep = make_anew
) -> Bench:
    """Prepare a run: refuse what does not fit, and build what its origins share."""
    refuse_method(spec.method, hierarchy)
    fitted = fitted_positions(hierarchy, spec)
    level, (upper, _) = fitted_hierarchy(hierarchy, fitted)
    candidates = named_candidates(hierarchy, spec)
    refuse_unfit(candidates, hierarchy)
    leaf = len(hierarchy.levels) - 1
    split_level = level if level != leaf else finest_above(upper)
    plan = Plan(
        levels=tuple(range(leaf + 1)) if fitted is None else fitted,
        responses=responses_of(candidates),
        baselines=tuple(c.name for c in candidates if isinstance(c, BaselineCandidate)),
        split_level=split_level,
        half_life=spec.split_half_life_days,
        insample=needs_history(candidates),
        clues=needs_clues(candidates),
    )
    grid = demand.grid or grid_of(demand.days, "D")
    dates = pd.DatetimeIndex(demand.days.append(grid.following(demand.days[-1], spec.horizon_days)))
    calendar = make_calendar(
        hierarchy,
        demand.leaves,
        CYCLES[demand.frequency],
        dates,
        demand.ahead,
        country=spec.holidays_country,
    )
    return Bench(demand, hierarchy, spec, plan, calendar, tuple(candidates), kept)


def fitted_positions(hierarchy: Hierarchy, spec: ForecastSpec) -> tuple[int, ...] | None:
    """Find the positions of the spec's fit_levels; None for all."""
    if spec.fit_levels is None:
        return None
    wanted = {frozenset(level) for level in spec.fit_levels}
    return tuple(p for p, keys in enumerate(hierarchy.levels) if frozenset(keys) in wanted)


def named_candidates(hierarchy: Hierarchy, spec: ForecastSpec) -> list[Candidate]:
    """Make the candidates that the spec names, or those of "auto", and the one that is taken untested."""
    if spec.candidates != AUTO:
        return make_candidates(spec.candidates)
    by_forecasts = ("MO additive", "MO log1p") if spec.split == "FP" else ()
    names = dict.fromkeys([*auto_names(hierarchy), *by_forecasts, spec.default_candidate])
    return [c for c in make_candidates(list(names)) if fitting(c, hierarchy)]


def reported_origin(demand: Demand, spec: ForecastSpec) -> int | None:
    """Return how many periods the origin of the reported period knows; None where too little lies before it."""
    known = demand.days.size - spec.horizon_days
    return known if known >= CYCLES[demand.frequency].ended_periods else None


def tested_origins(demand: Demand, spec: ForecastSpec) -> list[int]:
    """List every origin that a run forecasts, oldest first: those that teach, and the one that is reported."""
    cycles, horizon, recent = CYCLES[demand.frequency], spec.horizon_days, spec.backtest_origins
    ends = [demand.days.size]
    reported = reported_origin(demand, spec)
    if reported is not None:
        ends.append(reported)
    teaching = {
        known for end in ends for known in teaching_origins(cycles, horizon, end, recent=recent)
    }
    return sorted(teaching | ({reported} if reported is not None else set()))


def full_origins(demand: Demand, spec: ForecastSpec) -> set[int]:
    """Return the origins at which levels of many nodes are fitted, too."""
    reported = reported_origin(demand, spec)
    ends = [demand.days.size] + ([reported] if reported is not None else [])
    horizon, year = spec.horizon_days, CYCLES[demand.frequency].year
    near = {end - back for end in ends for back in (horizon, 2 * horizon, year)}
    return near & set(tested_origins(demand, spec))


def _tables(bench: Bench, progress: Progress) -> dict[int, OriginTable]:
    """Make the tables of all origins, one at a time, oldest first: an origin goes before the next one comes."""
    known = tested_origins(bench.demand, bench.spec)
    tables = {}
    for number, periods in enumerate(known, 1):
        cutoff = bench.demand.days[periods - 1].date()
        progress(f"testing after {cutoff} ({number} of {len(known)})")
        tables[periods] = bench.kept(f"origin-{cutoff}", partial(bench.table, periods))
    return tables


def _chosen(
    bench: Bench, tables: Mapping[int, OriginTable], reported: int | None
) -> tuple[Choice, pd.DataFrame, list[OriginResult], dict[str, Answer]]:
    """Choose on origins that all lie before the reported period; gives the candidates' answers to it, too."""
    if reported is None or not bench.teachers(reported):
        return untested(_untested_name(bench)), NO_SCORES, [], {}
    lesson = bench.lesson(reported, tables, tables[reported])
    answers = {candidate.name: candidate.answer(lesson) for candidate in bench.candidates}
    results = backtest(bench.hierarchy, lesson.tables, answers)
    choice, scores = choose(results)
    return choice, scores, results, answers


def _untested_name(bench: Bench) -> str:
    """Name what is taken without a backtest: the mixture if an origin can teach it, else the method of the settings.

    A model of a week makes up the weekdays that it has not met: before one cycle is over the mean is taken.
    """
    spec = bench.spec
    if spec.candidates != AUTO:
        named = spec.default_candidate in spec.candidates
        return spec.default_candidate if named else spec.candidates[0]
    if bench.demand.days.size < bench.cycles.season:
        return BEFORE_A_CYCLE
    return MIXTURE if bench.teachers(bench.demand.days.size) else spec.default_candidate


def answer_of(
    choice: Choice, lesson: Lesson, answers: Mapping[str, Answer] = MappingProxyType({})
) -> tuple[Answer, dict[str, Answer]]:
    """Answer a lesson by the choice: the weighted answer, and those of its candidates.

    answers: what candidates have answered to this lesson before.
    """
    made = make_candidates(list(choice.weights))
    of = {c.name: answers[c.name] if c.name in answers else c.answer(lesson) for c in made}
    if len(of) == 1:
        return next(iter(of.values())), of
    left_out = tuple(
        combine({name: answer.left_out[o] for name, answer in of.items()}, choice.weights)
        for o in range(len(lesson.tables))
    )
    mean = combine({name: answer.mean for name, answer in of.items()}, choice.weights)
    return Answer(mean, left_out), of


def _reported(
    bench: Bench,
    tables: Mapping[int, OriginTable],
    reported: int,
    choice: Choice,
    answers: Mapping[str, Answer],
) -> pd.DataFrame:
    """Score the choice on the period after the last origin, with all that it knows learnt before it."""
    now = tables[reported]
    lesson = bench.lesson(reported, tables, now)
    answer, _ = answer_of(choice, lesson, answers)
    naive = BaselineCandidate("seasonal_naive")
    weekly = naive.answer(replace(lesson, tables=[], baselines=_naive(bench, now)))
    return evaluate(
        bench.hierarchy,
        actual=now.actual,
        mean=answer.mean,
        quantiles=quantiles_around(
            bench.origin(reported), answer.mean, missed_of(lesson.tables, answer)
        ),
        seasonal_naive=weekly.mean,
        facts=now.facts,
    )


def _naive(bench: Bench, now: OriginTable) -> Mapping[str, NDArray[np.floating]]:
    if "seasonal_naive" in now.baselines:
        return now.baselines
    return baselines_of(bench.origin(now.periods_known), ("seasonal_naive",))


def _published(
    bench: Bench,
    tables: Mapping[int, OriginTable],
    last: Origin,
    verdict: Verdict,
    progress: Progress,
    scores: pd.DataFrame,
    errors: pd.DataFrame,
) -> Forecast:
    """Forecast from all periods by the verdict's choice, and say what the forecast is made of."""
    fitted = fit_last(bench, last)
    teachers = [tables[known] for known in bench.teachers(last.days.size)]
    lesson = fitted.lesson(bench, teachers, verdict.choice)
    answer, parts = answer_of(verdict.choice, lesson)
    choice = replace(verdict.choice, learnt=learnt_settings(bench.hierarchy, verdict.choice, parts))
    learnt = Learnt(
        levels=bench.hierarchy.levels,
        frequency=bench.demand.frequency,
        horizon=bench.spec.horizon_days,
        nodes=bench.hierarchy.nodes["unique_id"].to_numpy().astype(str),
        level=bench.hierarchy.nodes["level"].to_numpy().astype(np.int64),
        choice=choice,
        candidates=keep_candidates(parts),
        cutoffs=tuple(table.cutoff for table in lesson.tables),
        left_out=tuple(mean.astype(np.float32) for mean in answer.left_out),
        scores=scores,
        errors=errors,
        score=verdict.score,
        champion_score=verdict.champion_score,
    )
    missed = missed_of(lesson.tables, answer)
    return finished(bench, fitted, answer.mean, parts, missed, learnt, progress)


@dataclass(frozen=True)
class Fitted:
    """The last origin, its models by level, its experts, and the facts that its forecast obeys."""

    origin: Origin
    models: Mapping[int, Sequence[NodeModel]]
    experts: Mapping[int, LevelExperts]
    facts: Facts

    def lesson(self, bench: Bench, tables: Sequence[OriginTable], choice: Choice) -> Lesson:
        """Return what the forecast by a choice may learn from: earlier origins, and the present."""
        return Lesson(
            bench.hierarchy,
            bench.plan,
            tables,
            Present(self.experts, splits_of(self.origin, bench.plan), self.facts.moved),
            baselines_of(self.origin, [n for n in bench.plan.baselines if n in choice.weights]),
            self.facts,
        )


def fit_last(bench: Bench, last: Origin) -> Fitted:
    """Fit all models to all periods."""
    models: dict[int, list[NodeModel]] = {}
    experts = experts_of(last, bench.calendar, bench.plan, models=models)
    return Fitted(last, models, experts, facts_of(last, bench.plan, bench.calendar))


def finished(
    bench: Bench,
    fitted: Fitted,
    mean: Array,
    parts: Mapping[str, Answer],
    missed: Sequence[Missed],
    learnt: Learnt,
    progress: Progress,
) -> Forecast:
    """Place quantiles around a mean (n, h), plan its paths, and say what it is made of.

    parts: the answers of the choice's candidates.
    """
    last, models = fitted.origin, fitted.models
    quantiles = quantiles_around(last, mean, missed)
    weights = expert_weights_of(learnt.choice, parts)
    trees = learnt_by_trees(parts, learnt.choice.weights)
    explanation = explain(last, models, weights, fitted.experts, mean - trees)
    if np.any(trees):
        explanation = with_part(explanation, LEARNT, trees, bench.hierarchy.n_leaves)
    warnings, stand_in = fitted.facts.warnings, None
    handed = handed_ahead(bench.demand, bench.hierarchy, last.horizon)
    if handed is not None:
        before, mean = mean, handed.mean(mean)
        quantiles = handed.quantiles(quantiles, before, mean)
        explanation = with_part(explanation, SUCCESSION, mean - before, bench.hierarchy.n_leaves)
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
        models=fitted_models(bench.hierarchy, models),
        score=learnt.score,
        champion_score=learnt.champion_score,
        learnt=learnt,
    )


def expert_weights_of(choice: Choice, answers: Mapping[str, Answer]) -> dict[int, dict[str, Array]]:
    """Sum up the weight of every expert in every node of a level, over the candidates of the choice."""
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
    """Collect the fitted models by name, their rows those of S."""
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

    fitted: (m, T) what the models say of the past, None without any: leaves and periods are drawn independently then.
    stand_in: (m,) the leaf whose past stands for each one's (None: its own).
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
    """Return what the answer's left-out forecasts of earlier origins missed."""
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
