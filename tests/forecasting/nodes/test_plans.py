from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.frames.frequency import Grid, grid_of
from forecasting.nodes import plans as module
from forecasting.nodes.known_ahead import EVENT_COLUMNS, KnownAhead, PlannedRegressor, Plans
from forecasting.nodes.plans import NEVER, Array, Periods, Spans, periods_of

M, PERIODS, HISTORY = 3, 6, 4
FIRST = 20_000

SPAN = st.tuples(
    st.integers(0, M - 1),
    st.integers(-3, 14),
    st.integers(0, 9),
    st.sampled_from([-1.0, 0.5, 2.0]),
    st.booleans(),
    st.integers(-1, HISTORY - 1),
    st.one_of(st.just(NEVER), st.integers(-1, HISTORY - 1)),
)
LAYER = st.lists(SPAN, max_size=5)


def spans(rows: list[tuple[Any, ...]]) -> Spans:
    """Rows of (leaf, first, length, value, relative, known_from, known_until)."""
    columns = [np.array([row[i] for row in rows]) for i in range(7)]
    leaf, first, length, value, relative, since, until = columns if rows else [np.zeros(0)] * 7
    return Spans(
        leaf=np.asarray(leaf, np.int64),
        first=np.asarray(first, np.int64),
        last=np.asarray(first + length, np.int64),
        value=np.asarray(value, np.float64),
        relative=np.asarray(relative, np.bool_),
        known_from=np.asarray(since, np.int64),
        known_until=np.asarray(until, np.int64),
    )


def day_by_day(
    layers: list[list[tuple[Any, ...]]], days: list[int], level: Array, start: int, known: int
) -> Array:
    """The same, one day and one plan after another."""
    out = np.zeros((M, len(days)))
    at = np.cumsum([0, *days])
    for leaf in range(M):
        for period in range(start, len(days)):
            total = 0.0
            for day in range(at[period], at[period + 1]):
                value = level[leaf]
                for layer in layers:
                    before = value
                    for row in layer:
                        _, first, length, amount, relative, since, until = row
                        covers = row[0] == leaf and first <= day <= first + length
                        if covers and since < known <= until:
                            value = before + amount if relative else amount
                total += value
            out[leaf, period] = total / days[period]
    return out[:, start:]


@settings(max_examples=150)
@given(
    layers=st.lists(LAYER, max_size=2),
    days=st.lists(st.integers(1, 4), min_size=PERIODS, max_size=PERIODS),
    known=st.integers(0, PERIODS),
    at_once=st.sampled_from([1, 7, 10_000]),
)
def test_plans_are_those_that_were_known_day_by_day(
    layers: list[list[tuple[Any, ...]]], days: list[int], known: int, at_once: int
) -> None:
    periods = Periods(FIRST, np.array(days))
    rest = np.arange(M * HISTORY, dtype=np.float32).reshape(M, HISTORY)
    plans = Plans(tuple(spans(layer) for layer in layers), np.arange(M), periods, rest)
    values = np.full((M, PERIODS), 9.0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "CELLS_AT_ONCE", at_once)
        told = PlannedRegressor(values, plans=plans).at(known)
        whole = plans.whole(known)
    level = rest[:, min(known, HISTORY) - 1].astype(float) if known else np.zeros(M)
    np.testing.assert_allclose(told[:, :known], values[:, :known])
    np.testing.assert_allclose(told[:, known:], day_by_day(layers, days, level, known, known))
    np.testing.assert_allclose(whole, day_by_day(layers, days, np.zeros(M), 0, known))


def test_leaves_of_one_group_share_their_plans() -> None:
    layer = spans([(1, 0, 9, 2.0, False, -1, NEVER)])
    plans = Plans((layer,), np.array([1, 0, 1, 1]), Periods(FIRST, np.ones(2, np.int64)))
    assert plans.whole(1).tolist() == [[2, 2], [0, 0], [2, 2], [2, 2]]


DAYS = pd.date_range("2027-01-01", periods=3, freq="D")


@pytest.mark.parametrize(
    ("days", "grid", "first", "counts"),
    [
        (DAYS, None, "2027-01-01", [1, 1, 1]),
        (pd.date_range("2027-01-04", periods=2, freq="7D"), "W", "2027-01-04", [7, 7]),
        (pd.date_range("2027-01-01", periods=3, freq="MS"), "M", "2027-01-01", [31, 28, 31]),
        (pd.date_range("2027-01-31", periods=3, freq="ME"), "M", "2027-01-01", [31, 28, 31]),
        (pd.date_range("2027-01-01", periods=2, freq="QS"), "Q", "2027-01-01", [90, 91]),
        (pd.date_range("2027-03-31", periods=2, freq="QE"), "Q", "2027-01-01", [90, 91]),
    ],
)
def test_periods_hold_the_days_that_their_dates_stand_for(
    days: pd.DatetimeIndex, grid: Any, first: str, counts: list[int]
) -> None:
    on: Grid | None = None if grid is None else grid_of(days, grid)
    periods = periods_of(days, on)
    assert pd.Timestamp(periods.first_day, unit="D") == pd.Timestamp(first)
    assert periods.days.tolist() == counts
    inside = periods.first_day + np.array([-1, 0, counts[0] - 1, counts[0], 10_000])
    assert periods.position(inside).tolist() == [-1, 0, 0, 1, len(counts) - 1]


def test_events_are_those_that_were_known_at_the_end_of_a_day() -> None:
    def event(name: str, recorded: int) -> dict[str, Any]:
        day = pd.Timestamp("2027-06-01")
        values = (name, day, 0, 0, DAYS[recorded])
        return dict(zip(EVENT_COLUMNS, values, strict=True))

    ahead = KnownAhead(
        events=pd.DataFrame([event("stays", 1)]),
        ended_events=pd.DataFrame([{**event("ended", 0), "withdrawn": DAYS[2]}]),
    )
    known = [ahead.events_at(day)["name"].tolist() for day in DAYS]
    assert known == [["ended"], ["stays", "ended"], ["stays"]]
    assert list(ahead.events_at(DAYS[1]).columns) == list(EVENT_COLUMNS)
