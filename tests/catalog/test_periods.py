from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from catalog.frames import read_frame
from catalog.nodes import read_parts, read_paths, what_moved
from catalog.periods import last_days, periods_from, periods_up_to, sum_by_period
from catalog.stock_outs import stock_out_chances
from forecasting.frames.frequency import Frequency, Grid
from forecasting.publishing.publish import publish, store_run
from stocktide.domain.rhythm import RHYTHMS, rhythm_of
from tests.conftest import Api
from tests.dashboard.versions import HORIZON, by_period

TODAY = date(2026, 3, 20)


@given(
    st.sampled_from(["D", "W", "M", "Q"]),
    st.dates(date(2020, 1, 1), date(2028, 1, 1)),
    st.integers(1, 30),
    st.integers(0, 800),
)
def test_periods_are_those_of_the_forecast(
    frequency: Frequency, day: date, count: int, ahead: int
) -> None:
    # forecasting counts on its own grids: the read side must come to the same days
    last = pd.Timestamp(day) + pd.offsets.MonthEnd(0) if frequency in "MQ" else pd.Timestamp(day)
    grid = Grid(frequency, last, at_end=frequency != "D")
    rhythm = rhythm_of(frequency)
    steps = np.arange(count)
    assert list(periods_from(last.date(), count, rhythm)) == list(grid.dates(steps))
    assert list(periods_up_to(last.date(), count, rhythm)) == list(grid.dates(steps - count + 1))
    days = pd.Series([last + timedelta(days=ahead), last - timedelta(days=ahead)])
    expected = grid.dates(grid.containing(pd.DatetimeIndex(days)))
    assert list(last_days(days, last.date(), rhythm)) == list(expected)


def test_sum_by_period_sums_numbers_and_keeps_what_was_true_once() -> None:
    frame = pd.DataFrame(
        {
            "day": pd.date_range("2026-03-07", periods=4),
            "sold": [1.0, 2.0, 3.0, 4.0],
            "censored": [False, True, False, False],
        }
    )
    summed = sum_by_period(frame, "day", date(2026, 3, 1), rhythm_of("W"))
    assert [f"{day:%m-%d}" for day in summed["day"]] == ["03-08", "03-15"]
    assert summed["sold"].tolist() == [3.0, 7.0]
    assert summed["censored"].tolist() == [True, False]
    assert sum_by_period(frame, "day", date(2026, 3, 1), rhythm_of("D")) is frame


def test_words_of_a_rhythm() -> None:
    said = [(r.counted(13), r.counted(1), r.each("kg")) for r in RHYTHMS.values()]
    assert said == [
        ("13 days", "1 day", "kg a day"),
        ("13 weeks", "1 week", "kg a week"),
        ("13 months", "1 month", "kg a month"),
        ("13 quarters", "1 quarter", "kg a quarter"),
    ]
    assert [rhythm.named(date(2026, 3, 31)) for rhythm in RHYTHMS.values()] == [
        "2026-03-31",
        "week to 31 Mar 2026",
        "Mar 2026",
        "quarter to Mar 2026",
    ]


@pytest.mark.parametrize("frequency", ["W", "M", "Q"])
def test_parts_and_paths_stand_at_the_periods_of_the_forecast(
    database: sa.Engine, frequency: Frequency
) -> None:
    publish(database, by_period(frequency, end=TODAY), run_id=None)
    parts = read_parts(database, 0)
    ahead = parts[parts["component"].isna()].set_index("ds")["units"]
    assert len(ahead) == HORIZON
    total = parts.dropna(subset=["component"]).groupby("ds")["units"].sum().tail(HORIZON)
    pd.testing.assert_series_equal(total, ahead, check_names=False, check_freq=False, rtol=1e-4)
    paths = read_paths(database, 0)
    assert list(paths["ds"].unique()) == list(ahead.index)


def test_versions_of_different_rhythms_are_not_compared(database: sa.Engine) -> None:
    numbers = [
        store_run(database, by_period(frequency, end=TODAY), run_id=None).forecast_run_id
        for frequency in ("M", "Q", "Q")
    ]
    first, second, third = numbers
    assert what_moved(read_parts(database, 0)) is not None
    pairs = {
        (now, before): read_frame(database, "disagreements", now=now, before=before, limit=5)
        for now, before in ((second, first), (third, second))
    }
    # months and quarters share the last day of March, and mean another span by it
    assert pairs[second, first].empty
    models = read_frame(database, "models", limit=5)
    assert models["frequency"].tolist() == ["Q", "Q", "M"]
    assert set(models["horizon"]) == {HORIZON}


