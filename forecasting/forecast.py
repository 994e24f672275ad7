"""From demand to a forecast: test on the past, choose, test the choice on the last period, forecast. No I/O."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.baselines.baseline import Baseline
from forecasting.choosing.backtest import OriginResult, backtest, combine
from forecasting.choosing.candidates import (
    MIXTURE,
    Answer,
    BaselineCandidate,
    Lesson,
    make_candidates,
)
from forecasting.choosing.choose import Choice, choose, untested
from forecasting.choosing.contest import CurrentVersion, Verdict, judge, with_champion
from forecasting.choosing.evaluate import evaluate
from forecasting.choosing.kept import Learnt, keep_candidates
from forecasting.choosing.learnt_settings import learnt_settings
from forecasting.choosing.origin_baselines import baselines_of
from forecasting.choosing.scores import SCORE_COLUMNS
from forecasting.choosing.tables import (
    OriginTable,
)
from forecasting.forecast_finish import (
    Progress,
    finish_forecast,
    fit_last,
    missed_of,
    quantiles_around,
    silent,
)
from forecasting.forecast_origins import all_origins, reported_origin
from forecasting.forecast_result import Forecast
from forecasting.forecast_setup import ForecastSetup, Keep, keep_nothing, make_setup
from forecasting.nodes.demand import Demand
from forecasting.nodes.origin import Origin
from forecasting.spec import AUTO, ForecastSpec
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]


BEFORE_A_CYCLE: Baseline = "moving_average"
NO_ERRORS = pd.DataFrame(columns=["level", "level_name", "model", "metric", "value"])
NO_SCORES = pd.DataFrame(columns=["origin", *SCORE_COLUMNS])


def make_forecast(
    demand: Demand,
    hierarchy: Hierarchy,
    spec: ForecastSpec,
    *,
    progress: Progress = silent,
    champion: CurrentVersion | None = None,
    kept: Keep = keep_nothing,
) -> Forecast:
    """Backtest the candidates, choose, score the choice on the last horizon, and forecast from all periods.

    progress: called with each step. champion: the current version, scored on the same origins. kept: returns a step
    that an earlier, killed run finished. With too little past for a backtest nothing is compared: see `_untested_name`;
    without any past to test on there are no errors.
    Raises Invalid: a method or candidate that does not fit the levels, and those of `fitted_hierarchy`.
    """
    setup = make_setup(demand, hierarchy, spec, kept)
    tables = _tables(setup, progress)
    reported = reported_origin(demand, spec)
    choice, scores, results, answers = _chosen(setup, tables, reported)
    scores = with_champion(hierarchy, scores, results, choice, champion)
    verdict = judge(choice, scores, champion, cutoff=demand.cutoff, rule=spec.rule)
    choice = verdict.choice
    errors = NO_ERRORS
    if reported is not None:
        progress(f"testing {choice.name} on the {spec.horizon_days} periods held out")
        errors = _reported(setup, tables, reported, choice, answers)
    del results, answers
    last = setup.origin(demand.days.size)
    progress(f"fitting {hierarchy.n_nodes} nodes up to {last.cutoff} by {choice.name}")
    return _published(setup, tables, last, verdict, progress, scores, errors)


def _tables(setup: ForecastSetup, progress: Progress) -> dict[int, OriginTable]:
    """Build the tables of all origins, oldest first, one at a time: only one origin's history is in memory."""
    known = all_origins(setup.demand, setup.spec)
    tables = {}
    for number, periods in enumerate(known, 1):
        cutoff = setup.demand.days[periods - 1].date()
        progress(f"testing after {cutoff} ({number} of {len(known)})")
        tables[periods] = setup.load_or_make(f"origin-{cutoff}", partial(setup.table, periods))
    return tables


