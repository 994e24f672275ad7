"""Figures in several currencies and units on the pages."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from etl import run_etl
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.rates import RateIn, put_rates
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.dashboard.conftest import Dashboard, text_of
from tests.ingest.samples import raw

Open = Callable[..., Dashboard]


@pytest.fixture
def chain(database: sa.Engine, tmp_path: Path) -> sa.Engine:
    """Two shops that sell in euros and one that sells in yen; pieces, and one product by weight."""
    with database.begin() as connection:
        put_products(connection, [ProductIn("MC", name="Mug"), ProductIn("KG", unit="kg")])
        put_locations(connection, [LocationIn(code) for code in ("DE", "FR", "JP")])
    yesterday = (datetime.now(UTC) - timedelta(days=1)).replace(hour=3, minute=0)
    before = yesterday - timedelta(days=1)
    events = []
    for place, price, code in (("DE", "10", "EUR"), ("FR", "10", "EUR"), ("JP", "1600", "JPY")):
        said = {"product": "MC", "location": place, "currency": code}
        for kind, at, more in (
            ("price", before, {"price": price}),
            ("sale", yesterday, {"quantity": 1, "price": price}),
        ):
            one = raw(kind=kind, event_id=f"{kind}{place}", **said, **more)
            events.append(one.replace(b"2026-03-01T08:00:00+00:00", at.isoformat().encode()))
        counted = raw(
            kind="stocktake", event_id=f"c{place}", product="MC", location=place, counted=100
        )
        events.append(counted.replace(b"2026-03-01T08:00:00+00:00", before.isoformat().encode()))
    weighed = raw(kind="sale", event_id="kg", product="KG", location="DE", quantity="2.5")
    events.append(weighed.replace(b"2026-03-01T08:00:00+00:00", yesterday.isoformat().encode()))
    outcomes = Recorder(database, Settings()).record("till", "", events)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    run_etl(database, Lake(str(tmp_path / "lake")))
    return database


def test_sums_of_several_currencies_and_units_stay_apart(
    chain: sa.Engine, open_dashboard: Open, database_url: str
) -> None:
    del chain
    page = open_dashboard(database_url)
    drawn = page.draw("overview")
    values = {card.label.split(",")[0]: card.value for card in drawn.metric}
    assert values["Sales"] == "EUR 20.00 + JPY 1,600"
    assert values["Stock at selling price"] == "EUR 1,980 + JPY 158,400"
    assert values["Units"] == "3 units + 2.5 kg"
    said = text_of(drawn)
    assert "Not added: EUR and JPY." in said
    assert "Adds products counted in units and kg." in said
    prices = page.draw("products", sku="MC").dataframe[-1].value
    assert prices["price"].tolist().count("EUR 10.00") == 2
    assert "JPY 1,600" in prices["price"].tolist()


def test_rates_turn_them_into_the_currency_of_the_settings(
    chain: sa.Engine,
    open_dashboard: Open,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with chain.begin() as connection:
        put_rates(connection, [RateIn("EUR", "JPY", date(2026, 1, 1), "160")], by="anna")
    monkeypatch.setenv("STOCKTIDE_CURRENCY", "EUR")
    drawn = open_dashboard(database_url).draw("overview")
    values = {card.label.split(",")[0]: card.value for card in drawn.metric}
    assert values["Sales"] == "EUR 30.00"
    assert values["Stock at selling price"] == "EUR 2,970"
    assert "In EUR at the day's rate: JPY 1,600." in text_of(drawn)
