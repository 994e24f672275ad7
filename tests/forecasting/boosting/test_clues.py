from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.boosting.clues import Clues, clues_of, sales_clues
from forecasting.experts.calendar import make_calendar
from forecasting.nodes.demand import Demand
from forecasting.nodes.known_ahead import KnownAhead, PlannedRegressor
from forecasting.nodes.origin import Origin, origin_at
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

HIERARCHY = build_hierarchy([[], ["department"], ["location", "product"]], LEAVES)
T, HORIZON = 120, 14
FAIR = pd.DataFrame(
    {
        "name": "Fair",
        "day": pd.date_range("2025-01-06", periods=T + HORIZON)[[T - 3, T + 4]],
        "days_before": 1,
        "days_after": 1,
        "recorded": pd.NaT,
        "location": "S1",
    }
)


def row(product: str, location: str) -> int:
    """Return the position of a leaf in the hierarchy's order."""
    found = (LEAVES["product"] == product) & (LEAVES["location"] == location)
    return int(np.flatnonzero(HIERARCHY.leaf_rows == int(np.flatnonzero(found)[0]))[0])


def told(demand: Demand) -> tuple[Origin, Clues]:
    dates = pd.date_range("2025-01-06", periods=demand.days.size + HORIZON)
    origin = origin_at(demand, HIERARCHY, days_known=T, horizon=HORIZON)
    calendar = make_calendar(HIERARCHY, LEAVES, origin.cycles, dates, demand.ahead)
    return origin, clues_of(origin, calendar)


def test_sales_clues_count_zeros_and_periods_since_a_sale() -> None:
    units = np.array([[0, 0, 4, 0, 2, 0, 0, 2.0], [0, 0, 0, 0, 0, 0, 0, 0]])
    observed = np.ones(units.shape, dtype=np.bool_)
    observed[0, :2] = False
    found = sales_clues(units, observed, (1, 2, 4, 8))
    np.testing.assert_allclose(np.expm1(found["periods since a sale"]), [0, 8])
    np.testing.assert_allclose(np.expm1(found["age"]), [6, 0])
    np.testing.assert_allclose(np.expm1(found["units a period"]), [8 / 6, 0])
    np.testing.assert_allclose(found["share without a sale @4"], [0.5, 1.0])
    np.testing.assert_allclose(found["share without a sale @8"], [0.5, 1.0])
    spread = float(np.std([4.0, 0.0, 2.0, 0.0, 0.0, 2.0]))
    np.testing.assert_allclose(found["variation"], [spread / (8 / 6), 0.0])


def test_clues_tell_nothing_that_came_after_the_origin() -> None:
    units = weekly_units(T + HORIZON)
    later = units.copy()
    later[:, T:] = 1e6
    one, other = (told(make_demand(of))[1] for of in (units, later))
    leaves = np.arange(HIERARCHY.n_leaves)
    ours, theirs = one.rows(leaves), other.rows(leaves)
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name])


def test_events_reach_the_leaves_that_they_are_limited_to() -> None:
    demand = replace(make_demand(weekly_units(T + HORIZON)), ahead=KnownAhead(events=FAIR))
    clues = told(demand)[1].of_step
    here, elsewhere = row("P2", "S1"), row("P2", "S2")
    assert np.flatnonzero(clues["holiday"][here]).tolist() == [4]
    assert not clues["holiday"][elsewhere].any()
    to, since = np.expm1(clues["to a holiday"][here]), np.expm1(clues["since a holiday"][here])
    np.testing.assert_allclose(to[:5], [4, 3, 2, 1, 0], atol=1e-5)
    np.testing.assert_allclose(since[:7], [3, 4, 5, 6, 0, 1, 2], atol=1e-5)


def test_plans_are_told_of_a_leaf_of_its_siblings_and_of_late() -> None:
    shown = (np.random.default_rng(1).random((12, T + HORIZON)) < 0.3).astype(np.float64)
    units = weekly_units(T + HORIZON) * (1.0 + shown)
    ahead = KnownAhead(regressors={"display": PlannedRegressor(shown)})
    origin, clues = told(replace(make_demand(units), ahead=ahead))
    np.testing.assert_array_equal(clues.of_step["display"], shown[HIERARCHY.leaf_rows, T:])
    assert origin.uplift is not None
    moved: NDArray[np.float64] = np.log(origin.uplift)
    department = LEAVES["department"].to_numpy()[HIERARCHY.leaf_rows]
    for leaf in range(HIERARCHY.n_leaves):
        others = (department == department[leaf]) & (np.arange(12) != leaf)
        np.testing.assert_allclose(
            clues.of_step["siblings' plans"][leaf], moved[others, T:].mean(axis=0), rtol=1e-5
        )
        before = [moved[leaf, T + s - 14 : T + s].mean() for s in range(HORIZON)]
        np.testing.assert_allclose(clues.of_step["plans just before"][leaf], before, atol=1e-6)


def test_days_are_not_told_their_month_which_would_name_the_origin() -> None:
    clues = told(make_demand(weekly_units(T + HORIZON)))[1].of_date
    assert set(clues) == {"step", "weekday", "day of the month"}
    future = pd.date_range("2025-01-06", periods=T + HORIZON)[T:]
    assert clues["weekday"].tolist() == future.dayofweek.tolist()
    assert clues["day of the month"].tolist() == future.day.tolist()
