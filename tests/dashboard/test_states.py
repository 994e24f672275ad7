"""What cannot be known is not shown as known: on every page, from the events to what stands there."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl import run_etl
from forecasting import ForecastSpec, run_forecast
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.dashboard.conftest import RENDER, Dashboard, charts_of, judge_alerts, text_of
from tests.ingest.samples import raw

NOW = datetime.now(UTC)
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
OF_THE_PRESENT = re.compile(r"\btoday|right now|coming week|within a week|Nothing to do|\blate\b")


class Chain:
    """Events of a chain, recorded and loaded; the page over it is drawn at any instant."""

    def __init__(self, engine: sa.Engine, dashboard: Dashboard, folder: Path) -> None:
        self.engine, self.dashboard, self.lake = engine, dashboard, Lake(str(folder / "lake"))
        self.raws: list[bytes] = []

    def know(self, *places: LocationIn, products: str = "ABC") -> "Chain":
        with self.engine.begin() as connection:
            put_products(
                connection,
                [
                    ProductIn(sku, name=f"Product {sku}", price=2, currency="EUR")
                    for sku in products
                ],
            )
            put_locations(connection, list(places) or [LocationIn("S1"), LocationIn("S2")])
        return self

    def send(
        self, kind: str, at: datetime, product: str = "A", location: str = "S1", **data: Any
    ) -> None:
        event_id = f"e{len(self.raws)}"
        one = raw(kind=kind, event_id=event_id, product=product, location=location, **data)
        one = one.replace(b"2026-03-01T08:00:00+00:00", at.isoformat().encode())
        self.raws.append(one)
        assert Recorder(self.engine, Settings()).record("till", "", [one])[0].name == "accepted"

    def load(self) -> None:
        run_etl(self.engine, self.lake)

    def draw(self, page: str, *, at: datetime | None = None, **query: Any) -> Any:
        if at is not None:
            self.dashboard.reader = replace(self.dashboard.reader, clock=lambda: at)
        return self.dashboard.draw(page, **query)


@pytest.fixture
def chain(empty: Dashboard, database: sa.Engine, tmp_path: Path) -> Chain:
    return Chain(database, empty, tmp_path)


def test_a_book_below_zero_is_no_empty_shelf_on_any_page(chain: Chain) -> None:
    chain.know()
    for place in ("S1", "S2"):
        chain.send("receipt", MIDNIGHT - timedelta(days=9), "A", place, quantity=1)
        for day in range(1, 9):
            chain.send("sale", MIDNIGHT - timedelta(days=day, hours=5), "A", place, quantity=5)
    chain.send("receipt", MIDNIGHT - timedelta(days=9), "B", "S1", quantity=40)
    chain.send("sale", MIDNIGHT - timedelta(days=1, hours=5), "B", "S1", quantity=1)
    chain.load()
    drawn = chain.draw("overview")
    said = text_of(drawn)
    assert "**Book stock below zero at 2 places**: count them." in said
    assert "out of stock** that sold" not in said
    assert "1 of 3 shelves with known stock" in said
    assert "No shelf with recent sales is known to be out of stock." in said
    assert drawn.metric[2].value == "0.0%"
    listed = chain.draw("products").dataframe[0].value.set_index("sku")
    assert listed["on_hand"].isna()["A"]
    assert listed["stock"]["A"] == "– book below zero: count it"
    assert listed["locations_out_of_stock"].isna()["A"]
    drawn = chain.draw("products", sku="A")
    assert "stock book below zero: count it" in text_of(drawn).replace("\\", "")
    assert drawn.dataframe[1].value["stock"].tolist() == ["– book below zero: count it"] * 2
    assert '"censored": true' not in charts_of(drawn)[0]
    assert "out of stock somewhere" not in charts_of(drawn)[0]


def test_a_sum_says_at_how_many_places_it_is_known(chain: Chain) -> None:
    chain.know()
    chain.send("receipt", MIDNIGHT - timedelta(days=2), "A", "S1", quantity=7)
    chain.send("sale", MIDNIGHT - timedelta(days=1), "A", "S2", quantity=3)
    chain.load()
    drawn = chain.draw("products", sku="A")
    assert drawn.dataframe[0].value.set_index("sku")["stock"]["A"] == "known at 1 of 2 places"
    assert "7 units on hand, known at 1 of 2 places" in text_of(drawn)
    places = drawn.dataframe[1].value.set_index("location")
    assert (places["on_hand"]["S1"], places["stock"]["S2"]) == (7.0, "– unknown")
    assert places["on_hand"].isna()["S2"]
    trending = chain.draw("trending").dataframe[0].value
    assert trending["stock"].tolist() == ["– unknown"] or trending["on_hand"].tolist() == [7.0]
    assert "Stock is known at 1 of 2 shelves" in text_of(chain.draw("overview"))


def test_the_rate_names_its_numerator_and_denominator_over_all_known_shelf_days(
    chain: Chain,
) -> None:
    chain.know()
    chain.send("stocktake", MIDNIGHT - timedelta(days=8), "A", "S1", counted=0)
    chain.send("stocktake", MIDNIGHT - timedelta(days=8), "B", "S1", counted=9)
    chain.send("receipt", MIDNIGHT - timedelta(days=8), "C", "S1", quantity=90)
    for day in range(1, 9):
        chain.send("sale", MIDNIGHT - timedelta(days=day, hours=-9), "C", "S1", quantity=1)
    chain.load()
    drawn = chain.draw("overview")
    # A was empty on all seven days, though nothing moved there
    assert drawn.metric[2].value == "33.3%"
    assert "Out of stock: 7 of 21 known shelf-days." in text_of(drawn)


def test_data_that_ended_long_ago_is_never_called_of_today(chain: Chain) -> None:
    end = datetime(2011, 12, 9, 12, tzinfo=UTC)
    chain.know()
    chain.send("receipt", end - timedelta(days=50), "A", "S1", quantity=80)
    for day in range(50):
        chain.send("sale", end - timedelta(days=day), "A", "S1", quantity=2)
    chain.load()
    run_forecast(
        chain.engine,
        chain.lake,
        ForecastSpec(levels=((), ("location", "product")), horizon_days=14),
    )
    for page in RENDER:
        drawn = chain.draw(page)
        said = "\n".join([text_of(drawn), *charts_of(drawn)])
        assert not OF_THE_PRESENT.findall(said), page
        assert "as of 9 Dec 2011, the newest data" in said, page
    overview = chain.draw("overview")
    assert "Needs attention, as of 9 Dec 2011, the newest data" in text_of(overview)
    assert "10 Dec 2011" in charts_of(overview)[0]
    assert "days that are over" in charts_of(overview)[0]
    assert "stale" in text_of(overview)


def importing(chain: Chain, status: str = "running") -> None:
    progress = {
        "progress": {"rows": 120_000, "rows_of": 385_000, "noted_at": datetime.now(UTC).isoformat()}
    }
    with chain.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO runs (job, status, finished_at, detail) VALUES ('import', :status,"
                " CASE WHEN :status <> 'running' THEN now() END, :detail)"
            ),
            {"status": status, "detail": json.dumps(progress)},
        )


def test_pages_say_what_goes_on_during_a_first_import(chain: Chain) -> None:
    importing(chain)
    chain.know()
    chain.send("sale", MIDNIGHT - timedelta(days=300), quantity=1)
    for page in ("overview", "products", "trending", "system"):
        said = text_of(chain.draw(page))
        assert "Importing: 120,000 of about 385,000 rows; figures follow after the next ETL" in said
        assert "Nothing to do" not in said
        assert "No sale since" not in said


def test_pages_say_what_goes_on_before_the_first_load(chain: Chain) -> None:
    chain.know()
    chain.send("sale", MIDNIGHT - timedelta(days=3), quantity=1)
    assert "1 event is received and waits for the first ETL" in text_of(chain.draw("system"))
    assert "1 event is received and waits for the first ETL" in text_of(chain.draw("overview"))


@pytest.mark.parametrize("status", ["running", "succeeded"])
def test_weeks_are_not_compared_while_an_import_is_not_loaded_whole(
    chain: Chain, status: str
) -> None:
    chain.know()
    for day in range(1, 20):
        chain.send("sale", MIDNIGHT - timedelta(days=day), quantity=day)
    chain.load()
    assert chain.draw("overview").metric[1].delta
    importing(chain, status)
    drawn = chain.draw("overview")
    assert [card.delta for card in drawn.metric[:3]] == [""] * 3
    assert "Not compared: " in text_of(drawn)
    assert "Nothing. No shelf" not in text_of(drawn)
    # the next load has it
    with chain.engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE runs SET status = 'succeeded', finished_at = now() WHERE job = 'import'"
            )
        )
    chain.load()
    assert chain.draw("overview").metric[1].delta


def test_a_short_history_is_not_compared_with_a_week_that_is_not_there(chain: Chain) -> None:
    chain.know()
    for day in range(1, 11):
        chain.send("sale", MIDNIGHT - timedelta(days=day), quantity=1)
    chain.load()
    drawn = chain.draw("overview")
    assert [card.delta for card in drawn.metric[:2]] == ["", ""]
    assert "Not compared: fewer than 14 days are whole yet." in text_of(drawn)


def test_the_last_day_is_whole_when_it_has_ended_at_every_location(chain: Chain) -> None:
    """18:00 of the 4th in Los Angeles is the 5th in Tokyo: neither of the two days is whole."""
    now = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)
    chain.know(
        LocationIn("LA", timezone="America/Los_Angeles"), LocationIn("T", timezone="Asia/Tokyo")
    )
    for day in range(20):
        for place in ("LA", "T"):
            chain.send("sale", now - timedelta(days=day, hours=1), location=place, quantity=1)
    chain.load()
    drawn = chain.draw("overview", at=now)
    assert "Last full day: 2026-03-03" in text_of(drawn)
    hollow = json.loads(charts_of(drawn)[0].partition("\n")[2])
    assert "today so far" in json.dumps(hollow)
    sold = chain.draw("products", at=now, sku="A")
    sold.selectbox(key="products.location").select("T").run()
    assert not sold.exception
    # of Tokyo alone, the 4th is over
    spec = charts_of(sold)[0]
    assert "Hollow: today so far" in spec


def test_pages_follow_when_a_location_changes_its_zone(chain: Chain) -> None:
    """22:30 UTC is the next day in Tokyo, and the same one in Lisbon: old days are cut again, and pages show them."""
    chain.know(LocationIn("S1", timezone="Asia/Tokyo"))
    for day in range(1, 16):
        chain.send("sale", MIDNIGHT - timedelta(days=day, hours=1.5), quantity=1)
    chain.load()
    now = MIDNIGHT + timedelta(hours=12)
    before = chain.draw("overview", at=now)
    assert f"Last full day: {(MIDNIGHT - timedelta(days=1)).date()}" in text_of(before)
    with chain.engine.begin() as connection:
        put_locations(connection, [LocationIn("S1", timezone="Europe/Lisbon")])
    chain.load()
    after = chain.draw("overview", at=now)
    assert f"Last full day: {(MIDNIGHT - timedelta(days=2)).date()}" in text_of(after)


def test_sensors_disagree_on_the_page_as_the_alert_says(chain: Chain) -> None:
    """Within the tolerance no sensor disagrees, on no page: one rule for page, API and alert."""
    chain.know()
    for product, sensed in (("A", 40.5), ("B", 30)):
        chain.send("receipt", MIDNIGHT - timedelta(days=2), product, quantity=40)
        chain.send("reading", MIDNIGHT - timedelta(days=1), product, observed=sensed)
    chain.send("sale", MIDNIGHT - timedelta(days=3), quantity=1)
    chain.load()
    judge_alerts(chain.engine)
    assert "**1 of 2 shelf sensors** differ" in text_of(chain.draw("overview"))


def test_bands_say_what_they_are_aimed_at_and_what_they_held(
    open_dashboard: Callable[..., Dashboard], filled: Dashboard
) -> None:
    del open_dashboard
    for page in ("overview", "products", "forecasts"):
        chart = charts_of(filled.draw(page))[0]
        assert "bands: 50, 80 and 95 % intervals, " in chart, page
        assert "% of days when tested" in chart or "aimed at and not measured" in chart, page


@pytest.mark.parametrize("day", [date(2026, 3, 28), date(2026, 3, 29)])
def test_running_out_begins_with_the_clock_of_the_page(chain: Chain, day: date) -> None:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    chain.know()
    chain.send("sale", at - timedelta(days=1), quantity=1)
    chain.load()
    assert "Needs attention today" in text_of(chain.draw("overview", at=at))
