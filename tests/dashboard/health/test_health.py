"""The page Inventory health over a real API: what it draws, what it leads to, and what it says where it cannot."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from dashboard.health.tabs import TABS
from dashboard.health.words import STATES, named, remedy
from dashboard.report_rows import AWAY
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import load_settings
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard, charts_of, click, links_of, text_of
from tests.query.health_chain import DAYS, send_chain
from tests.system.running import free_port


@pytest.fixture
def page(api: Api, open_dashboard: Callable[..., Dashboard], database_url: str) -> Dashboard:
    """The page over an API and a chain that nothing has come of yet."""
    made = open_dashboard(database_url)
    key = api.operate.headers["Authorization"].removeprefix("Bearer ")
    settings = made.reader.settings.model_copy(update={"api_url": api.url, "dashboard_key": key})
    made.reader = replace(made.reader, settings=settings)
    return made


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """The lake that the API reads."""
    return Lake(load_settings(home=tmp_path).lake_root)


def yesterday() -> date:
    """The newest day of which everything has happened, whatever time it is."""
    return datetime.now(UTC).date() - timedelta(days=1)


@pytest.fixture
def filled_page(page: Dashboard, database: sa.Engine, lake: Lake) -> Dashboard:
    """The chain of each state, up to yesterday."""
    send_chain(database, lake, yesterday())
    return page


def test_the_page_judges_each_shelf_and_leads_to_it(filled_page: Dashboard) -> None:
    drawn = filled_page.draw("health")
    said = text_of(drawn)
    assert not drawn.error
    assert "1 shelf is out of stock, and 1 shelf is at risk" in said
    assert "2 shelves hold excess or dead stock: EUR " in said
    assert all(f"**{named(state)}**" in said for state in STATES)
    assert "lead time missing: 1; stock unknown: 1; too new: 1" in said
    assert len(charts_of(drawn)) == 3
    assert "9 of 9 shelves" in said
    rows = drawn.dataframe[0].value
    assert rows["remedy"].tolist()[:2] == ["Order now", "Chase the 30 units on order"]
    click(drawn, "name")
    drawn.run()
    assert any("sku=C" in link.query_string for link in links_of(drawn))
    dead = filled_page.draw("health", state="dead", store="High Street")
    assert dead.dataframe[0].value["name"].tolist() == ["Product E"]
    assert "1 of 1 shelf" in text_of(dead)


def test_each_list_is_drawn(filled_page: Dashboard) -> None:
    for name, tab in TABS.items():
        drawn = filled_page.draw("health", tab=name)
        assert not drawn.error, name
        assert tab.title in [header.value for header in drawn.header]
        assert len(drawn.dataframe) == 1, name


def test_the_page_shows_how_stock_stood(filled_page: Dashboard) -> None:
    now = datetime.now(UTC)
    reader = filled_page.reader
    filled_page.reader = replace(reader, clock=lambda: now + timedelta(days=1))
    then, today = filled_page.draw("health", asof=now.isoformat()), filled_page.draw("health")
    assert "You see the past:" in then.warning[0].value
    assert not then.error
    tables = [drawn.dataframe[0].value for drawn in (then, today)]
    assert tables[0]["on_hand"].tolist() == tables[1]["on_hand"].tolist()
    assert "stock_out_chance" not in tables[0]


def test_ages_are_drawn_with_what_is_old(filled_page: Dashboard) -> None:
    drawn = filled_page.draw("health", tab="ageing")
    title = next(chart for chart in charts_of(drawn) if "came more than 90 days ago" in chart)
    assert "before the ledger" in title
    assert drawn.dataframe[0].value["oldest_days"].max() == DAYS - 1


def test_what_is_missing_or_away_is_said(page: Dashboard, database: sa.Engine, lake: Lake) -> None:
    assert "No stock can be judged yet." in text_of(page.draw("health"))
    send_chain(database, lake, yesterday(), costs=False)
    assert "stock value at selling price" in charts_of(page.draw("health"))[0]
    narrow = page.draw("health", store="S2", cat="Home")
    assert "No stock of S2, Home is known" in text_of(narrow)
    away = page.reader.settings.model_copy(update={"api_url": f"http://127.0.0.1:{free_port()}"})
    page.reader = replace(page.reader, settings=away)
    assert [error.value for error in page.draw("health").error] == [AWAY]


def test_a_remedy_names_what_to_do() -> None:
    row = {"state": "excess", "unit": "kg", "coming": 0.0, "excess_units": 12.0, "why": None}
    assert remedy(row) == "Order no more; move or mark down 12 kg"
    assert remedy({**row, "state": "healthy"}) == ""
    assert remedy({**row, "state": "cannot judge", "why": "stock unknown"}) == "Count it"
