from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from forecasting.choosing.candidates import responses_of
from forecasting.choosing.tables import scene_of
from forecasting.experts.at_origin import (
    MANY_NODES,
    MANY_VARIANTS,
    OriginExperts,
    own_variants,
    parents_of,
)
from forecasting.experts.calendar import make_calendar
from forecasting.experts.cycles import CYCLES
from forecasting.experts.level import FACTOR_MAX, FACTOR_MIN, level_factors
from forecasting.experts.models import OWN_VARIANTS, SHAPE, fit_variant, handed_down
from forecasting.experts.simple import simple_forecasts
from forecasting.experts.terms import build_terms
from forecasting.frames.frequency import FREQUENCIES, Frequency
from forecasting.nodes.known_ahead import NOTHING
from forecasting.nodes.origin import Origin, origin_at
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

Array = NDArray[np.float64]

SOLD = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 3), st.integers(1, 120)),
    elements=st.sampled_from([0.0, np.nan, 1.0, 4.0, 30.0]),
)


@given(Y=SOLD, seed=st.integers(0, 99))
def test_a_level_factor_is_what_was_sold_over_what_was_fitted_in_a_window_that_tells(
    Y: Array, seed: int
) -> None:
    fitted = np.random.default_rng(seed).choice([0.0, 2.0, 5.0], Y.shape)
    windows = [w for w in (7, 14, 28) if w <= Y.shape[1]]
    factors = level_factors(Y, fitted, windows)
    assert factors.shape == (1 + len(windows), Y.shape[0])
    np.testing.assert_array_equal(factors[0], 1.0)
    for node in range(Y.shape[0]):
        wanted = slow_factors(Y[node], fitted[node], windows)
        np.testing.assert_allclose(factors[1:, node], wanted)


def slow_factors(y: Array, fitted: Array, windows: list[int]) -> list[float]:
    """Level factors of one series, from the longest window down."""
    if not windows:
        return []
    sales = [v for v in y[-max(windows) :] if v > 0]
    usual = sum(sales) / len(sales) if sales else 0.0
    found: list[float] = []
    for window in reversed(windows):
        pairs = [p for p in zip(y[-window:], fitted[-window:], strict=True) if not np.isnan(p[0])]
        sold, expected = sum(p[0] for p in pairs), sum(p[1] for p in pairs)
        ratio = min(max(sold / expected, FACTOR_MIN), FACTOR_MAX) if expected else 1.0
        found.insert(0, found[0] if found and expected < usual else ratio)
    return found


def test_a_window_in_which_no_sale_was_due_says_nothing_of_the_level() -> None:
    """A sale of 60 each 30 days: the last one was 20 days ago, and the next one is not due in two weeks."""
    days = np.arange(360)
    Y = np.where(days % 30 == 9, 60.0, 0.0)[None, :]
    fitted = np.full_like(Y, 1.0)
    np.testing.assert_allclose(
        level_factors(Y, fitted, (7, 14, 90, 180))[:, 0], [1.0, 2.0, 2.0, 2.0, 2.0]
    )


def slow_simple(y: Array, frequency: Frequency, horizon: int) -> dict[str, list[float]]:
    """Simple experts of one series, period by period, as their names say."""
    cycles, T = CYCLES[frequency], y.size

    def mean(values: list[float]) -> float:
        told = [v for v in values if not np.isnan(v)]
        return sum(told) / len(told) if told else 0.0

    found: dict[str, list[float]] = {}
    windows = [w for w in cycles.windows if w <= T]
    for window in windows:
        recent = list(y[T - window :])
        found[f"mean @{window}"] = [mean(recent)] * horizon
        if cycles.season > 1 and window >= 4 * cycles.season:
            found[f"seasonal mean @{window}"] = []
            for ahead in range(horizon):
                same = [y[t] for t in range(T - window, T) if (T + ahead - t) % cycles.season == 0]
                has = any(not np.isnan(v) for v in same)
                found[f"seasonal mean @{window}"].append(mean(same) if has else mean(recent))
    if not windows:
        found["mean"] = [mean(list(y))] * horizon
    if cycles.year + horizon > T:
        return found
    usual = mean(list(y[T - cycles.year :]))
    last = []
    for ahead in range(horizon):
        at = T + ahead
        while at >= T:
            at -= cycles.year
        last.append(usual if np.isnan(y[at]) else float(y[at]))
    found["last year"] = last
    for window in cycles.windows[1:]:
        if window + cycles.year <= T:
            above = below = 0.0
            for t in range(T - window, T):
                if not np.isnan(y[t]) and not np.isnan(y[t - cycles.year]):
                    above, below = above + y[t], below + y[t - cycles.year]
            growth = min(max(above / below, FACTOR_MIN), FACTOR_MAX) if below else 1.0
            found[f"last year x growth @{window}"] = [growth * v for v in last]
    return found


