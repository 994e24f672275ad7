from dataclasses import replace

import numpy as np
import pytest

from forecasting.nodes.origin import days_known_at, origin_at
from forecasting.structure.hierarchy import build_hierarchy
from stocktide.errors import Invalid
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

HIERARCHY = build_hierarchy([[], ["location"], ["location", "product"]], LEAVES)
DEMAND = make_demand(weekly_units(120))


def test_an_origin_does_not_look_beyond_its_last_day() -> None:
    units, empty = DEMAND.units.copy(), DEMAND.empty.copy()
    units[:, 100:], empty[:, 100:] = 1e6, True
    one = origin_at(DEMAND, HIERARCHY, days_known=100, horizon=7)
    other = origin_at(
        replace(DEMAND, units=units, empty=empty), HIERARCHY, days_known=100, horizon=7
    )
    for name in ("Y", "history", "open_leaves", "is_open", "observed_shares", "ended", "weight"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.cutoff == DEMAND.days[99].date()
    assert [day.date() for day in one.future] == [day.date() for day in DEMAND.days[100:107]]


def test_days_that_say_nothing_are_blank() -> None:
    units, empty = DEMAND.units.copy(), DEMAND.empty.copy()
    units[0, :30] = 0.0
    empty[1, [50, 51]] = True
    units[1, 51] = 0.0
    origin = origin_at(
        replace(DEMAND, units=units, empty=empty), HIERARCHY, days_known=120, horizon=7
    )
    leaves = origin.Y[-HIERARCHY.n_leaves :]
    first, second = (int(np.flatnonzero(HIERARCHY.leaf_rows == row)[0]) for row in (0, 1))
    assert np.isnan(leaves[first, :30]).all()
    # a day that sold the shelf empty says at least so much; one without a sale says nothing
    assert leaves[second, 50] == units[1, 50]
    assert np.flatnonzero(origin.cut_leaves[second]).tolist() == [50]
    assert np.isnan(leaves[second, 51])
    assert np.isfinite(origin.Y[0]).all()
    np.testing.assert_array_equal(origin.history[0], units.sum(axis=0))


def test_a_closing_day_is_closed_for_the_location_and_open_for_the_chain() -> None:
    units = DEMAND.units.copy()
    units[LEAVES["location"] == "S3", 6::7] = 0.0
    origin = origin_at(make_demand(units), HIERARCHY, days_known=119, horizon=7)
    shop = int(np.flatnonzero(HIERARCHY.nodes["unique_id"] == "S3")[0])
    assert not origin.is_open[shop, -1]
    assert origin.is_open[0].all()


def test_an_unknown_country_is_named() -> None:
    with pytest.raises(Invalid, match="Narnia"):
        origin_at(DEMAND, HIERARCHY, days_known=99, horizon=7, holidays_country="Narnia")


def test_origins_roll_by_the_horizon_and_need_a_past() -> None:
    assert days_known_at(200, 28, 4, least=28) == [88, 116, 144, 172]
    assert days_known_at(100, 28, 4, least=28) == [44, 72]
    assert days_known_at(30, 28, 4, least=28) == []
