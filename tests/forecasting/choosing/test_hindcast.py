"""What a forecast says of the past: with the promotions and weekdays of then, at the level of now."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasting import Forecast, ForecastSpec, build_hierarchy, make_forecast
from forecasting.choosing.hindcast import _back
from forecasting.experts.cycles import CYCLES
from forecasting.nodes.known_ahead import KnownAhead, PlannedRegressor
from tests.forecasting.demands import LEAVES, make_demand

LEVELS = ((), ("location", "product"))
DAYS, AHEAD, SEASONS = 126, 14, 13
UPLIFT = 2.0
RATES = np.tile([30.0, 20.0, 12.0, 8.0], 3)
WEEK = np.where(np.arange(DAYS + AHEAD) % 7 >= 5, 1.6, 0.76)
# The first leaf is on promotion in the past and on the first days ahead, the sixth in the past alone.
PROMOTED = np.zeros((12, DAYS + AHEAD), dtype=np.bool_)
PROMOTED[0, 20:27] = PROMOTED[0, 90:97] = PROMOTED[0, DAYS : DAYS + 7] = True
PROMOTED[5, 40:47] = PROMOTED[5, 110:117] = True
MEAN = RATES[:, None] * WEEK * np.where(PROMOTED, UPLIFT, 1.0)
EMPTY_LEAF, EMPTY = 2, slice(100, 107)


@pytest.fixture(scope="module")
def made() -> Forecast:
    units = np.random.default_rng(5).poisson(MEAN[:, :DAYS]).astype(float)
    empty = np.zeros(units.shape, dtype=np.bool_)
    empty[EMPTY_LEAF, EMPTY], units[EMPTY_LEAF, EMPTY] = True, 0
    told: Any = PlannedRegressor(PROMOTED.astype(np.float64))
    demand = replace(
        make_demand(units), empty=empty, ahead=KnownAhead(regressors={"promotion": told})
    )
    hierarchy = build_hierarchy(LEVELS, LEAVES)
    spec = ForecastSpec(
        levels=LEVELS, horizon_days=AHEAD, candidates=("WLSS additive",), backtest_origins=1
    )
    made = make_forecast(demand, hierarchy, spec)
    # rows in the order of the demand
    order = np.argsort(hierarchy.leaf_rows)
    past = replace(
        made.past,
        **{name: getattr(made.past, name)[order] for name in ("sold", "empty", "expected")},
    )
    return replace(made, past=past)


def test_the_past_is_expected_as_it_was_planned(made: Forecast) -> None:
    expected = made.past.expected[:, -7 * SEASONS :]
    true = MEAN[:, DAYS - 7 * SEASONS : DAYS]
    told = np.isfinite(expected)
    assert np.nansum(expected) == pytest.approx(true[told].sum(), rel=0.02)
    for leaf in (0, 5):
        on = PROMOTED[leaf, DAYS - 7 * SEASONS : DAYS]
        assert expected[leaf, on].sum() == pytest.approx(true[leaf, on].sum(), rel=0.15)
        assert expected[leaf, ~on].sum() == pytest.approx(true[leaf, ~on].sum(), rel=0.06)
    # weekends above weekdays, as it was
    weekend = WEEK[DAYS - 7 * SEASONS : DAYS] > 1
    ratio = np.nanmean(expected[:, weekend]) / np.nanmean(expected[:, ~weekend])
    assert ratio == pytest.approx(1.6 / 0.76, rel=0.1)


def test_empty_shelves_say_nothing_and_sales_are_kept_for_half_a_year(made: Forecast) -> None:
    past = made.past
    assert (past.days == pd.date_range("2025-01-06", periods=DAYS)).all()
    assert past.sold.shape == past.expected.shape == (12, DAYS)
    back = slice(EMPTY.start - DAYS, EMPTY.stop - DAYS)
    assert np.isnan(past.expected[EMPTY_LEAF, back]).all()
    assert past.empty[EMPTY_LEAF, back].all()
    assert np.isnan(past.expected[:, : DAYS - 7 * SEASONS]).all()


def test_experts_without_a_model_repeat_their_season_or_last_year() -> None:
    ahead = np.tile([[1.0, 2, 3, 4, 5, 6, 7]], (1, 2))
    Y = np.zeros((1, 500))
    said = _back("seasonal mean @28", ahead, Y, None, CYCLES["D"], 21)
    # the first period ahead and that of three weeks before are of one weekday
    assert said[0].tolist() == [1, 2, 3, 4, 5, 6, 7] * 3
    closed = np.ones(ahead.shape, dtype=np.bool_)
    closed[0, ::7] = False
    known = _back("seasonal mean @28", ahead * closed, Y, closed, CYCLES["D"], 7)
    assert known[0, 1:].tolist() == [2, 3, 4, 5, 6, 7]
    assert known[0, 0] == pytest.approx(4.5), "a weekday that is closed ahead is as the others"
    Y[0, 500 - 364 - 21 : 500 - 364], Y[0, 500 - 364 : 500 - 350] = 3, 6
    grown = _back("last year x growth @56", np.full((1, 14), 9.0), Y, None, CYCLES["D"], 21)
    assert grown[0].tolist() == pytest.approx([4.5] * 21)
    assert _back("last year", ahead[:, :12], Y, None, CYCLES["M"], 13)[0, -12:].tolist() == (
        ahead[0, :12].tolist()
    )
