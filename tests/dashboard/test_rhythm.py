"""Every page that shows a forecast, with one by week or month: no word of days where there are none."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from catalog.periods import last_days
from dashboard.theme import quantity
from forecasting.frames.frequency import Frequency
from forecasting.publishing.publish import Publication, store_run
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from stocktide.domain.rhythm import rhythm_of
from tests.dashboard.conftest import Dashboard, charts_of, text_of
from tests.dashboard.versions import by_period

TODAY = datetime.now(UTC).date()
# today is not over, so no period ends with it
YESTERDAY = TODAY - timedelta(days=1)
Open = Callable[..., Dashboard]


def sell(engine: sa.Engine, days: list[date]) -> None:
    """Land sales of one product in one shop, ten on each of the days."""
    with engine.begin() as connection:
        put_products(connection, [ProductIn("Apples", name="Apples", department="Fresh")])
        put_locations(connection, [LocationIn("S1", name="High Street")])
        for day in days:
            connection.execute(
                sa.text(
                    "INSERT INTO daily_demand SELECT product_id, location_id, :day, 10000, 0, 20000000, 1, NULL, 0, 0,"
                    " false, 5000, 1, false FROM products, locations"
                ),
                {"day": day},
            )
            connection.execute(
                sa.text(
                    "INSERT INTO location_daily SELECT location_id, :day, 10000, 0, 20000000, 1, 0, 1 FROM locations"
                ),
                {"day": day},
            )


@pytest.fixture(params=["W", "M", "Q"])
def frequency(request: pytest.FixtureRequest) -> Frequency:
    found: Frequency = request.param
    return found


@pytest.fixture
def made(database: sa.Engine, frequency: Frequency) -> Publication:
    """Two versions; the second one is published."""
    for trend in (1.0, 1.1):
        published = by_period(frequency, end=YESTERDAY, trend=trend)
        store_run(database, published, run_id=None)
    return published


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_forecasts_speak_of_their_own_periods(
    open_dashboard: Open, database_url: str, made: Publication, frequency: Frequency, theme: str
) -> None:
    one = rhythm_of(frequency).one
    dashboard = open_dashboard(database_url)
    (accuracy,) = charts_of(dashboard.draw("accuracy", theme=theme))
    drawn = dashboard.draw("forecasts", theme=theme, grain="week")
    said = text_of(drawn).replace("\\", "")
    fan, *tiles, moved, _, _ = charts_of(drawn)
    assert f"units a {one}" in fan
    assert re.search(r"units, \d+ [A-Z]", fan)
    assert "bands: 50, 80 and 95 % intervals" in fan
    assert "Dotted: seasonal naive" in fan
    assert "today so far" not in fan
    assert all(f"units a {one}" in tile for tile in tiles)
    assert len(tiles) == 3
    assert f"units over 14 {one}s" in moved
    assert f"of the held-out {one}s" in said
    assert f"trained to {made.cutoff}" in said
    assert "units a day" not in "".join([said, *charts_of(drawn)])
    # days cannot be had from longer periods
    assert not drawn.get("segmented_control")
    # the last of the tested periods begins the day after the last origin
    assert re.search(r"02 Oct( \d{4})? to", accuracy)
    assert "days tested" not in "".join([said, accuracy])
    totals = drawn.dataframe[0].value
    assert totals["total"].sum() == pytest.approx(made.mean[0].sum())


def test_forecasts_swap_bands_for_paths_by_period_too(
    open_dashboard: Open, database_url: str, made: Publication, frequency: Frequency
) -> None:
    assert made.paths is not None
    drawn = open_dashboard(database_url).draw("forecasts", paths="20")
    assert "20 possible futures" in charts_of(drawn)[0]
    assert f"units a {rhythm_of(frequency).one}" in charts_of(drawn)[0]


def test_experiments_speak_of_their_own_periods(
    open_dashboard: Open,
    database: sa.Engine,
    database_url: str,
    made: Publication,
    frequency: Frequency,
) -> None:
    rhythm = rhythm_of(frequency)
    drawn = open_dashboard(database_url).draw("experiments")
    said = text_of(drawn)
    assert f"units a {rhythm.one} over the 14 {rhythm.many} forecast by both" in said
    assert f"below one unit a {rhythm.one} come last" in said
    assert f"No actuals yet for the forecast {rhythm.many}" in said
    before = by_period(frequency, end=YESTERDAY, trend=1.0).mean[0].mean()
    change = before / made.mean[0].mean() - 1
    assert (
        f"{quantity(round(before, 1))} units a {rhythm.one} in total, {change:+.1%} vs now" in said
    )
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO forecast_drift VALUES (:day, 0, 'total', 2, 0.1, 0, 0.1, false, :f)"
            ),
            {"day": made.cutoff, "f": frequency},
        )
    drift = charts_of(open_dashboard(database_url).draw("experiments"))[-1]
    assert f"No alarms in 1 {rhythm.one}: error as expected" in drift
    assert f"WAPE of the {rhythm.one}" in drift


def test_products_add_days_up_to_the_periods_of_the_forecast(
    open_dashboard: Open,
    database: sa.Engine,
    database_url: str,
    made: Publication,
    frequency: Frequency,
) -> None:
    sell(database, [made.cutoff - timedelta(days=day) for day in range(40)])
    drawn = open_dashboard(database_url).draw("products", sku="Apples")
    sales, stock = charts_of(drawn)
    one = rhythm_of(frequency).one
    assert f"units a {one}, all locations. Bars: sold." in sales
    assert re.search(r"units expected, \d+ [A-Z]", sales)
    assert "units a day" not in sales
    assert "units on hand" in stock


def test_products_count_periods_where_a_product_has_no_forecast(
    open_dashboard: Open,
    database: sa.Engine,
    database_url: str,
    made: Publication,
    frequency: Frequency,
) -> None:
    sell(database, [made.cutoff - timedelta(days=day) for day in range(40)])
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE products SET sku = 'Pears'"))
    drawn = open_dashboard(database_url).draw("products", sku="Pears")
    rhythm = rhythm_of(frequency)
    ends = last_days(
        pd.Series(pd.date_range(end=made.cutoff, periods=40)), made.cutoff, rhythm
    ).nunique()
    assert f"400 units sold in {rhythm.counted(ends)}" in charts_of(drawn)[0]


def test_overview_adds_days_up_to_the_periods_of_the_forecast(
    open_dashboard: Open,
    database: sa.Engine,
    database_url: str,
    made: Publication,
    frequency: Frequency,
) -> None:
    one = rhythm_of(frequency).one
    since = (TODAY - made.cutoff).days
    sell(database, [made.cutoff + timedelta(days=day) for day in range(-20, since)])
    drawn = open_dashboard(database_url).draw("overview")
    chart = charts_of(drawn)[0]
    assert re.search(r"units expected, \d+ [A-Z]", chart)
    assert f"units a {one}, all locations" in chart
    assert "units a day" not in chart
    # the last day with sales is the one before today, and the forecast's last one ends a period
    assert ("so far" in chart) == (since != 1)
    # the shop sells by the day, whatever the forecast counts
    assert [metric.label for metric in drawn.metric][:2] == [
        "Sales, last 7 days",
        "Units, last 7 days",
    ]


@pytest.mark.parametrize(("frequency", "one"), [("M", "month")], indirect=["frequency"])
def test_overview_compares_months_where_sales_are_dated_once_a_month(
    open_dashboard: Open, database: sa.Engine, database_url: str, made: Publication, one: str
) -> None:
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE forecast_runs SET one_day = true"))
    first = made.cutoff.replace(day=1)
    sell(database, [first, (first - timedelta(days=1)).replace(day=1)])
    drawn = open_dashboard(database_url).draw("overview")
    assert drawn.metric[1].label == f"Units, last {one}"
    assert (drawn.metric[1].value, drawn.metric[1].delta) == ("10", "no change")
    assert f"Last full month: {made.cutoff:%b %Y}" in text_of(drawn)
