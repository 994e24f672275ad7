from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from forecasting.choosing.backtest import OriginResult, backtest
from forecasting.choosing.candidates import make_candidates
from forecasting.choosing.choose import Choice, choose
from forecasting.choosing.contest import CurrentVersion, judge, with_champion
from forecasting.forecast import make_forecast
from forecasting.forecast_setup import make_setup
from forecasting.publishing.promotion import CHAMPION, PromotionRule, total_score
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

LEVELS = ((), ("location",), ("location", "product"))
HIERARCHY = build_hierarchy(LEVELS, LEAVES)
DEMAND = make_demand(weekly_units(120))
NAMES = ("WLSS additive", "seasonal_naive", "naive")
SPEC = ForecastSpec(levels=LEVELS, horizon_days=7, candidates=NAMES)
CUTOFF = date(2026, 5, 1)


@pytest.fixture(scope="module")
def results() -> list[OriginResult]:
    setup = make_setup(DEMAND, HIERARCHY, SPEC)
    tables = {known: setup.table(known) for known in (92, 99, 106, 113)}
    lesson = setup.lesson(113, tables, tables[113])
    assert len(lesson.tables) == 3
    answers = {c.name: c.answer(lesson) for c in make_candidates(NAMES)}
    return backtest(HIERARCHY, lesson.tables, answers)


def scored(
    results: list[OriginResult], champion: CurrentVersion | None
) -> tuple[Choice, pd.DataFrame, float | None]:
    choice, scores = choose(results)
    scores = with_champion(HIERARCHY, scores, results, choice, champion)
    return choice, scores, total_score(scores, CHAMPION)


def test_a_champion_is_scored_on_the_same_origins_by_its_own_weights(
    results: list[OriginResult],
) -> None:
    single = CurrentVersion(CUTOFF, {"winner": "naive", "weights": {"naive": 1.0}})
    choice, scores, champion = scored(results, single)
    assert champion == pytest.approx(total_score(scores, "naive"))
    half = CurrentVersion(CUTOFF, {"weights": {"naive": 0.5, "seasonal_naive": 0.5}})
    _, _, mixed = scored(results, half)
    assert mixed is not None
    assert not np.isclose(mixed, champion or 0)
    assert choice.name != "naive"


@pytest.mark.parametrize(
    "champion",
    [None, CurrentVersion(CUTOFF, None), CurrentVersion(CUTOFF, {"weights": {"gone": 1.0}})],
)
def test_a_champion_that_cannot_be_tested_has_no_score(
    results: list[OriginResult], champion: CurrentVersion | None
) -> None:
    assert scored(results, champion)[2] is None


def test_an_old_champion_that_was_not_beaten_is_refitted_and_a_fresh_one_stays(
    results: list[OriginResult],
) -> None:
    best = CurrentVersion(CUTOFF, {"winner": "WLSS additive", "weights": {"WLSS additive": 1.0}})
    choice, scores, champion = scored(results, best)
    rule = PromotionRule(margin=0.5, champion_days_max=7)
    old = judge(choice, scores, best, cutoff=CUTOFF + timedelta(days=8), rule=rule)
    assert old.choice.weights == {"WLSS additive": 1.0}
    assert old.score == old.champion_score == champion
    fresh = judge(choice, scores, best, cutoff=CUTOFF + timedelta(days=7), rule=rule)
    assert fresh.choice == choice
    assert fresh.champion_score == champion
    first = judge(choice, scores, None, cutoff=CUTOFF, rule=rule)
    assert first.choice == choice


def test_the_same_choice_is_no_worse_than_itself(results: list[OriginResult]) -> None:
    candidates = {"WLSS additive": 0.6, "seasonal_naive": 0.4}
    champion = CurrentVersion(CUTOFF, {"winner": "combination", "weights": candidates})
    choice, scores = choose(results)
    same = replace(choice, name="combination", weights=candidates)
    scores = with_champion(HIERARCHY, scores, results, same, champion)
    verdict = judge(same, scores, champion, cutoff=CUTOFF, rule=PromotionRule())
    assert verdict.score == pytest.approx(verdict.champion_score)
    assert verdict.choice == same


def test_a_champion_of_two_candidates_is_refitted_with_its_weights() -> None:
    """A champion of an earlier version may name several; what is published is their weighted mean."""
    weights = {"seasonal_naive": 0.5, "naive": 0.5}
    champion = CurrentVersion(date(2024, 1, 1), {"winner": "both", "weights": weights})
    spec = replace(SPEC, candidates=("seasonal_naive", "naive"), promotion_margin=0.9)
    made = make_forecast(DEMAND, HIERARCHY, spec, champion=champion)
    assert made.choice.weights == weights
    assert made.champion_score == made.score
    m = HIERARCHY.n_leaves
    leaves = DEMAND.units[HIERARCHY.leaf_rows]
    np.testing.assert_allclose(made.mean[-m:], (leaves[:, -7:] + leaves[:, -1:]) / 2, rtol=1e-6)
