from typing import Any

import pandas as pd
import pytest

from forecasting.assuming.event_factors import event_cells
from forecasting.frames.frequency import Frequency, grid_of
from forecasting.nodes.plan_leaves import SCOPE

LEAVES = pd.DataFrame({"location": ["S1", "S1", "S2"], "product": ["A", "B", "A"]}, dtype=object)
LEAVES = LEAVES.reindex(columns=[*SCOPE]).astype(object).where(lambda of: of.notna(), None)


def cells(
    frequency: Frequency, dates: pd.DatetimeIndex, *events: dict[str, Any]
) -> list[tuple[Any, ...]]:
    frame = pd.DataFrame(
        [{"days_before": 0, "days_after": 0, "name": "Fair", **event} for event in events]
    )
    frame["day"] = pd.to_datetime(frame["day"])
    laid = event_cells(frame, LEAVES, dates, grid_of(dates, frequency))
    return list(laid.itertuples(index=False, name=None))


def test_every_day_around_an_event_is_a_column_of_the_leaves_it_is_for() -> None:
    dates = pd.date_range("2026-05-01", periods=5)
    fair = {"day": "2026-05-02", "days_before": 2, "days_after": 1, "location": "S2"}
    # the day two before it lies before the first date
    assert cells("D", dates, fair) == [
        ("Fair", -1, 2, 0, 1.0),
        ("Fair", 0, 2, 1, 1.0),
        ("Fair", 1, 2, 2, 1.0),
    ]


def test_event_without_limits_reaches_all_leaves_once_a_day() -> None:
    dates = pd.date_range("2026-05-01", periods=5)
    fair = {"day": "2026-05-02"}
    assert cells("D", dates, fair, fair) == [("Fair", 0, leaf, 1, 1.0) for leaf in range(3)]


@pytest.mark.parametrize(
    ("frequency", "first", "step"), [("W", "2026-04-27", "7D"), ("M", "2026-04-01", "MS")]
)
def test_days_of_an_event_are_counted_in_weeks_and_months(
    frequency: Frequency, first: str, step: str
) -> None:
    dates = pd.date_range(first, periods=3, freq=step)
    days = [{"day": day, "days_before": 5, "product": "B"} for day in ("2026-05-04", "2026-05-05")]
    assert cells(frequency, dates, *days) == [("Fair", 0, 1, 1, 2.0)]


def test_event_of_months_that_are_dated_by_their_last_day_lies_in_its_month() -> None:
    dates = pd.DatetimeIndex(["2026-03-31", "2026-04-30", "2026-05-31"])
    assert cells("M", dates, {"day": "2026-05-04", "product": "B"}) == [("Fair", 0, 1, 2, 1.0)]
