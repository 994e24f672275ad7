from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from forecasting.nodes.base_fit import BaseFits

from forecasting.choosing.backtest import OriginResult, backtest
from forecasting.choosing.candidates import make_candidates
from forecasting.choosing.choose import Choice, choose
from forecasting.choosing.contest import Holder, judge, with_champion
from forecasting.nodes.origin import origin_at
from forecasting.publishing.promotion import CHAMPION, PromotionRule, total_score
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

HIERARCHY = build_hierarchy([[], ["location"], ["location", "product"]], LEAVES)
DEMAND = make_demand(weekly_units(120))
ACTUAL = HIERARCHY.sum_leaves(DEMAND.units[HIERARCHY.leaf_rows])
CUTOFF = date(2026, 5, 1)


@pytest.fixture(scope="module")
def results() -> list[OriginResult]:
    candidates = make_candidates(["WLSS additive", "seasonal_naive", "naive"], BaseFits())
    return [
        backtest(origin_at(DEMAND, HIERARCHY, days_known=days, horizon=7), ACTUAL, candidates)
        for days in (92, 99, 106)
    ]


def scored(
    results: list[OriginResult], holder: Holder | None
) -> tuple[Choice, "object", float | None]:
    histories = [ACTUAL[:, :days] for days in (92, 99, 106)]
    choice, scores = choose(HIERARCHY, results, histories)
    scores = with_champion(HIERARCHY, scores, results, histories, choice, holder)
    return choice, scores, total_score(scores, CHAMPION)


def test_a_champion_is_scored_on_the_same_origins_by_its_own_weights(
    results: list[OriginResult],
) -> None:
    single = Holder(CUTOFF, {"winner": "naive", "weights": {"naive": 1.0}})
    choice, scores, champion = scored(results, single)
    assert champion == pytest.approx(total_score(scores, "naive"))  # type: ignore[arg-type]
    half = Holder(CUTOFF, {"weights": {"naive": 0.5, "seasonal_naive": 0.5}})
    _, _, mixed = scored(results, half)
    assert mixed is not None
    assert not np.isclose(mixed, champion or 0)
    assert choice.name != "naive"


@pytest.mark.parametrize(
    "holder", [None, Holder(CUTOFF, None), Holder(CUTOFF, {"weights": {"gone": 1.0}})]
)
def test_a_champion_that_cannot_be_tested_has_no_score(
    results: list[OriginResult], holder: Holder | None
) -> None:
    assert scored(results, holder)[2] is None


def test_an_old_champion_that_was_not_beaten_is_refitted_and_a_fresh_one_stays(
    results: list[OriginResult],
) -> None:
    best = Holder(CUTOFF, {"winner": "WLSS additive", "weights": {"WLSS additive": 1.0}})
    choice, scores, champion = scored(results, best)
    rule = PromotionRule(margin=0.5, champion_days_max=7)
    old = judge(choice, scores, best, cutoff=CUTOFF + timedelta(days=8), rule=rule)  # type: ignore[arg-type]
    assert old.choice.weights == {"WLSS additive": 1.0}
    assert old.score == old.champion_score == champion
    fresh = judge(choice, scores, best, cutoff=CUTOFF + timedelta(days=7), rule=rule)  # type: ignore[arg-type]
    assert fresh.choice == choice
    assert fresh.champion_score == champion
    first = judge(choice, scores, None, cutoff=CUTOFF, rule=rule)  # type: ignore[arg-type]
    assert first.choice == choice


def test_the_same_choice_is_no_worse_than_itself(results: list[OriginResult]) -> None:
    """Weights learnt on all origins are compared with weights learnt on all origins."""
    candidates = {"WLSS additive": 0.6, "seasonal_naive": 0.4}
    holder = Holder(CUTOFF, {"winner": "combination", "weights": candidates})
    choice, scores = choose(HIERARCHY, results, [ACTUAL[:, :days] for days in (92, 99, 106)])
    same = replace(choice, name="combination", weights=candidates)
    histories = [ACTUAL[:, :days] for days in (92, 99, 106)]
    scores = with_champion(HIERARCHY, scores, results, histories, same, holder)
    verdict = judge(same, scores, holder, cutoff=CUTOFF, rule=PromotionRule())
    assert verdict.score == pytest.approx(verdict.champion_score)
    assert verdict.choice == same