@pytest.mark.parametrize(
    ("frequency", "first_day", "last_day"),
    [("W", "2026-03-16", "2026-03-22"), ("M", "2026-03-01", "2026-03-31")],
)
def test_forecasts_give_the_rhythm_and_both_ends_of_a_period(
    api: Api, database: sa.Engine, frequency: Frequency, first_day: str, last_day: str
) -> None:
    publish(database, by_period(frequency, end=TODAY), run_id=None)
    found = api.read.get("/v1/forecasts?node=0").json()
    run = found["run"]
    assert (run["frequency"], run["horizon"], run["one_day"]) == (frequency, HORIZON, False)
    assert found["nodes"][0]["frequency"] == frequency
    assert (found["days"][0]["first_day"], found["days"][0]["ds"]) == (first_day, last_day)
    assert len(found["days"]) == HORIZON
    spans = [(day["first_day"], day["ds"]) for day in found["days"]]
    for (_, before), (after, _) in pairwise(spans):
        assert date.fromisoformat(after) == date.fromisoformat(before) + timedelta(days=1)


def test_a_product_tells_the_rhythm_of_its_forecast(api: Api, database: sa.Engine) -> None:
    with database.begin() as connection:
        connection.execute(sa.text("INSERT INTO products (sku) VALUES ('Milk')"))
    publish(database, by_period("M", end=TODAY), run_id=None)
    milk = api.read.get("/v1/products/Milk").json()
    assert milk["forecast_run"]["frequency"] == "M"
    assert (milk["forecast"][0]["first_day"], milk["forecast"][0]["ds"]) == (
        "2026-03-01",
        "2026-03-31",
    )


def shelf_in(database: sa.Engine, zone: str) -> None:
    """One unit of apples at S1."""
    with database.begin() as connection:
        connection.execute(sa.text("INSERT INTO products (sku) VALUES ('Apples')"))
        connection.execute(
            sa.text("INSERT INTO locations (code, timezone) VALUES ('S1', :zone)"), {"zone": zone}
        )
        connection.execute(
            sa.text(
                "INSERT INTO stock (product_id, location_id, on_hand_milli, known)"
                " SELECT product_id, location_id, 1, true FROM products, locations"
            )
        )


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
@pytest.mark.parametrize("days_old", [0, 3])
@pytest.mark.parametrize("frequency", ["D", "W", "M"])
def test_running_out_takes_the_week_from_the_shop_s_own_today(
    database: sa.Engine, frequency: Frequency, days_old: int, zone: str
) -> None:
    today = datetime.now(ZoneInfo(zone)).date()
    made = by_period(frequency, end=today - timedelta(days=days_old))
    publish(database, made, run_id=None)
    shelf_in(database, zone)
    nodes = made.hierarchy.nodes
    leaf = int(nodes[(nodes["location"] == "S1") & (nodes["product"] == "Apples")].index[0])
    start = max(made.cutoff, today - timedelta(days=1))
    days = pd.date_range(start + timedelta(days=1), periods=7)
    lasts = made.regular.dates(made.regular.containing(days))
    mean = pd.Series(made.mean[leaf], index=made.ahead)
    length = (made.regular.last_days(lasts) - made.regular.first_days(lasts)).days + 1
    [week] = read_frame(database, "running_out")["week"]
    assert week == pytest.approx((mean[lasts].to_numpy() / length.to_numpy()).sum())


@pytest.mark.parametrize(("frequency", "days"), [("D", 3), ("D", 7), ("W", 9)])
def test_a_shelf_runs_out_in_the_futures_that_want_more_than_is_there(
    database: sa.Engine, frequency: Frequency, days: int
) -> None:
    today = datetime.now(UTC).date()
    made = by_period(frequency, end=today - timedelta(days=3))
    nodes = made.hierarchy.nodes
    leaf = int(nodes[(nodes["location"] == "S1") & (nodes["product"] == "Apples")].index[0])
    paths = np.random.default_rng(days).gamma(1.0, 5.0, (len(nodes), 20, HORIZON))
    publish(database, replace(made, paths=paths.astype(np.float32)), run_id=None)
    shelf_in(database, "UTC")
    ahead = pd.date_range(max(made.cutoff, today - timedelta(days=1)), periods=days + 1)[1:]
    lasts = made.regular.dates(made.regular.containing(ahead))
    length = (made.regular.last_days(lasts) - made.regular.first_days(lasts)).days + 1
    at = [list(made.ahead).index(last) for last in lasts]
    wanted = (paths[leaf].astype(np.float32)[:, at] / length.to_numpy()).sum(axis=1)
    on_hand = float(np.median(wanted)) + 0.1
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE stock SET on_hand_milli = :m"), {"m": 1000 * on_hand})
    now = datetime.now(UTC)
    skus, codes, spans = ["Apples"] * 3, ["S1", "S1", "S9"], [days, 10_000, days]
    found = stock_out_chances(database, skus, codes, spans, now=now)
    share = float((wanted > on_hand).mean())
    assert found == [pytest.approx(share), None, None]
    assert 0 < share < 1
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE stock SET on_hand_milli = 0"))
    assert stock_out_chances(database, ["Apples"], ["S1"], [days], now=now) == [1.0]


def test_nothing_is_said_of_a_week_that_the_forecast_does_not_reach(database: sa.Engine) -> None:
    end = datetime.now(UTC).date() - timedelta(days=HORIZON - 2)
    publish(database, by_period("D", end=end), run_id=None)
    shelf_in(database, "UTC")
    assert read_frame(database, "running_out").empty
