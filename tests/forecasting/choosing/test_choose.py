from collections.abc import Callable, Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.choosing.backtest import OriginResult, backtest, combine, score_combination
from forecasting.choosing.candidates import MIXTURE, Answer
from forecasting.choosing.choose import Choice, choose, total_scores, untested
from forecasting.choosing.scores import CHOSEN
from forecasting.choosing.tables import OriginTable
from forecasting.forecast_setup import make_setup
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

Array = NDArray[np.float64]
Way = Callable[[Array, int], Array]
LEVELS = ((), ("region",), ("location",), ("location", "product"))
HIERARCHY = build_hierarchy(LEVELS, LEAVES)
SPEC = ForecastSpec(levels=LEVELS, horizon_days=14, candidates=("naive",))


@pytest.fixture(scope="module")
def tables() -> list[OriginTable]:
    setup = make_setup(make_demand(weekly_units(140)), HIERARCHY, SPEC)
    return [setup.table(known) for known in (84, 98, 112)]


def off(factor: float) -> Way:
    """Miss what comes by a factor."""
    return lambda came, _origin: came * factor


def noisy(noise: float, seed: int) -> Way:
    """Miss what comes by noise of its own."""

    def forecast(came: Array, origin: int) -> Array:
        return came + noise * np.random.default_rng((seed, origin)).normal(size=came.shape)

    return forecast


def run(tables: list[OriginTable], ways: Mapping[str, Way]) -> tuple[list[OriginResult], Choice]:
    answers = {
        name: Answer(
            tables[-1].actual,
            tuple(
                HIERARCHY.sum_leaves(way(table.actual[-HIERARCHY.n_leaves :], at))
                for at, table in enumerate(tables)
            ),
        )
        for name, way in ways.items()
    }
    results = backtest(HIERARCHY, tables, answers)
    choice, scores = choose(results)
    assert CHOSEN in set(scores["candidate"])
    assert set(scores["origin"]) == {table.cutoff for table in tables}
    chosen, named = (scores[scores["candidate"] == name] for name in (CHOSEN, choice.name))
    np.testing.assert_array_equal(chosen["value"], named["value"])
    return results, choice


def test_the_nearest_candidate_is_chosen_by_its_margin(tables: list[OriginTable]) -> None:
    _, choice = run(tables, {"far": off(1.5), "near": off(1.1), "middle": off(1.2)})
    assert choice.name == "near"
    assert choice.weights == {"near": 1.0}
    assert choice.runner_up == "middle"
    # Errors are proportional to what is missed: a tenth against two tenths.
    assert choice.margin == pytest.approx(0.5)
    assert choice.origins == 3
    by_level = {w.level_name: w for w in choice.winners if w.demand_class == "all"}
    assert list(by_level) == ["total", "region", "location", "location / product"]
    assert {w.candidate for w in by_level.values()} == {"near"}
    assert by_level["total"].margin == pytest.approx(0.5)
    classes = {w.demand_class for w in choice.winners if w.level_name == "location / product"}
    assert classes > {"all", "smooth"}


def test_the_mixture_is_taken_unless_another_is_surely_better(tables: list[OriginTable]) -> None:
    # better on average by one origin alone, and worse at the two others
    lucky: Way = lambda came, at: came * (1.0, 1.25, 1.25)[at]  # noqa: E731 - a way in a line
    results, choice = run(tables, {MIXTURE: off(1.2), "lucky": lucky})
    assert total_scores(choose(results)[1]).drop(CHOSEN).idxmin() == "lucky"
    assert choice.name == MIXTURE
    assert choice.runner_up == "lucky"
    assert choice.margin is not None
    assert choice.margin < 0
    _, clear = run(tables, {MIXTURE: noisy(3.0, 0), "exact": noisy(0.3, 1)})
    assert clear.name == "exact"
    _, best = run(tables, {MIXTURE: off(1.05), "other": off(1.1)})
    assert best.name == MIXTURE


def test_one_origin_is_not_enough_to_leave_the_mixture(tables: list[OriginTable]) -> None:
    _, choice = run(tables[:1], {MIXTURE: off(1.4), "near": off(1.1)})
    assert choice.name == MIXTURE
    _, plain = run(tables[:1], {"far": off(1.4), "near": off(1.1)})
    assert plain.name == "near"


def test_a_candidate_that_lacks_a_level_is_compared_and_never_chosen(
    tables: list[OriginTable],
) -> None:
    def blind(came: Array, _origin: int) -> Array:
        return np.full_like(came, np.nan)

    results, choice = run(tables, {"blind": blind, "other": off(1.4)})
    assert choice.name == "other"
    assert choice.runner_up is None
    assert "blind" in set(results[0].scores["candidate"])


def test_a_choice_is_plain_json_and_an_untested_one_says_so(tables: list[OriginTable]) -> None:
    _, choice = run(tables, {"a": off(1.1), "b": off(1.2)})
    told = choice.as_dict()
    assert told["winner"] == "a"
    assert told["weights"] == {"a": 1.0}
    assert told["levels"][0]["candidate"] == "a"
    bare = untested("WLSS additive").as_dict()
    assert (bare["winner"], bare["score"], bare["origins"]) == ("WLSS additive", None, 0)


def test_combining_keeps_coherence_and_is_scored_like_a_candidate(
    tables: list[OriginTable],
) -> None:
    results, _ = run(tables, {"low": off(0.8), "high": off(1.4)})
    both = combine(results[0].forecasts, {"low": 2 / 3, "high": 1 / 3})
    np.testing.assert_allclose(both, tables[0].actual)
    scored = score_combination(HIERARCHY, results[0], "both", {"low": 2 / 3, "high": 1 / 3})
    errors = scored[scored["metric"] == "wape"]["value"].dropna()
    np.testing.assert_allclose(errors, 0.0, atol=1e-9)
    same = score_combination(HIERARCHY, results[0], "low", {"low": 1.0, "high": 0.0})
    own = results[0].scores[results[0].scores["candidate"] == "low"].reset_index(drop=True)
    np.testing.assert_allclose(same["value"], own["value"])
