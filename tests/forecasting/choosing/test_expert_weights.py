import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.choosing.expert_weights import (
    LevelTrial,
    change_scale,
    common_names,
    expert_weights,
    level_losses,
    mixed,
    node_errors,
    overall_losses,
)
from forecasting.choosing.origins import teaching_origins
from forecasting.experts.cycles import CYCLES
from forecasting.frames.frequency import FREQUENCIES, Frequency

Array = NDArray[np.float64]
NAMES = ("a", "b", "c", "d")


def trials(
    seed: int, *, origins: int = 3, n: int = 5, h: int = 7, sd: tuple[float, ...] = (1, 2, 3, 4)
) -> list[LevelTrial]:
    """Draw experts that miss by noise of a size each."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(origins):
        actual = rng.gamma(4.0, 5.0, (n, h))
        missed = np.array(sd)[:, None, None] * rng.normal(size=(len(sd), n, h))
        made.append(
            LevelTrial(
                NAMES[: len(sd)],
                (actual + missed).astype(np.float32),
                actual,
                rng.uniform(1, 9, n),
                np.full(n, 1 / n),
            )
        )
    return made


def weights_of(of: list[LevelTrial], use: list[int] | None = None) -> Array:
    losses = level_losses(of, of[0].names)
    use = list(range(len(of))) if use is None else use
    return expert_weights(losses, use, overall_losses({0: losses}, use))


@given(seed=st.integers(0, 2**32 - 1), origins=st.integers(1, 5), n=st.integers(1, 8))
def test_weights_sum_to_one_and_none_is_negative(seed: int, origins: int, n: int) -> None:
    weights = weights_of(trials(seed, origins=origins, n=n))
    assert weights.shape == (4, n)
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=0), 1.0)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_best_expert_gets_most_and_the_others_less_by_their_errors(seed: int) -> None:
    weights = weights_of(trials(seed, origins=6, n=20, h=14, sd=(1, 2, 4, 8)))
    assert (weights[0] > weights[1]).all()
    assert (weights[1] > weights[2]).all()
    assert (weights[2] >= weights[3]).all()


@given(seed=st.integers(0, 2**32 - 1), unit=st.sampled_from([1e-3, 1e4]))
def test_weights_know_neither_unit_nor_order(seed: int, unit: float) -> None:
    of = trials(seed)
    one = weights_of(of)
    scaled = [
        LevelTrial(
            t.names, t.forecasts * np.float32(unit), t.actual * unit, t.scale * unit**2, t.weight
        )
        for t in of
    ]
    np.testing.assert_allclose(weights_of(scaled), one, rtol=1e-3, atol=1e-6)
    order = np.random.default_rng(seed).permutation(5)
    turned = [
        LevelTrial(t.names, t.forecasts[:, order], t.actual[order], t.scale[order], t.weight[order])
        for t in of
    ]
    np.testing.assert_allclose(weights_of(turned), one[:, order], rtol=1e-6)


def test_a_node_leans_to_its_level_and_less_so_the_more_origins_tell_of_it() -> None:
    """All nodes but the first are forecast best by a; the first one by d."""

    def lean(origins: int) -> float:
        made = []
        for trial in trials(3, origins=origins, n=12, h=28, sd=(1, 1.6, 1.8, 2.0)):
            forecasts = trial.forecasts.copy()
            forecasts[0, 0], forecasts[3, 0] = trial.forecasts[3, 0], trial.forecasts[0, 0]
            made.append(LevelTrial(trial.names, forecasts, trial.actual, trial.scale, trial.weight))
        weights = weights_of(made)
        assert (weights[0, 1:] > weights[3, 1:]).all()
        return float(weights[3, 0] / (weights[0, 0] + weights[3, 0]))

    few, many = lean(1), lean(30)
    assert few < 0.6
    assert many > 0.9


def test_a_level_of_one_node_leans_to_what_all_levels_say() -> None:
    single, many = trials(1, n=1, sd=(2, 1, 3, 4)), trials(2, n=200, sd=(1, 2, 3, 4))
    losses = {0: level_losses(single, NAMES), 1: level_losses(many, NAMES)}
    use = [0, 1, 2]
    alone = expert_weights(losses[0], use, overall_losses({0: losses[0]}, use))
    beside = expert_weights(losses[0], use, overall_losses(losses, use))
    assert beside[0, 0] > alone[0, 0]
    # a level of many nodes hardly moves
    own = expert_weights(losses[1], use, overall_losses({1: losses[1]}, use))
    both = expert_weights(losses[1], use, overall_losses(losses, use))
    np.testing.assert_allclose(own, both, atol=0.02)


@given(seed=st.integers(0, 2**32 - 1))
def test_an_origin_that_tells_nothing_of_a_level_is_ignored(seed: int) -> None:
    of = trials(seed)
    untold = LevelTrial(
        of[0].names, of[0].forecasts, np.full_like(of[0].actual, np.nan), of[0].scale, of[0].weight
    )
    np.testing.assert_allclose(weights_of([*of, untold]), weights_of(of))
    assert np.isfinite(weights_of([untold])).all()


def test_a_node_without_scale_or_without_error_follows_its_level() -> None:
    of = trials(5, n=6)
    for trial in of:
        trial.scale[0] = np.inf
        trial.forecasts[:, 1] = trial.actual[1].astype(np.float32)
        trial.actual[1] = trial.forecasts[0, 1]
    weights = weights_of(of)
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(weights[:, 0], weights[:, 1])
    assert weights[0, 0] == weights[:, 0].max()


def test_experts_are_those_that_the_fullest_origins_have_and_others_tell_nothing() -> None:
    """A level of many nodes is fitted at some origins alone."""
    of = trials(1)
    shorter = LevelTrial(NAMES[1:], of[1].forecasts[1:], of[1].actual, of[1].scale, of[1].weight)
    assert common_names([of[0], shorter], ("d", "b", "a", "new")) == ("d", "b", "a")
    assert common_names([shorter], ("d", "b", "a", "new")) == ("d", "b")
    losses = level_losses([of[0], shorter, of[2]], NAMES)
    assert losses.told.tolist() == [True, False, True]
    use = [0, 1, 2]
    weights = expert_weights(losses, use, overall_losses({0: losses}, use))
    np.testing.assert_allclose(weights, weights_of([of[0], of[2]]))


def test_errors_count_known_periods_alone() -> None:
    actual = np.array([[1.0, np.nan, 3.0], [np.nan] * 3])
    forecasts = np.array([[[2.0, 9.0, 1.0], [1.0] * 3]])
    np.testing.assert_allclose(node_errors(forecasts, actual), [[2.5, 0.0]])


def test_a_scale_is_the_mean_squared_change_since_the_first_sale() -> None:
    Y = np.array([[0.0, 0, 2, 5, 5], [4.0] * 5, [np.nan, 1, np.nan, 1, 3], [0.0] * 5])
    np.testing.assert_allclose(change_scale(Y), [4.5, np.inf, 4.0, np.inf])


@given(seed=st.integers(0, 2**32 - 1))
def test_a_mixture_lies_between_its_experts(seed: int) -> None:
    of = trials(seed)
    made = mixed(weights_of(of), of[0].forecasts)
    assert (made >= of[0].forecasts.min(axis=0) - 1e-4).all()
    assert (made <= of[0].forecasts.max(axis=0) + 1e-4).all()


@given(
    frequency=st.sampled_from(FREQUENCIES),
    horizon=st.integers(1, 120),
    periods=st.integers(1, 1500),
    recent=st.integers(1, 6),
)
def test_origins_lie_before_the_end_once_each_and_know_enough(
    frequency: Frequency, horizon: int, periods: int, recent: int
) -> None:
    found = teaching_origins(CYCLES[frequency], horizon, periods, recent=recent)
    assert found == sorted(set(found))
    assert all(horizon <= known <= periods - horizon for known in found)


def test_the_season_ahead_was_last_seen_a_year_ago() -> None:
    daily = teaching_origins(CYCLES["D"], 28, 1000, recent=3)
    assert daily == [608, 636, 664, 916, 944, 972]
    # a horizon of a quarter is asked a year ago once
    assert teaching_origins(CYCLES["D"], 91, 1000, recent=1) == [636, 909]
    assert teaching_origins(CYCLES["M"], 6, 60, recent=2) == [48, 54]
    assert teaching_origins(CYCLES["D"], 28, 50, recent=3) == []


def test_a_short_history_has_origins_half_a_horizon_apart() -> None:
    # three origins six months apart would need 24 months before the last 6
    assert teaching_origins(CYCLES["M"], 6, 36, recent=3) == [18, 24, 30]
    assert teaching_origins(CYCLES["M"], 6, 24, recent=3) == [12, 15, 18]
    assert teaching_origins(CYCLES["M"], 6, 12, recent=3) == [6]
    assert teaching_origins(CYCLES["M"], 6, 11, recent=3) == []


@pytest.mark.parametrize("recent", [1, 3])
def test_no_origin_teaches_twice_where_a_year_ago_is_one_of_the_last(recent: int) -> None:
    found = teaching_origins(CYCLES["Q"], 4, 40, recent=recent)
    assert len(found) == len(set(found)) == recent


def test_a_trial_that_more_experts_join_errs_as_one_that_had_them_all() -> None:
    (whole,) = trials(3, origins=1)
    some = LevelTrial(whole.names[:2], whole.forecasts[:2], whole.actual, whole.scale, whole.weight)
    joined = some.joined_by(whole.names[2:], whole.forecasts[2:])
    assert joined.names == whole.names
    np.testing.assert_array_equal(joined.forecasts, whole.forecasts)
    np.testing.assert_array_equal(joined.errors, whole.errors)
