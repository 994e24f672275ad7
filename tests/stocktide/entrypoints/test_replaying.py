"""A replay orders by what was known: what comes later changes no order before it."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import (
    Demand,
    ForecastSpec,
    build_hierarchy,
    demand_of,
    from_long,
    known_demand,
    rolling_forecasts,
    sample_paths,
)
from forecasting.nodes.demand import with_probable_stock_outs
from replenishment import (
    Beside,
    Outlook,
    Outlooks,
    Replay,
    ReplayTerms,
    draws,
    fixed_lead_times,
    make_lines,
)

Units = NDArray[np.float64]

DAYS, FIRST, CHANGED, LINES = 91, 77, 84, 3
LEVELS = ((), ("product",))


def demand(units: Units) -> Demand:
    days = pd.date_range("2026-01-05", periods=len(units))
    names = np.array([f"P{number}" for number in range(units.shape[1])], dtype=object)
    frame = pd.DataFrame(
        {
            "unique_id": names.repeat(days.size),
            "ds": np.tile(days, names.size),
            "y": units.T.ravel(),
        }
    )
    return demand_of(from_long(frame), pd.DataFrame({"unique_id": names, "product": names}))


def orders(units: Units) -> Units:
    """Play the last two weeks, reviewed weekly; what was ordered on each day, (14, n)."""
    seen = demand(units)
    spec = ForecastSpec(
        levels=LEVELS, horizon_days=14, candidates=("seasonal_naive",), find_stock_outs=True
    )
    hierarchy = build_hierarchy(LEVELS, seen.leaves)
    made = (
        Outlook(
            one.periods_known - FIRST,
            sample_paths(one.made, one.days, count=50).values.transpose(1, 0, 2),
            before=one.made.past.expected.T,
        )
        for one in rolling_forecasts(seen, hierarchy, spec, first=FIRST, choose_every=2)
    )

    def known(period: int) -> Units:
        return units[: FIRST + period]

    terms = ReplayTerms(fixed_lead_times(1), review=3)
    lines = make_lines(np.full(LINES, 5.0))
    outlooks = Outlooks(made, known, span=terms.span)
    beside = Beside(lines, terms, outlooks.at, known, shares=(0.6, 0.9))
    played = Replay(lines, terms, draws(0, LINES))
    return np.array([played.step(beside.decide(0.95), one)[1] for one in units[FIRST:]])


def test_what_comes_later_changes_no_order_before_it() -> None:
    units = np.random.default_rng(5).poisson([2.0, 5.0, 1.0], (DAYS, LINES)).astype(float)
    other = units.copy()
    other[CHANGED:] = 40
    first, second = orders(units), orders(other)
    until = CHANGED - FIRST + 1
    assert (first[:until] == second[:until]).all()
    assert first[:until].any()
    # and it does change those after it
    assert (first[until:] != second[until:]).any()


def test_a_stock_out_is_found_when_it_is_over_and_not_before() -> None:
    units = np.full((DAYS, 1), 3.0)
    units[40:50] = 0
    seen = demand(units)
    assert not with_probable_stock_outs(known_demand(seen, 50)).empty.any()
    found = with_probable_stock_outs(known_demand(seen, 51)).empty
    assert np.flatnonzero(found[0]).tolist() == list(range(40, 50))
