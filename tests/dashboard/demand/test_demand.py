"""The page Demand over a real API: each tab, nothing to show, and an API that is away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa
import streamlit as st

from catalog.frames import read_record
from catalog.state import judge_data
from dashboard.demand.asking import Scope
from dashboard.demand.exceptional import exceptional_days
from dashboard.demand.narrowing import CELL, Narrowed, narrow_to
from dashboard.filters import Filters
from ingest.calendar import put_plans
from ingest.calendar.shapes import ClosureIn, EventIn, PromotionIn
from stocktide.foundation.database import create_engine
from tests.dashboard.conftest import Dashboard, charts_of, click, links_of, text_of
from tests.dashboard.demand.chain import LAST, NOW, SHOPS
from tests.dashboard.demand.conftest import Chain, with_settings
from tests.system.running import free_port

SAID: dict[str, tuple[int, int, list[str]]] = {
    "lost": (3, 0, ["lost about", "EUR", "Hollow: so far", "Furthest from expected:"]),
    "when": (1, 1, ["Busiest hour: Sat", "Too early for a season: 7 months", "7 of 7 periods"]),
    "what": (
        1,
        2,
        ["products make 80", "3 of 3 categories", "with no sales in ", "2 shops"],
    ),
    "price": (
        0,
        1,
        ["Too few price changes for an elasticity", "2 of 2 promotions sold clearly more"],
    ),
    "together": (0, 1, ["as often as by chance", "3 of 3 pairs in 30 orders or more"]),
}

UNUSUAL = (
    "INSERT INTO unusual_days (product_id, location_id, day, sold_milli, usual_milli) "
    "SELECT product_id, location_id, :day, 9000, 1000 FROM products, locations WHERE sku = 'Mug' AND code = 'BER'"
)


@pytest.mark.parametrize("tab", SAID)
def test_tab_says_its_finding(tab: str, page: Dashboard) -> None:
    charts, tables, said = SAID[tab]
    drawn = page.draw("demand", theme="dark", tab=tab, period="13 weeks")
    assert len(charts_of(drawn)) == charts
    assert len(drawn.dataframe) == tables
    words = text_of(drawn) + "".join(charts_of(drawn))
    assert [part for part in said if part not in words] == []
    assert not drawn.error


def test_an_elasticity_is_drawn_with_its_error_where_there_are_enough(
    page: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.demand.prices.PRICE_CHANGES_MIN", 5)
    [chart] = charts_of(page.draw("demand", tab="price"))
    assert "(standard error 0." in chart


def test_page_says_what_is_missing(page: Dashboard, chain: Chain, empty: Dashboard) -> None:
    nothing = empty.draw("demand")
    assert "Demand appears here once sales are loaded." in text_of(nothing)
    page.reader = with_settings(page.reader, api_url=f"http://127.0.0.1:{free_port()}")
    away = page.draw("demand")
    assert {error.value for error in away.error} == {
        "The API does not answer, so this cannot be shown. See `stocktide status`."
    }
    page.reader = with_settings(page.reader, api_url=chain.api_url, dashboard_key="wrong")
    refused: Any = page.draw("demand")
    assert len(refused.error) == 2


def test_a_panel_opens_as_sql_with_the_filters_of_the_page(page: Dashboard) -> None:
    drawn = page.draw("demand", store="BER", period="28 days")
    assert "BER" in text_of(drawn)
    labels = [button.label for button in drawn.button]
    assert labels.count("Open as SQL") == 2
    helps = [caption.proto.help for caption in drawn.caption if caption.proto.help]
    assert [words for words in helps if "From the lake: daily_demand version 0" in words]
    assert all("Landed by run 1." in words for words in helps)


def test_the_past_is_said_and_led_back_from(page: Dashboard, chain: Chain) -> None:
    del chain
    now = datetime.now(UTC)
    page.reader = replace(page.reader, clock=lambda: now + timedelta(days=1))
    then = page.draw("demand", tab="what", asof=now.isoformat())
    assert "You see the past:" in then.warning[0].value
    assert len(then.dataframe) == 2
    assert "Open as SQL" not in [button.label for button in then.button]
    before = page.draw("demand", tab="what", asof="2020-01-01")
    assert "its history begins" in before.info[0].value
    elsewhere = page.draw("quality", asof=now.date().isoformat())
    assert "This page shows now." in elsewhere.info[0].value
    assert not page.draw("demand", tab="what", asof="2999-01-01").warning
    before.button(key="past.back").click().run()
    assert "asof" not in before.query_params


def test_exceptional_days_are_named_where_charts_show_days(page: Dashboard, chain: Chain) -> None:
    after, fair, eve, odd = (LAST - timedelta(days=back) for back in (4, 5, 6, 9))
    plans: list[tuple[str, Any]] = [
        ("events", EventIn(name="carnival", day=fair, days_before=1)),
        ("promotions", PromotionIn(product="Tea", from_=fair, to=after, discount=0.2)),
        ("closures", ClosureIn(location="LAX", from_=odd, to=odd)),
    ]
    engine = create_engine(chain.database_url)
    with engine.begin() as connection:
        for kind, plan in plans:
            put_plans(connection, kind, [plan], by="anna")
        connection.execute(sa.text(UNUSUAL), {"day": odd})
    engine.dispose()
    drawn = page.draw("demand", period="28 days")
    sold, *_, cells = charts_of(drawn)
    assert "Triangles: closed, an event, or unusual sales; dots: promotions." in sold
    assert "Outlined: closed, an event, or unusual sales." in cells
    state = judge_data(read_record(page.reader.engine, "freshness", now=NOW), NOW)
    for filters, wanted in (
        (Filters(), {eve: "carnival", fair: "carnival", odd: "closed: LAX; unusual: Mug at BER (not judged yet)"}),
        (Filters(location="LAX"), {eve: "carnival", fair: "carnival", odd: "closed: LAX"}),
        (Filters(department="Food"), {eve: "carnival", fair: "carnival; 20% off Tea", after: "20% off Tea",
                                  odd: "closed: LAX"}),
    ):  # fmt: skip
        scope = Scope(page.reader, filters, state, Narrowed())
        rows = exceptional_days(scope, LAST - timedelta(days=27), LAST)
        found = dict(zip(rows["day"].dt.date, rows["exceptional"], strict=True))
        assert set(rows["day"].dt.date[~rows["stands_out"]]) == {after} & set(wanted)
        assert {day: set(said.split("; ")) for day, said in found.items()} == {
            day: set(said.split("; ")) for day, said in wanted.items()
        }


def test_a_cell_of_the_address_narrows_the_page(page: Dashboard) -> None:
    whole = page.draw("demand", tab="what", period="13 weeks")
    hour = page.draw("demand", tab="what", period="13 weeks", dow="6", hour="12")
    assert "show **Saturdays, 12–13 h** alone" in hour.info[0].value
    assert "products, Saturdays, 12–13 h" in text_of(hour)
    sums = [drawn.dataframe[0].value["sold"].sum() for drawn in (whole, hour)]
    assert 0 < sums[1] < sums[0] / 4
    hour.button(key="demand.all").click().run()
    assert "hour" not in hour.query_params
    assert not hour.info
    wrong = page.draw("demand", tab="what", dow="8", hour="x", month="0")
    assert not wrong.info


def test_a_click_on_a_cell_is_put_into_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, str] = {"month": "3", "tab": "when"}
    cell = {"selection": {CELL: [{"dow": 6, "hour": 12.0}]}}
    monkeypatch.setattr(st, "query_params", asked)
    monkeypatch.setattr(st, "session_state", {"hours": cell, "none": {"selection": {CELL: []}}})
    narrow_to("none", ("dow", "hour"))
    assert asked == {"month": "3", "tab": "when"}
    narrow_to("hours", ("dow", "hour"))
    assert asked == {"dow": "6", "hour": "12", "tab": "when"}


def test_a_product_leads_to_its_events_and_an_event_to_where_it_went(page: Dashboard) -> None:
    drawn = page.draw("demand", tab="what", period="28 days")
    click(drawn, "name", table=1)
    drawn.run()
    [link] = [one for one in links_of(drawn) if one.label == "Events behind it"]
    asked = dict(parse_qsl(link.query_string))
    events = page.draw("events", **asked)
    assert not events.error
    shown = events.dataframe[0].value
    assert f"{len(shown):,} of " in text_of(events)
    assert set(shown["location"]) <= set(SHOPS)
    row = shown.iloc[0]
    traced = page.draw("events", event_source=row["source"], event_id=row["event_id"])
    assert "in the figures" in text_of(traced)
    tables = set(traced.dataframe[1].value["table"])
    assert {"movements", "daily_demand"} <= tables
    assert "No event" in page.draw("events", event_source="x", event_id="y").warning[0].value