def _chosen(
    setup: ForecastSetup, tables: Mapping[int, OriginTable], reported: int | None
) -> tuple[Choice, pd.DataFrame, list[OriginResult], dict[str, Answer]]:
    """Choose on origins that all lie before the reported period.

    Returns the choice, all scores, the results by origin, and each candidate's answer at the reported origin.
    """
    if reported is None or not setup.teachers(reported):
        return untested(_untested_name(setup)), NO_SCORES, [], {}
    lesson = setup.lesson(reported, tables, tables[reported])
    answers = {candidate.name: candidate.answer(lesson) for candidate in setup.candidates}
    results = backtest(setup.hierarchy, lesson.tables, answers)
    choice, scores = choose(results)
    return choice, scores, results, answers


def _untested_name(setup: ForecastSetup) -> str:
    """Return the name of the candidate that is published without a backtest.

    For "auto" the mixture if an origin can teach it, else the settings' default; of named candidates the default if it
    is among them, else the first. Before one cycle is over "auto" is the mean: a model of a week makes up the weekdays
    that it has not met.
    """
    spec = setup.spec
    if spec.candidates != AUTO:
        named = spec.default_candidate in spec.candidates
        return spec.default_candidate if named else spec.candidates[0]
    if setup.demand.days.size < setup.cycles.season:
        return BEFORE_A_CYCLE
    return MIXTURE if setup.teachers(setup.demand.days.size) else spec.default_candidate


def answer_of(
    choice: Choice, lesson: Lesson, answers: Mapping[str, Answer] = MappingProxyType({})
) -> tuple[Answer, dict[str, Answer]]:
    """Answer a lesson by the choice. Returns the weighted answer, and those of its candidates by name.

    answers: those that candidates gave to this lesson before.
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
    setup: ForecastSetup,
    tables: Mapping[int, OriginTable],
    reported: int,
    choice: Choice,
    answers: Mapping[str, Answer],
) -> pd.DataFrame:
    """Score the choice on the reported period, by weights learnt before it: frame of `evaluate`."""
    now = tables[reported]
    lesson = setup.lesson(reported, tables, now)
    answer, _ = answer_of(choice, lesson, answers)
    naive = BaselineCandidate("seasonal_naive")
    weekly = naive.answer(replace(lesson, tables=[], baselines=_naive(setup, now)))
    return evaluate(
        setup.hierarchy,
        actual=now.actual,
        mean=answer.mean,
        quantiles=quantiles_around(
            setup.origin(reported), answer.mean, missed_of(lesson.tables, answer)
        ),
        seasonal_naive=weekly.mean,
        facts=now.facts,
    )


def _naive(setup: ForecastSetup, now: OriginTable) -> Mapping[str, NDArray[np.floating]]:
    if "seasonal_naive" in now.baselines:
        return now.baselines
    return baselines_of(setup.origin(now.periods_known), ("seasonal_naive",))


def _published(
    setup: ForecastSetup,
    tables: Mapping[int, OriginTable],
    last: Origin,
    verdict: Verdict,
    progress: Progress,
    scores: pd.DataFrame,
    errors: pd.DataFrame,
) -> Forecast:
    """Forecast from all periods by the verdict's choice, learning from all origins, the reported one included."""
    fitted = fit_last(setup, last)
    teachers = [tables[known] for known in setup.teachers(last.days.size)]
    lesson = fitted.lesson(setup, teachers, verdict.choice)
    answer, parts = answer_of(verdict.choice, lesson)
    choice = replace(verdict.choice, learnt=learnt_settings(setup.hierarchy, verdict.choice, parts))
    learnt = Learnt(
        levels=setup.hierarchy.levels,
        frequency=setup.demand.frequency,
        horizon=setup.spec.horizon_days,
        nodes=setup.hierarchy.nodes["unique_id"].to_numpy().astype(str),
        level=setup.hierarchy.nodes["level"].to_numpy().astype(np.int64),
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
    return finish_forecast(setup, fitted, answer.mean, parts, missed, learnt, progress)
