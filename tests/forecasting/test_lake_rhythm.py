"""The rhythm of demand from the lake: made by hand, and imported from the files of a weekly and a monthly export."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from etl import run_etl
from forecasting.lake_demand import read_demand
from forecasting.structure.levels import Levels
from ingest.files.importing import import_file
from ingest.ledger.dimensions import LocationIn, put_locations
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.forecasting.lakes import FIRST, demand_row, write_lake
from tests.ingest.tills import row, till, write

PAIRS: Levels = ((), ("location", "product"))
LATER = datetime(2026, 6, 1, tzinfo=UTC)


def dated(
    days: pd.DatetimeIndex, *, location: int = 1, product: int = 1
) -> list[dict[str, object]]:
    """Make a row for each of some days, which sell 1, 2, 3 …"""
    return [
        demand_row(product, location, (day.date() - FIRST).days, number)
        for number, day in enumerate(days, 1)
    ]


def every_day(days: int) -> list[dict[str, object]]:
    return [demand_row(1, 1, day, 1.0) for day in range(days)]


def test_a_daily_chain_stays_daily(tmp_path: Path) -> None:
    demand = read_demand(write_lake(tmp_path, every_day(40)), PAIRS, now=LATER)
    assert (demand.grid, demand.frequency, demand.units.shape) == (None, "D", (1, 40))
    assert demand.rhythm is not None
    assert demand.rhythm.reason.startswith("daily: ")


def test_a_daily_chain_is_summed_to_calendar_weeks_by_hand_without_the_ends(
    tmp_path: Path,
) -> None:
    # 2025-01-01 is a Wednesday: the first week begins on the 6th, the last whole one ends on Sunday the 9th of February
    lake = write_lake(tmp_path, every_day(41))
    demand = read_demand(lake, PAIRS, now=LATER, frequency="W")
    assert [day.date() for day in demand.days] == [
        date(2025, 1, 12) + timedelta(weeks=week) for week in range(5)
    ]
    np.testing.assert_array_equal(demand.units, [[7.0] * 5])
    assert demand.cutoff == date(2025, 2, 9)
    # the tenth is a Monday, and the eleventh is not over yet
    short = read_demand(lake, PAIRS, now=datetime(2025, 2, 9, 12, tzinfo=UTC), frequency="W")
    assert short.cutoff == date(2025, 2, 2)


def test_a_daily_chain_is_summed_to_months_and_quarters_by_hand(tmp_path: Path) -> None:
    lake = write_lake(tmp_path, every_day(365))
    months = read_demand(lake, PAIRS, now=LATER, frequency="M")
    assert months.units[0].tolist() == [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    quarters = read_demand(lake, PAIRS, now=LATER, frequency="Q")
    assert quarters.units[0].tolist() == [90, 91, 92, 92]
    assert [f"{day:%m-%d}" for day in quarters.days] == ["03-31", "06-30", "09-30", "12-31"]


def test_a_product_that_sold_only_in_the_part_that_is_left_out_is_no_leaf(tmp_path: Path) -> None:
    rows = [*every_day(41), demand_row(2, 1, 40, 5.0), demand_row(3, 1, 0, 5.0)]
    demand = read_demand(write_lake(tmp_path, rows), PAIRS, now=LATER, frequency="W")
    assert demand.leaves["product"].tolist() == ["P1"]


def test_no_whole_period_is_an_error_that_says_so(tmp_path: Path) -> None:
    lake = write_lake(tmp_path, every_day(20))
    with pytest.raises(NotFound, match="No whole month lies between the first sale on 2025-01-01"):
        read_demand(lake, PAIRS, now=LATER, frequency="M")


def test_a_weekly_chain_waits_for_the_end_of_a_week_that_its_date_begins(tmp_path: Path) -> None:
    mondays = pd.date_range("2025-01-06", periods=10, freq="7D")
    lake = write_lake(tmp_path, dated(mondays))
    demand = read_demand(lake, PAIRS, now=LATER)
    assert demand.units[0].tolist() == list(range(1, 11))
    assert demand.cutoff == date(2025, 3, 16)
    during = read_demand(lake, PAIRS, now=datetime(2025, 3, 14, 12, tzinfo=UTC))
    assert during.cutoff == date(2025, 3, 9)


def test_weeks_without_a_sale_are_zeros_and_weekly_sales_can_be_summed_to_months(
    tmp_path: Path,
) -> None:
    saturdays = pd.date_range("2025-01-04", periods=20, freq="7D").delete([4, 9])
    lake = write_lake(tmp_path, dated(saturdays))
    weekly = read_demand(lake, PAIRS, now=LATER)
    assert (weekly.units[0] == 0).sum() == 2
    assert weekly.cutoff == date(2025, 5, 17)
    months = read_demand(lake, PAIRS, now=LATER, frequency="M")
    assert [f"{day:%m-%d}" for day in months.days] == ["01-31", "02-28", "03-31", "04-30"]
    daily = read_demand(lake, PAIRS, now=LATER, frequency="D")
    assert daily.frequency == "D"
    assert daily.rhythm is not None
    assert daily.rhythm.warning is not None


def test_a_chain_of_daily_and_monthly_shops_is_daily_and_names_the_monthly_ones(
    tmp_path: Path,
) -> None:
    monthly = dated(pd.date_range("2025-01-31", periods=6, freq="ME"), location=2)
    demand = read_demand(write_lake(tmp_path, [*every_day(180), *monthly]), PAIRS, now=LATER)
    assert demand.frequency == "D"
    assert demand.rhythm is not None
    assert demand.rhythm.warning is not None
    assert "S2 (by month)" in demand.rhythm.warning


def test_two_empty_days_make_a_week_that_says_less_than_was_wanted(tmp_path: Path) -> None:
    rows = every_day(41)
    rows[12] = demand_row(1, 1, 12, 1.0, on_hand_milli=0, censored=True)
    rows[19] = demand_row(1, 1, 19, 1.0, on_hand_milli=0, censored=True)
    rows[20] = demand_row(1, 1, 20, 1.0, on_hand_milli=0, censored=True)
    demand = read_demand(write_lake(tmp_path, rows), PAIRS, now=LATER, frequency="W")
    assert demand.empty[0].tolist() == [False, False, True, False, False]


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_locations(connection, [LocationIn("S1", timezone="Europe/Berlin")])
    return Recorder(database, Settings())


@pytest.mark.parametrize(
    ("alias", "first", "frequency", "cutoff"),
    [("W-MON", "2025-01-06", "W", date(2025, 5, 25)), ("MS", "2025-01-01", "M", date(2026, 8, 31))],
)
def test_an_export_by_period_goes_from_its_file_to_demand_by_period(
    recorder: Recorder,
    tmp_path: Path,
    alias: str,
    first: str,
    frequency: str,
    cutoff: date,
) -> None:
    days = pd.date_range(first, periods=20, freq=alias)
    rows = [
        row(f"{sku}{number}", 10 * number + place, sku=sku, moment=f"{day:%Y-%m-%d} 00:00:00")
        for number, day in enumerate(days)
        for place, sku in enumerate(("A", "B"), 1)
    ]
    path = write(tmp_path / "export.csv", *rows)
    tally = import_file(path, till(), recorder, lambda _done, _total: None)
    assert tally.outcomes["accepted"] == 40
    lake = Lake(str(tmp_path / "lake"))
    run_etl(recorder.engine, lake)
    demand = read_demand(lake, PAIRS, now=datetime(2026, 11, 1, tzinfo=UTC))
    assert (demand.frequency, demand.cutoff) == (frequency, cutoff)
    np.testing.assert_array_equal(
        demand.units, 10 * np.arange(20)[None, :] + np.array([[1.0], [2.0]])
    )
    assert demand.rhythm is not None
    assert demand.rhythm.one_day
