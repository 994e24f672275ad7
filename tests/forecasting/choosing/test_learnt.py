from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.choosing.expert_weights import LevelTrial
from forecasting.choosing.learnt import Present, learn_mixture, left_out_variance
from forecasting.choosing.tables import OriginTable, rows_of
from forecasting.experts.at_origin import LevelExperts
from forecasting.forecast_setup import make_setup
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

Array = NDArray[np.float64]
LEVELS = ((), ("location",), ("location", "product"))
HIERARCHY = build_hierarchy(LEVELS, LEAVES)
ROWS = rows_of(HIERARCHY, (0, 1, 2))
SPEC = ForecastSpec(levels=LEVELS, horizon_days=7, candidates=("mixture",))


@pytest.fixture(scope="module")
def tables() -> list[OriginTable]:
    setup = make_setup(make_demand(weekly_units(120)), HIERARCHY, SPEC)
    return [setup.table(known) for known in (92, 99, 106, 113)]


def any_expert(_name: str) -> bool:
    return True


def present_of(table: OriginTable) -> Present:
    return Present(table.levels, table.splits, table.facts.moved)


def retold(table: OriginTable, factor: float) -> OriginTable:
    """Let other demand come after an origin."""
    actual = table.actual * factor
    levels = {
        level: replace(trial, actual=actual[HIERARCHY.rows(level)])
        for level, trial in table.levels.items()
    }
    return replace(table, actual=actual, levels=levels)


def no_split(name: str) -> bool:
    return not name.startswith("share of")


@pytest.mark.parametrize("factor", [0.0, 0.3, 5.0])
@pytest.mark.parametrize("origin", [0, 1, 2])
def test_an_origin_left_out_knows_nothing_of_what_came_after_it(
    tables: list[OriginTable], origin: int, factor: float
) -> None:
    now = present_of(tables[3])
    others = [*tables[:origin], retold(tables[origin], factor), *tables[origin + 1 : 3]]
    one = learn_mixture(tables[:3], now, ROWS, no_split)
    found = learn_mixture(others, now, ROWS, no_split)
    np.testing.assert_array_equal(found.left_out[origin], one.left_out[origin])
    # the present's weights did learn from it, and so did the other origins left out
    for level in ROWS:
        assert not np.allclose(found.weights[level].weights, one.weights[level].weights)
    at = (origin + 1) % 3
    assert not np.allclose(found.left_out[at], one.left_out[at])


def test_what_is_learnt_adds_up_to_the_experts_by_their_weights(tables: list[OriginTable]) -> None:
    now = present_of(tables[3])
    mixture = learn_mixture(tables[:3], now, ROWS, any_expert)
    for level, of in mixture.weights.items():
        np.testing.assert_allclose(of.weights.sum(axis=0), 1.0)
        experts = now.levels[level]
        here = [name for name in of.names if name in experts.names]
        share = of.weights[[of.names.index(name) for name in here]]
        own = experts.forecasts[[experts.names.index(name) for name in here]]
        made = np.einsum("cn,cnh->nh", share, own)
        split = [name for name in of.names if name not in experts.names]
        assert all(name.startswith("share of level") for name in split)
        assert bool(split) == (level > 0)
        if not split:
            np.testing.assert_allclose(made, mixture.base[HIERARCHY.rows(level)], rtol=1e-5)
        else:
            assert (made <= mixture.base[HIERARCHY.rows(level)] + 1e-6).all()


def test_a_candidate_of_some_experts_weighs_these_alone(tables: list[OriginTable]) -> None:
    def additive(name: str) -> bool:
        return name.startswith("additive ")

    mixture = learn_mixture(tables[:3], present_of(tables[3]), ROWS, additive)
    for of in mixture.weights.values():
        assert of.names
        assert all(additive(name) for name in of.names)
    # where a level has none of them, what it has stands in
    nobody = learn_mixture(tables[:3], present_of(tables[3]), ROWS, lambda _name: False)
    assert all(of.names for of in nobody.weights.values())


def test_without_an_origin_the_own_models_count_alike(tables: list[OriginTable]) -> None:
    mixture = learn_mixture([], present_of(tables[3]), ROWS, any_expert)
    assert mixture.left_out == ()
    for level, of in mixture.weights.items():
        assert all(name.startswith(("additive", "log1p", "multiplicative")) for name in of.names)
        assert len({name.rpartition("@")[2] for name in of.names}) == 1
        np.testing.assert_allclose(of.weights, 1 / len(of.names))
        assert np.isfinite(mixture.base[HIERARCHY.rows(level)]).all()