@settings(max_examples=60)
@given(
    frequency=st.sampled_from(FREQUENCIES),
    periods=st.integers(1, 420),
    horizon=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
)
def test_simple_experts_are_those_of_a_slow_reference(
    frequency: Frequency, periods: int, horizon: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    Y = rng.choice([0.0, np.nan, 1.0, 2.0, 9.0], (2, periods), p=[0.2, 0.2, 0.3, 0.2, 0.1])
    made = simple_forecasts(Y, CYCLES[frequency], horizon)
    for row, y in enumerate(Y):
        wanted = slow_simple(y, frequency, horizon)
        assert list(made) == list(wanted)
        for name, values in wanted.items():
            np.testing.assert_allclose(made[name][row], values, atol=1e-12)


HIERARCHY = build_hierarchy([[], ["location"], ["product"], ["location", "product"]], LEAVES)


def origin_of(units: Array, days_known: int, horizon: int = 14) -> Origin:
    return origin_at(make_demand(units), HIERARCHY, days_known=days_known, horizon=horizon)


def experts_at(origin: Origin) -> OriginExperts:
    dates = pd.DatetimeIndex(origin.days.append(origin.future))
    calendar = make_calendar(HIERARCHY, LEAVES, CYCLES["D"], dates, NOTHING)
    scene = scene_of(origin, calendar, origin.Y)
    return OriginExperts(scene, ("additive", "log1p"), (0, 1, 2, 3))


def test_experts_of_an_origin_are_known_by_name_and_never_negative() -> None:
    origin = origin_of(weekly_units(150), 150)
    maker = experts_at(origin)
    for level in range(4):
        models = maker.models(level)
        experts = maker.level(level, models)
        assert len(set(experts.names)) == len(experts.names) == experts.forecasts.shape[0]
        assert experts.forecasts.shape[1:] == (HIERARCHY.rows(level).size, 14)
        assert (experts.forecasts >= 0).all()
        assert np.isfinite(experts.forecasts).all()
        assert {"additive recent @0", "log1p whole @28", "mean @28", "ETS"} <= set(experts.names)
        above = {name for name in experts.names if name.startswith("shape of level")}
        assert {int(name.split()[3].rstrip(",")) for name in above} == set(
            parents_of(HIERARCHY, level)
        )


def test_a_pooled_child_takes_the_shape_of_its_parent() -> None:
    """A leaf that began 18 days ago has seen one end of a month; what the chain does each month it takes from there."""
    days, horizon = 400, 28
    units = np.full((12, days + horizon), 20.0)
    ends = pd.date_range("2025-01-06", periods=days + horizon)
    rush = (ends.day >= 26).astype(float)
    units *= 1.0 + 1.0 * rush
    units[1, : days - 18] = 0.0
    origin = origin_of(units[:, :days], days, horizon)
    maker = experts_at(origin)
    for level in range(3):
        maker.models(level)
    found = maker.level(3, maker.models(3))
    leaf = int(np.flatnonzero(HIERARCHY.leaf_rows == 1)[0])
    came = units[1, days:]
    errors = {
        name: float(np.sqrt(((forecast[leaf] - came) ** 2).mean()))
        for name, forecast in zip(found.names, found.forecasts, strict=True)
    }
    pooled = min(e for name, e in errors.items() if name.startswith("shape of level 0"))
    own = min(e for name, e in errors.items() if not name.startswith("shape"))
    assert pooled < 0.75 * own
    assert pooled < 0.25 * came.mean()


def test_a_shape_is_one_on_average_days_and_follows_the_week() -> None:
    dates = pd.date_range("2024-01-01", periods=420)
    week = np.array([1.0, 1, 1, 1, 1, 2, 1])[dates.dayofweek]
    Y = np.stack([50 * week, 3 * week])[:, :392]
    cycles = CYCLES["D"]
    terms = [(np.arange(2), build_terms(cycles, dates))]
    shape = handed_down(fit_variant(SHAPE, Y, dates, cycles, terms), dates.size)
    assert shape.shape == (2, 420)
    saturday, monday = shape[0, dates.dayofweek == 5], shape[0, dates.dayofweek == 0]
    np.testing.assert_allclose(saturday.mean() / monday.mean(), 2.0, rtol=0.05)


@pytest.mark.parametrize("response", ["additive", "log1p"])
@given(unit=st.sampled_from([1e-3, 1.0, 1e4]))
@settings(max_examples=3)
def test_an_additive_model_knows_no_unit(response: str, unit: float) -> None:
    dates, cycles = pd.date_range("2024-01-01", periods=134), CYCLES["D"]
    Y = weekly_units(120)[:3]
    terms = [(np.arange(3), build_terms(cycles, dates))]
    variant = next(v for v in OWN_VARIANTS if v.response == response)
    one = fit_variant(variant, Y, dates, cycles, terms).both
    other = fit_variant(variant, Y * unit, dates, cycles, terms).both
    if response == "additive":
        np.testing.assert_allclose(other, one * unit, rtol=1e-4)
    assert (other <= 10 * Y.max(axis=1, keepdims=True) * unit).all()


@pytest.mark.parametrize(
    "y",
    [[], [5.0], [np.nan] * 9, [0.0] * 40, [3.0] * 40, [np.nan, 4.0, np.nan], [1.0, 2.0]],
    ids=["none", "one", "unknown", "zero", "constant", "single", "two"],
)
@pytest.mark.parametrize("frequency", FREQUENCIES)
def test_odd_rows_have_finite_forecasts(y: list[float], frequency: Frequency) -> None:
    if not y:
        y = [np.nan]
    alias = {"D": "D", "W": "7D", "M": "MS", "Q": "QS"}[frequency]
    dates = pd.date_range("2024-01-01", periods=len(y) + 5, freq=alias)
    cycles = CYCLES[frequency]
    terms = [(np.arange(1), build_terms(cycles, dates))]
    Y = np.array([y])
    for variant in (*OWN_VARIANTS, SHAPE, replace(SHAPE, response="multiplicative")):
        both = fit_variant(variant, Y, dates, cycles, terms).both
        assert both.shape == (1, len(y) + 5)
        assert np.isfinite(both).all()
        assert both.min() >= 0
        if len(set(y)) == 1 and len(y) > 2 and np.isfinite(y[0]):
            np.testing.assert_allclose(both, y[0], rtol=0.02, atol=1e-9)


def test_large_levels_keep_few_variants_and_every_level_has_some() -> None:
    every = own_variants(MANY_NODES, ("additive", "log1p"))
    assert len(every) == 4
    many = own_variants(MANY_NODES + 1, ("additive", "log1p"))
    assert tuple(v.name for v in many) == MANY_VARIANTS
    assert len(own_variants(MANY_NODES + 1, ("log1p",))) == 1
    assert responses_of([]) == ()
    assert own_variants(10, ()) == ()


def test_shapes_come_from_the_root_and_the_nearest_levels() -> None:
    levels = [[], ["region"], ["location"], ["location", "department"], ["location", "product"]]
    hierarchy = build_hierarchy(levels, LEAVES)
    assert parents_of(hierarchy, 4) == (0, 2, 3)
    assert parents_of(hierarchy, 1) == (0,)
    assert parents_of(hierarchy, 0) == ()
