import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.publishing.promotion import (
    PromotionRule,
    champion_score,
    decide,
    error_score,
    total_score,
)
from tests.forecasting.publications import scores_of

SCORE = st.floats(1e-6, 1e6)
AGE = st.integers(0, 60)
RULE = st.builds(PromotionRule, margin=st.floats(0, 0.5), champion_days_max=st.integers(0, 30))


@given(champion=SCORE, challenger=SCORE, age=AGE, rule=RULE)
def test_decide_publishes_a_winner_and_an_old_champions_refit_alone(
    champion: float, challenger: float, age: int, rule: PromotionRule
) -> None:
    made = decide(champion, challenger, has_champion=True, age_days=age, rule=rule)
    wins = challenger <= champion * (1 - rule.margin) * (1 + 1e-9)
    old = age > rule.champion_days_max
    assert made.action == ("promote" if wins else "refit" if old else "keep")
    assert made.publishes == (wins or old)
    assert made.reason.endswith(".")


@given(champion=SCORE, challenger=SCORE, better=st.floats(0, 1), age=AGE, rule=RULE)
def test_decide_never_turns_a_better_challenger_down_where_it_takes_a_worse_one(
    champion: float, challenger: float, better: float, age: int, rule: PromotionRule
) -> None:
    worse = decide(champion, challenger, has_champion=True, age_days=age, rule=rule)
    less = decide(champion, challenger * better, has_champion=True, age_days=age, rule=rule)
    assert less.publishes or not worse.publishes


@given(score=SCORE, scale=st.floats(1e-3, 1e3), challenger=SCORE, rule=RULE)
def test_decide_does_not_depend_on_the_unit_of_the_score(
    score: float, scale: float, challenger: float, rule: PromotionRule
) -> None:
    if abs(challenger / (score * (1 - rule.margin)) - 1) < 1e-6:
        return  # at the edge rounding may decide either way
    one = decide(score, challenger, has_champion=True, age_days=0, rule=rule)
    other = decide(score * scale, challenger * scale, has_champion=True, age_days=0, rule=rule)
    assert one.action == other.action


@given(score=SCORE, age=AGE, rule=RULE)
def test_decide_takes_a_refit_of_the_same_choice_when_no_margin_is_asked(
    score: float, age: int, rule: PromotionRule
) -> None:
    same = decide(score, score, has_champion=True, age_days=age, rule=PromotionRule(0.0, 7))
    assert same.action == "promote"
    asked = decide(score, score, has_champion=True, age_days=age, rule=rule)
    if rule.margin > 1e-6:
        assert asked.action == ("refit" if age > rule.champion_days_max else "keep")


@pytest.mark.parametrize(
    ("champion", "challenger", "has_champion", "age", "action", "said"),
    [
        (None, None, False, 0, "promote", "first forecast"),
        (None, 0.9, False, 0, "promote", "first forecast"),
        (None, None, True, 0, "promote", "neither could the current version"),
        (0.9, None, True, 7, "keep", "could not be tested, and the current version was"),
        (0.9, None, True, 8, "promote", "has not seen the last 8 days (7 are allowed)"),
        (None, 0.9, True, 0, "promote", "could not be tested on the same days"),
        (1.0, 1.1, True, 7, "keep", "1.1 vs 1 of the current version on the same days, +10.0%"),
        (1.0, 1.1, True, 8, "refit", "but the current version has not seen the last 8 days"),
        (0.0, 1.0, True, 0, "keep", "a higher error is not allowed"),
        (1.0, 0.5, True, 0, "promote", "-50.0%"),
        (1.0, 1.0, True, 0, "promote", "Ties with the current version on the same days, error 1"),
    ],
)
def test_decide_says_why_in_words(
    champion: float | None,
    challenger: float | None,
    has_champion: bool,
    age: int,
    action: str,
    said: str,
) -> None:
    made = decide(
        champion, challenger, has_champion=has_champion, age_days=age, rule=PromotionRule()
    )
    assert made.action == action
    assert said in made.reason


def test_decide_names_the_margin_that_was_missed() -> None:
    made = decide(1.0, 0.99, has_champion=True, age_days=0, rule=PromotionRule(margin=0.02))
    assert made.action == "keep"
    assert "at least 2.0% lower is required" in made.reason


def test_total_score_weighs_origins_and_levels_alike() -> None:
    scores = scores_of({"chosen": 0.0}, origins=("2024-11-01", "2024-12-01"))
    scores["value"] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert total_score(scores, "chosen") == 3.5
    scores.loc[0, "value"] = float("nan")
    assert total_score(scores, "chosen") == (2.5 + 5.0) / 2
    lumpy = pd.concat([scores, scores.assign(demand_class="lumpy", value=99.0)])
    assert total_score(lumpy, "chosen") == (2.5 + 5.0) / 2


def test_total_score_takes_the_weighted_metric_where_there_is_one() -> None:
    scores = scores_of({"chosen": 1.0})
    assert (
        total_score(pd.concat([scores, scores.assign(metric="wrmsse", value=0.5)]), "chosen") == 0.5
    )
    assert total_score(scores.assign(metric="wape"), "chosen") is None


@pytest.mark.parametrize("scores", [None, scores_of({})])
def test_total_score_is_none_without_a_backtest(scores: pd.DataFrame | None) -> None:
    assert total_score(scores, "chosen") is None
    assert total_score(scores_of({"a": 1.0}), "chosen") is None


def test_champion_score_prefers_the_row_of_its_own() -> None:
    scores = scores_of({"chosen": 0.7, "a": 0.8, "champion": 0.75})
    assert champion_score(scores, {"winner": "a"}) == 0.75
    without = scores[scores["candidate"] != "champion"]
    assert champion_score(without, {"winner": "a"}) == pytest.approx(0.8)
    assert champion_score(without, {"winner": "gone"}) is None
    assert champion_score(without, {"weights": {"a": 1.0}}) is None
    assert champion_score(without, None) is None


def test_error_score_is_the_mean_over_levels_of_our_own_rmsse() -> None:
    errors = pd.DataFrame(
        [
            ("prophet", "rmsse", 0.5),
            ("prophet", "rmsse", 1.0),
            ("prophet", "wape", 9.0),
            ("seasonal_naive", "rmsse", 9.0),
            ("prophet", "rmsse", float("nan")),
        ],
        columns=["model", "metric", "value"],
    )
    assert error_score(errors) == 0.75
    assert error_score(errors[:0]) is None
