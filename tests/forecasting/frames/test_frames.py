from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.frames.frames import from_long, from_wide
from forecasting.frames.frequency import Frequency, Grid, coarsest_grid
from stocktide.foundation.errors import Invalid

STARTS = {"D": "2026-01-30", "W": "2026-01-28", "M": "2026-01-01", "Q": "2026-01-01"}
ALIAS = {"D": "D", "W": "7D", "M": "MS", "Q": "QS"}


def long_frame(frequency: str = "D", *, points: int = 30) -> pd.DataFrame:
    ds = pd.date_range(STARTS[frequency], periods=points, freq=ALIAS[frequency])
    return pd.DataFrame(
        {
            "unique_id": np.repeat(["b", "a"], points),
            "ds": np.tile(ds, 2),
            "y": np.arange(2.0 * points),
        }
    )


@given(
    st.sampled_from(["D", "W", "M", "Q"]),
    st.booleans(),
    st.randoms(use_true_random=False),
    st.integers(0, 8),
)
def test_a_long_frame_goes_in_and_out_in_any_order_and_with_gaps(
    frequency: Frequency, at_end: bool, random: Any, gaps: int
) -> None:
    frame = long_frame(frequency)
    if at_end and frequency in ("M", "Q"):
        frame["ds"] = frame["ds"] + pd.offsets.MonthEnd(0)
    dropped = random.sample(range(1, 29), gaps)
    shuffled = frame.drop(index=dropped).sample(frac=1, random_state=random.randint(0, 99))
    before = shuffled.copy()
    series = from_long(shuffled)
    pd.testing.assert_frame_equal(shuffled, before)
    assert series.labels == ("a", "b")
    assert series.frequency == frequency
    assert list(series.days) == list(frame["ds"].iloc[:30])
    np.testing.assert_array_equal(series.Y[0], frame["y"].iloc[30:])
    assert np.isnan(series.Y[1, dropped]).all()
    assert np.isfinite(series.Y).sum() == len(shuffled)
    back = shuffled.sort_values(["unique_id", "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(series.to_long(), back)


@pytest.mark.parametrize(
    ("frequency", "following"),
    [("D", "2026-03-01"), ("W", "2026-08-26"), ("M", "2028-07-01"), ("Q", "2033-07-01")],
)
def test_the_future_goes_on_at_the_same_steps(frequency: str, following: str) -> None:
    future = from_long(long_frame(frequency)).future(3)
    assert future[0].date() == date.fromisoformat(following)
    expected = pd.date_range(future[0], periods=3, freq=ALIAS[frequency])
    assert list(future) == list(expected)


def test_month_ends_stay_month_ends() -> None:
    ds = pd.date_range("2025-11-30", periods=4, freq="ME")
    grid = coarsest_grid(ds)
    assert (grid.frequency, grid.at_end) == ("M", True)
    assert [day.date() for day in grid.following(ds[-1], 2)] == [
        date(2026, 3, 31),
        date(2026, 4, 30),
    ]


@pytest.mark.parametrize("day", ["2024-01-01", "2024-01-31", "2024-02-01", "2024-02-06"])
def test_a_single_date_of_several_series_is_a_day(day: str) -> None:
    frame = pd.DataFrame({"unique_id": ["a", "b"], "ds": [day, day], "y": [1.0, 2.0]})
    assert from_long(frame).frequency == "D"


@given(st.lists(st.dates(date(2000, 1, 1), date(2040, 1, 1)), min_size=1, unique=True))
def test_any_dates_lie_on_the_grid_that_is_found_for_them(days: list[date]) -> None:
    ds = pd.DatetimeIndex(days)
    grid = coarsest_grid(ds)
    assert grid.holds(ds).all()
    assert list(grid.dates(grid.steps(ds))) == list(ds)


def test_missing_values_and_regressors_are_carried() -> None:
    frame = long_frame().assign(price=2, promotion=True)
    frame.loc[3, "y"] = None
    series = from_long(frame, regressors=["price", "promotion"])
    assert np.isnan(series.Y[1, 3])
    assert set(series.regressors) == {"price", "promotion"}
    assert (series.regressors["promotion"] == 1.0).all()
    texts = frame.assign(ds=frame["ds"].dt.strftime("%Y-%m-%d"))
    again = from_long(texts, regressors=["price", "promotion"])
    np.testing.assert_array_equal(again.Y, series.Y)
    objects = frame.assign(y=frame["y"].astype(object).where(frame["y"].notna(), None))
    same = from_long(objects, regressors=["price", "promotion"])
    np.testing.assert_array_equal(same.Y, series.Y)


def test_one_zone_on_all_rows_means_the_day_on_its_clocks() -> None:
    frame = long_frame()
    zoned = frame.assign(ds=frame["ds"].dt.tz_localize("Europe/London"))
    assert list(from_long(zoned).days) == list(from_long(frame).days)


def test_a_frequency_that_is_given_is_kept() -> None:
    frame = long_frame("W", points=3)
    assert from_long(frame).frequency == "W"
    daily = from_long(frame, frequency="D")
    assert daily.Y.shape == (2, 15)
    with pytest.raises(
        Invalid, match=r"'b', row 0: 2026-01-28 is not one of the M dates 2026-01-01, 2026-02-01"
    ):
        from_long(frame, frequency="M")


def changed(row: int, column: str, value: object) -> pd.DataFrame:
    frame = long_frame()
    frame[column] = frame[column].astype(object)
    frame.loc[row, column] = value  # type: ignore[call-overload]  # any object: the point of the test
    return frame


MIXED = pd.concat(
    [long_frame(), long_frame("M", points=10).assign(unique_id=np.repeat(["m", "n"], 10))],
    ignore_index=True,
)


@pytest.mark.parametrize(
    ("frame", "code", "says"),
    [
        (long_frame().iloc[:0], "frame_empty", "no rows"),
        (long_frame().drop(columns="y"), "column_missing", "no column 'y'; it has unique_id, ds"),
        (
            long_frame().assign(price=1),
            "column_unknown",
            "'price' that is not among the regressors",
        ),
        (changed(4, "unique_id", None), "id_missing", "Row 4"),
        (changed(33, "ds", "soon"), "ds_invalid", "'a', row 33: ds 'soon' is not a date"),
        (
            changed(33, "ds", "01/02/2026"),
            "ds_invalid",
            "'a', row 33: ds '01/02/2026' is not a date",
        ),
        (changed(33, "ds", pd.NaT), "ds_invalid", "'a', row 33"),
        (long_frame().assign(ds=3), "ds_invalid", "numbers"),
        (
            changed(5, "ds", datetime(2026, 2, 4, tzinfo=UTC)),
            "ds_zone",
            r"'b', row 5: ds 2026-02-04.* has a time zone",
        ),
        (
            changed(5, "ds", datetime(2026, 2, 4, 7)),  # noqa: DTZ001 - without a zone, as the rows around it
            "ds_time",
            "'b', row 5: ds 2026-02-04 07:00:00 has a time",
        ),
        (changed(5, "ds", pd.Timestamp("2026-02-03")), "ds_duplicate", "'b', row 5.* second time"),
        (changed(40, "y", "12"), "value_text", "'a', row 40: y is '12'"),
        (changed(40, "y", True), "value_text", "'a', row 40: y is True"),
        (changed(40, "y", float("inf")), "value_infinite", "'a', row 40: y is inf"),
        (MIXED, "frequency_mixed", "'m', from row 60 on, has frequency M, others D"),
    ],
)
def test_a_bad_long_frame_names_series_and_row(frame: pd.DataFrame, code: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as raised:
        from_long(frame)
    assert raised.value.code == code


def test_an_unknown_frequency_is_named() -> None:
    with pytest.raises(Invalid, match="'H'; take D, W, M, Q"):
        from_long(long_frame(), frequency="H")  # type: ignore[arg-type]  # the point of the test


NODES = {"total": ["a", "b"]}


def wide_frame() -> pd.DataFrame:
    index = pd.date_range("2026-01-01", periods=5, freq="MS", name="ds")
    wide = pd.DataFrame({"a": [1.0, 2, 3, 4, 5], "b": 2.0}, index=index)
    return wide.assign(total=wide["a"] + wide["b"])


def test_a_wide_frame_with_nodes_becomes_a_hierarchy_and_its_series() -> None:
    hierarchy, series = from_wide(NODES, wide_frame().drop(index="2026-03-01").iloc[::-1])
    assert series.labels == ("total", "a", "b")
    assert series.frequency == "M"
    np.testing.assert_array_equal(series.Y[0], [3, 4, np.nan, 6, 7])
    assert hierarchy.n_leaves == 2


@pytest.mark.parametrize(
    ("wide", "code", "says"),
    [
        (wide_frame().iloc[:0], "frame_empty", "no rows"),
        (pd.concat([wide_frame(), wide_frame().iloc[:1]]), "ds_duplicate", "row 5"),
        (wide_frame().assign(a="x"), "value_text", "row 0: a is 'x'"),
        (wide_frame().assign(b=np.inf), "value_infinite", "b is inf"),
        (wide_frame().drop(columns="b"), "nodes_missing", "no column 'b'"),
        (wide_frame().reset_index(drop=True), "ds_invalid", "holds numbers"),
    ],
)
def test_a_bad_wide_frame_names_the_fault(wide: pd.DataFrame, code: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as raised:
        from_wide(NODES, wide)
    assert raised.value.code == code


def test_a_grid_counts_months_across_years() -> None:
    grid = Grid("Q", pd.Timestamp("2025-10-01"))
    np.testing.assert_array_equal(
        grid.steps(pd.DatetimeIndex(["2025-10-01", "2026-01-01", "2025-04-01"])), [0, 1, -2]
    )
