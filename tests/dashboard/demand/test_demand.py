"""The page Demand over a real API: each tab, nothing to show, and an API that is away."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest

from tests.dashboard.conftest import Dashboard, charts_of, click, links_of, text_of
from tests.dashboard.demand.chain import SHOPS
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
