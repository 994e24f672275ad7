from dataclasses import dataclass

import numpy as np
import pytest
from forecasting.choosing.mixture import learn_weights
from numpy.typing import NDArray

from forecasting.choosing.backtest import OriginResult, backtest, combine
from forecasting.choosing.candidates import CandidateForecast
from forecasting.choosing.choose import CHOSEN, COMBINATION, Choice, choose, untested
from forecasting.intervals.probabilities import QUANTILES
from forecasting.nodes.origin import Origin, origin_at
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

HIERARCHY = build_hierarchy([[], ["region"], ["location"], ["location", "product"]], LEAVES)
DEMAND = make_demand(weekly_units(140))
ACTUAL = HIERARCHY.sum_leaves(DEMAND.units[HIERARCHY.leaf_rows])
KNOWN = (84, 98, 112)


@dataclass(frozen=True)
class Knowing:
    """A candidate that knows what comes, off by a factor or by noise of its own."""

    name: str
    factor: float = 1.0
    noise: float = 0.0
    seed: int = 0
    coherent: bool = True
    blind_after: int = 10**9

    def forecast(self, origin: Origin) -> CandidateForecast:
        T, m = origin.days.size, HIERARCHY.n_leaves
        come = ACTUAL[-m:, T : T + origin.horizon]
        rng = np.random.default_rng((self.seed, T))
        factor = self.factor if self.blind_after >= T else 5.0
        leaves = come * factor + self.noise * rng.normal(size=come.shape)
        n = HIERARCHY.n_nodes
        return CandidateForecast(
            HIERARCHY.sum_leaves(leaves), np.ones((n, len(QUANTILES))), (None,) * n, self.coherent
        )


def origins() -> list[Origin]:
    return [origin_at(DEMAND, HIERARCHY, days_known=known, horizon=14) for known in KNOWN]


def run(*candidates: Knowing) -> tuple[list[OriginResult], Choice]:
    at = origins()
    results = [backtest(origin, ACTUAL, candidates) for origin in at]
    choice, scores = choose(HIERARCHY, results, [origin.history for origin in at])
    assert CHOSEN in set(scores["candidate"])
    assert set(scores["origin"]) == {origin.cutoff for origin in at}
    return results, choice


def test_the_nearest_candidate_is_chosen_by_its_margin() -> None:
    _, choice = run(Knowing("far", 1.5), Knowing("near", 1.1), Knowing("middle", 1.2))
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


def test_a_mixture_is_chosen_when_errors_of_its_own_cancel() -> None:
    noisy = [Knowing(f"noisy {seed}", noise=3.0, seed=seed) for seed in range(4)]
    _, choice = run(*noisy)
    assert choice.name == COMBINATION
    assert sum(choice.weights.values()) == pytest.approx(1.0)
    assert len(choice.weights) > 1
    # Four independent errors of one size halve it.
    assert choice.margin is not None
    assert 0.2 < choice.margin < 0.6


def test_a_mixture_is_not_taken_for_what_it_would_have_learnt_later() -> None:
    # On the first two origins "turning" is perfect, on the last one far off: weights learnt before it do not know.
    turning = Knowing("turning", 1.0, blind_after=KNOWN[1])
    _, choice = run(turning, Knowing("steady", 1.3))
    assert choice.name == "steady"


def test_what_is_not_coherent_or_not_complete_is_compared_and_never_chosen() -> None:
    results, choice = run(Knowing("best", 1.0, coherent=False), Knowing("other", 1.4))
    assert choice.name == "other"
    assert choice.runner_up is None
    assert "best" in set(results[0].scores["candidate"])


def test_a_choice_is_plain_json_and_an_untested_one_says_so() -> None:
    _, choice = run(Knowing("a", 1.1), Knowing("b", 1.2))
    told = choice.as_dict()
    assert told["winner"] == "a"
    assert told["weights"] == {"a": 1.0}
    assert told["levels"][0]["candidate"] == "a"
    bare = untested("WLSS additive").as_dict()
    assert (bare["winner"], bare["score"], bare["origins"]) == ("WLSS additive", None, 0)


def test_weights_find_the_perfect_candidate_and_never_fall_below_zero() -> None:
    candidates = [Knowing("perfect"), Knowing("high", 1.5), Knowing("higher", 1.6)]
    results = [backtest(origin, ACTUAL, candidates) for origin in origins()]
    level = HIERARCHY.nodes["level"].to_numpy()
    weights = learn_weights(results, ["perfect", "high", "higher"], level)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert min(weights.values()) >= 0
    assert max(weights, key=lambda name: weights[name]) == "perfect"
    assert learn_weights(results, ["perfect"], level) == {"perfect": 1.0}


def test_combining_keeps_coherence_and_the_heaviest_warnings() -> None:
    n = HIERARCHY.n_nodes

    def made(value: float, code: str | None) -> CandidateForecast:
        mean: NDArray[np.float64] = HIERARCHY.sum_leaves(np.full((HIERARCHY.n_leaves, 2), value))
        return CandidateForecast(
            mean, np.full((n, len(QUANTILES)), value), (code,) * n, coherent=True
        )

    both = combine({"a": made(1.0, "x"), "b": made(5.0, "y")}, {"a": 0.25, "b": 0.75})
    np.testing.assert_allclose(both.mean, HIERARCHY.sum_leaves(np.full((12, 2), 4.0)))
    assert set(both.warnings) == {"y"}
    assert both.coherent
