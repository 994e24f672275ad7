"""The shelf's simple forecasts and scores, against the libraries and against sums written out; no data needed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks._shelf_baselines import (
    Past,
    croston_sba,
    lag,
    last_year_with_growth,
    plan_means,
    quick_baselines,
    recent_mean,
    seasonal_mean,
    tsb,
)
from benchmarks._shelf_ours import known_ahead
from benchmarks._shelf_panel import Plans, lay_out
from benchmarks._shelf_scores import deciles_between, rmsse, wql
from forecasting import QUANTILES, baseline, build_hierarchy

Array = NDArray[np.float64]
SEEDS = st.integers(0, 2**32 - 1)


def sparse(seed: int, n: int = 6, T: int = 40) -> Array:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n, T)) < 0.4, rng.poisson(4, (n, T)), 0).astype(np.float64)


def gappy(seed: int, n: int = 4, T: int = 30) -> Array:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((n, T)) < 0.5, np.nan, rng.gamma(2.0, 3.0, (n, T)))


@given(SEEDS)
def test_croston_is_the_library_s_when_demand_is_intermittent(seed: int) -> None:
    Y = sparse(seed)
    theirs = baseline("Croston", Y, 1).mean[:, 0]
    np.testing.assert_allclose(croston_sba(Y), theirs, rtol=1e-9, atol=1e-9)


@given(SEEDS)
def test_tsb_is_the_library_s_when_demand_is_intermittent(seed: int) -> None:
    Y = sparse(seed)
    np.testing.assert_allclose(tsb(Y), baseline("TSB", Y, 1).mean[:, 0], rtol=1e-9, atol=1e-9)


@given(SEEDS, st.integers(1, 40))
def test_recent_mean_takes_older_values_when_the_window_is_unknown(seed: int, window: int) -> None:
    Y = gappy(seed)
    Y[:, -5:] = np.nan
    for y, made in zip(Y, recent_mean(Y, window), strict=True):
        known = y[np.isfinite(y)]
        inside = y[-window:][np.isfinite(y[-window:])]
        assert made == pytest.approx((inside if inside.size else known[-window:]).mean())


@given(SEEDS, st.integers(1, 25), st.integers(2, 40))
def test_lag_repeats_the_last_season_when_the_horizon_is_longer(
    seed: int, horizon: int, season: int
) -> None:
    Y, level = gappy(seed), np.full(4, -1.0)
    made = lag(Y, horizon, season, level)
    for step in range(horizon):
        at = Y.shape[1] + step - season
        while at >= Y.shape[1]:
            at -= season
        wanted = Y[:, at] if at >= 0 else np.full(4, np.nan)
        np.testing.assert_array_equal(made[:, step], np.where(np.isnan(wanted), -1.0, wanted))


@given(SEEDS, st.integers(2, 9), st.integers(1, 5))
def test_seasonal_mean_is_the_phase_s_mean_when_values_are_missing(
    seed: int, season: int, cycles: int
) -> None:
    Y = gappy(seed)
    made = seasonal_mean(Y, season, season, cycles)
    for step in range(season):
        at = [Y.shape[1] + step - season * back for back in range(1, cycles + 1)]
        of = Y[:, [place for place in at if place >= 0]]
        for row in range(4):
            known = of[row][np.isfinite(of[row])]
            if known.size:
                assert made[row, step] == pytest.approx(known.mean())


def test_last_year_doubles_when_demand_doubled() -> None:
    year = np.array([1.0, 2, 3, 4])
    made = last_year_with_growth(np.concatenate([year, 2 * year])[None, :], 4, 4, 4)
    np.testing.assert_allclose(made, 4 * year[None, :])


def test_plan_means_know_promotions_and_closed_periods() -> None:
    hierarchy = build_hierarchy([[], ["product"]], pd.DataFrame({"product": ["a", "b"]}))
    planned = np.array([[0, 1, 0, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0, 1]], dtype=np.bool_)
    closed = np.zeros_like(planned)
    closed[0, 6] = True
    leaves = np.array([[1.0, 5, 1, 7, 1], [2, 2, 2, 2, 2]])
    past = Past(hierarchy, hierarchy.sum_leaves(leaves), "W", 3, planned=planned, closed=closed)
    # a: 6 when promoted, shut in the second week, else 1; b was never promoted, so its mean stands in.
    wanted = np.array([[8.0, 2, 3], [6, 0, 1], [2, 2, 2]])
    np.testing.assert_allclose(plan_means(past), wanted)


@given(SEEDS, st.sampled_from(["D", "W", "M", "Q"]))
def test_baselines_are_finite_and_not_negative_when_history_is_short_or_unknown(
    seed: int, frequency: str
) -> None:
    leaves = gappy(seed, n=3, T=9)
    leaves[0], leaves[1, :-1] = np.nan, np.nan
    hierarchy = build_hierarchy([["product"]], pd.DataFrame({"product": ["a", "b", "c"]}))
    for name, made in quick_baselines(Past(hierarchy, leaves, frequency, 20)).items():
        assert made.shape == (3, 20), name
        assert np.isfinite(made).all(), name
        assert (made >= 0).all(), name


def test_rmsse_scales_from_the_first_sale() -> None:
    past = np.array([[0.0, 0, 0, 1, 3], [0, 0, 0, 0, 0]])
    # One step of 2 since the first sale; the node that never sold is left out.
    assert rmsse(np.ones((2, 2)), np.full((2, 2), 5.0), past) == pytest.approx(4 / 2)


def test_wql_is_that_of_the_point_when_all_deciles_are_equal() -> None:
    came = np.array([[1.0, 3.0]])
    # Pinball losses of q and 1 - q add up to the absolute error, so the mean over symmetric deciles is half of it.
    assert wql(came, np.full((1, 2, 9), 2.0)) == pytest.approx(2 / 4)


def test_deciles_lie_between_the_quantiles() -> None:
    given_at = np.array(QUANTILES)
    np.testing.assert_allclose(
        deciles_between(given_at[None, None, :])[0, 0], np.arange(1, 10) / 10
    )


def test_gaps_count_as_the_set_says() -> None:
    frame = pd.DataFrame(
        {
            "product": [7, 7, 8],
            "day": ["2024-01-01", "2024-01-03", "2024-01-02"],
            "sold": [1, 2, 3],
        }
    )
    unknown = lay_out(frame, ["product"], "day", "sold", "D")
    np.testing.assert_array_equal(unknown.Y, [[1, np.nan, 2], [np.nan, 3, np.nan]])
    none = lay_out(frame, ["product"], "day", "sold", "D", gap=0.0)
    np.testing.assert_array_equal(none.Y, [[1, 0, 2], [0, 3, 0]])
    np.testing.assert_array_equal(none.column("sold"), unknown.Y)


def test_plans_end_with_the_horizon_and_the_usual_price_is_of_the_past() -> None:
    price = np.array([[2.0, 4, 2, 1, 9, 9], [np.nan] * 6])
    promoted = np.zeros((2, 6), dtype=np.bool_)
    plans = Plans(promoted, {"feature": promoted.astype(np.float64)}, price)
    ahead = known_ahead(plans, periods=3, horizon=2)
    assert ahead.regressors["feature"].values.shape == (2, 5)
    wanted = np.log(np.array([[2.0, 4, 2, 1, 9], [2, 2, 2, 2, 2]]) / 2)
    np.testing.assert_allclose(ahead.regressors["price"].values, wanted)
