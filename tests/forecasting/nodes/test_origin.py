from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from forecasting.choosing.tables import actuals_after
from forecasting.nodes.origin import origin_at
from forecasting.structure.hierarchy import build_hierarchy
from stocktide.foundation.errors import Invalid
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

HIERARCHY = build_hierarchy([[], ["location"], ["location", "product"]], LEAVES)
DEMAND = make_demand(weekly_units(120))
ALL = (
    "Y",
    "history",
    "sold",
    "open_leaves",
    "is_open",
    "observed_shares",
    "cut_leaves",
    "ended",
    "weight",
    "classes",
)


def test_an_origin_does_not_look_beyond_its_last_day() -> None:
    units, empty = DEMAND.units.copy(), DEMAND.empty.copy()
    units[:, 100:], empty[:, 100:] = 1e6, True
    one = origin_at(DEMAND, HIERARCHY, days_known=100, horizon=7)
    other = origin_at(
        replace(DEMAND, units=units, empty=empty), HIERARCHY, days_known=100, horizon=7
    )
    for name in ALL:
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
    # a day that sold the shelf empty wanted at least so much; one without a sale says nothing
    assert leaves[second, 50] > units[1, 50]
    assert origin.sold[-HIERARCHY.n_leaves :][second, 50] == units[1, 50]
    assert np.flatnonzero(origin.cut_leaves[second]).tolist() == [50]
    assert np.isnan(leaves[second, 51])
    assert np.isfinite(origin.Y[0]).all()
    np.testing.assert_array_equal(origin.history[0], units.sum(axis=0))


def test_a_node_says_nothing_where_none_of_its_leaves_does() -> None:
    units, empty = DEMAND.units.copy(), DEMAND.empty.copy()
    shop = (LEAVES["location"] == "S2").to_numpy()
    units[shop, 60:70], empty[shop, 60:70] = 0.0, True
    demand = replace(DEMAND, units=units, empty=empty)
    origin = origin_at(demand, HIERARCHY, days_known=120, horizon=7)
    row = HIERARCHY.nodes["unique_id"].tolist().index("S2")
    assert np.flatnonzero(np.isnan(origin.Y[row])).tolist() == list(range(60, 70))
    assert np.isfinite(origin.Y[0]).all()
    told = actuals_after(demand, HIERARCHY, 58, 7)
    assert np.flatnonzero(np.isnan(told[row])).tolist() == [2, 3, 4, 5, 6]
    assert np.isfinite(told[0]).all()


def test_a_closing_day_is_closed_for_the_location_and_open_for_the_chain() -> None:
    units = DEMAND.units.copy()
    units[LEAVES["location"] == "S3", 6::7] = 0.0
    origin = origin_at(make_demand(units), HIERARCHY, days_known=119, horizon=7)
    shop = HIERARCHY.nodes["unique_id"].tolist().index("S3")
    assert not origin.is_open[shop, -1]
    assert origin.is_open[0].all()


def test_an_unknown_country_is_named() -> None:
    with pytest.raises(Invalid, match="Narnia"):
        origin_at(DEMAND, HIERARCHY, days_known=99, horizon=7, holidays_country="Narnia")


def longer(
    units: np.ndarray, nodes: pd.DataFrame
) -> dict[tuple[str, ...], tuple[pd.DataFrame, np.ndarray]]:
    return {("location",): (nodes, units)}


def test_a_coarse_level_may_know_more_of_the_past_than_its_leaves() -> None:
    shops = np.stack(
        [DEMAND.units[(LEAVES["location"] == s).to_numpy()].sum(axis=0) for s in ("S1", "S2", "S3")]
    )
    detail, empty = DEMAND.units.copy(), DEMAND.empty.copy()
    detail[:, :60], empty[:, :60] = 0.0, True
    detail[:, 60] = np.maximum(detail[:, 60], 1.0)  # no leaf starts later
    nodes = pd.DataFrame({"location": ["S3", "S2", "S1"]})
    demand = replace(DEMAND, units=detail, empty=empty, longer=longer(shops[::-1], nodes))
    origin = origin_at(demand, HIERARCHY, days_known=110, horizon=7)
    np.testing.assert_array_equal(origin.history[HIERARCHY.rows(1)], shops[:, :110])
    np.testing.assert_array_equal(origin.Y[HIERARCHY.rows(1)], shops[:, :110])
    assert np.isnan(origin.Y[-12:, :60]).all()
    np.testing.assert_array_equal(
        actuals_after(demand, HIERARCHY, 110, 7)[HIERARCHY.rows(1)], shops[:, 110:117]
    )
    short = replace(demand, longer=longer(shops[:2], nodes.iloc[:2]))
    with pytest.raises(Invalid, match="has no row for 'S1'"):
        origin_at(short, HIERARCHY, days_known=110, horizon=7)