def test_one_origin_alone_is_left_out_by_its_own_weights(tables: list[OriginTable]) -> None:
    mixture = learn_mixture(tables[:1], present_of(tables[3]), ROWS, any_expert)
    assert len(mixture.left_out) == 1
    assert np.isfinite(mixture.left_out[0]).all()


def _table(actual: Array, scale: Array) -> OriginTable:
    n = actual.shape[0]
    trial = LevelTrial(
        ("a",), np.zeros((1, *actual.shape), np.float32), actual, scale, np.full(n, 1 / n)
    )
    return OriginTable(1, None, actual, {0: trial}, {0: ()}, {}, None)  # type: ignore[arg-type]


def variance_of(missed: Array, scale: Array | None = None) -> Array:
    """Measure the variance (n,) of forecasts of 10 that were missed by (O, n, h)."""
    n = missed.shape[1]
    scale = np.ones(n) if scale is None else scale
    base = np.full(missed.shape[1:], 10.0)
    of = [_table(base - one, scale) for one in missed]
    return left_out_variance(of, [base] * len(of), {0: np.arange(n)}, scale)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_variance_grows_with_the_errors_that_a_level_has_in_common(seed: int) -> None:
    rng = np.random.default_rng(seed)
    apart = rng.normal(size=(4, 30, 14))
    common = rng.normal(size=(4, 1, 14))
    together = (apart + 1.5 * common) / np.sqrt(1 + 1.5**2)
    alone, joint = variance_of(apart), variance_of(together)
    assert np.median(joint) > 3 * np.median(alone)
    # the same errors with signs of their own are no more than what each says
    np.testing.assert_allclose(np.median(alone), 1.0, rtol=0.8)


def test_a_single_node_has_the_variance_of_its_errors() -> None:
    missed = np.random.default_rng(1).normal(size=(40, 1, 14)) * 3
    np.testing.assert_allclose(variance_of(missed), [(missed**2).mean()], rtol=1e-6)


@given(seed=st.integers(0, 2**32 - 1), unit=st.sampled_from([1e-3, 1e4]))
def test_a_variance_scales_with_the_square_of_the_unit(seed: int, unit: float) -> None:
    missed = np.random.default_rng(seed).normal(size=(3, 5, 7)) * 2
    np.testing.assert_allclose(
        variance_of(missed * unit, np.full(5, unit**2)), variance_of(missed) * unit**2, rtol=1e-6
    )


def test_a_node_of_few_origins_leans_to_its_level_in_units_of_its_own_scale() -> None:
    rng = np.random.default_rng(2)
    scale = np.array([1.0, 100.0, 1.0, 100.0])
    missed = rng.normal(size=(2, 4, 50)) * np.sqrt(scale)[:, None]
    missed[:, 0] = 0.0
    found = variance_of(missed, scale)
    # three origins of the level's against two of its own
    assert 0.2 < found[0] < 0.8
    assert found[1] > 30


def test_what_is_not_known_counts_as_no_error_and_odd_scales_give_finite_variances() -> None:
    missed = np.full((2, 3, 4), np.nan)
    assert np.isfinite(variance_of(missed)).all()
    missed[:, 0] = 1.0
    scale = np.array([1.0, np.inf, np.inf])
    found = variance_of(missed, scale)
    assert np.isfinite(found).all()
    assert (found > 0).all()


def test_levels_without_models_have_no_variance() -> None:
    base = np.full((2, 3), 1.0)
    table = _table(base, np.ones(2))
    found = left_out_variance([table], [base], {0: np.arange(2)}, np.ones(5))
    assert np.isnan(found[2:]).all()


def test_experts_of_the_present_alone_are_left_out(tables: list[OriginTable]) -> None:
    now = present_of(tables[3])
    more = {
        level: LevelExperts(
            ("new @0", *experts.names),
            np.concatenate([experts.forecasts[:1] * 9, experts.forecasts]),
        )
        for level, experts in now.levels.items()
    }
    one = learn_mixture(tables[:3], now, ROWS, any_expert)
    other = learn_mixture(tables[:3], replace(now, levels=more), ROWS, any_expert)
    np.testing.assert_allclose(other.base, one.base)
