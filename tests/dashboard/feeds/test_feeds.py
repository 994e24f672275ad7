import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from catalog.feeds import lags, readable_top
from dashboard.alerts.page import alert_state
from dashboard.api_client import AWAY, ask_api
from dashboard.feeds.figures import band_of, lag_chart, rate_chart, state_timeline
from dashboard.feeds.fixing import EDIT, SAME, Choice, order_of, typed, wrong_field
from dashboard.feeds.list import FEEDS_SHOWN, ago, headline, lag_words
from dashboard.feeds.rates import rate_title, timeline_title
from dashboard.feeds.reject import conflict_table, payload_table
from dashboard.feeds.rejects import last_refused
from dashboard.feeds.replays import replay, replay_sentence, trial_sentence
from dashboard.theme import DARK, LIGHT
from dashboard.widgets import rows_key
from stocktide.foundation.keys import SCOPES
from stocktide.foundation.users import Role
from tests.conftest import Api
from tests.dashboard.charts import drawn, marks, rows_of
from tests.dashboard.conftest import Dashboard, charts_of, text_of
from tests.ingest.samples import event
from tests.ingest.shopify.shop import Line, Order, orders_csv
from tests.system.running import free_port

NOW = datetime(2026, 3, 4, 12, 5, tzinfo=UTC)
START = NOW - timedelta(hours=24)
BATCH = {"content-type": "application/cloudevents-batch+json"}


# Eighty events by the end of a day, a hundred a day later; the newest day ended an hour ago.
DAYS_OF_A_TILL = """
INSERT INTO feed_days (source_id, day, ends_at, events, arrived, last_recorded_at)
SELECT s.source_id, CAST(:now AS timestamptz)::date - n, e.ends_at, CASE WHEN n = 1 THEN 80 ELSE 100 END,
       ARRAY[80, 80, 80, 80, 80, 100, 100, 100, 100], least(:now, e.ends_at + INTERVAL '1 day')
FROM sources s, generate_series(1, 40) n,
     LATERAL (SELECT CAST(:now AS timestamptz) - INTERVAL '1 day' * (n - 1) - INTERVAL '1 hour' AS ends_at) e
"""


def send(api: Api, *events: dict[str, Any]) -> None:
    api.ingest.post("/v1/events", content=json.dumps(events).encode(), headers=BATCH)


@pytest.fixture
def desk(api: Api, open_dashboard: Callable[..., Dashboard], database_url: str) -> Dashboard:
    """The page over a real API: 8 events of a feed, of which three products are unknown and one is a conflict."""
    api.ingest.put("/v1/products", json={"products": [{"sku": "MILK-1L"}]}).raise_for_status()
    api.ingest.put("/v1/locations", json={"locations": [{"code": "S1"}]}).raise_for_status()
    good = [event("sale", f"g{n}", product="MILK-1L", quantity=2) for n in range(4)]
    bad = [event("sale", f"b{n}", product="milk-1l") for n in range(3)]
    send(api, *good, *bad, event("sale", "g0", product="MILK-1L", quantity=3))
    made = open_dashboard(database_url)
    key = api.operate.headers["Authorization"].removeprefix("Bearer ")
    settings = made.reader.settings.model_copy(update={"api_url": api.url, "dashboard_key": key})
    made.reader = replace(made.reader, settings=settings)
    return made


def group(reason: str, **more: str) -> dict[str, Any]:
    """The address of a group of rejects."""
    return {
        "tab": "rejects",
        "reason": reason,
        "feed": "test ingest",
        "sender": "/shops/S1/till",
        **more,
    }


def press(page: AppTest, key: str) -> AppTest:
    page.button(key=key).click().run()
    assert not page.exception, page.exception
    return page


def said(page: AppTest) -> str:
    boxes = [box.value for box in (*page.success, *page.warning)]
    return "\n".join([text_of(page), *boxes]).replace("\\", "")


# -- the page


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_feeds_says_how_to_begin_when_nothing_was_sent(empty: Dashboard, role: Role) -> None:
    assert "stocktide keys create" in text_of(empty.draw("feeds", role=role))
    assert "No keys yet" in text_of(empty.draw("feeds", tab="keys"))


def test_feeds_says_so_when_the_database_is_away(open_dashboard: Callable[..., Dashboard]) -> None:
    gone = open_dashboard(f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    page = gone.draw("feeds")
    assert "The database does not answer" in page.error[0].value


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_feeds_shows_state_and_rates_of_each_feed(desk: Dashboard, theme: str) -> None:
    page = desk.draw("feeds", theme=theme)
    table = page.dataframe[0].value
    assert table["feed"].tolist() == ["test ingest"]
    assert table["state"].tolist() == [["Normal"]]
    assert table["events"].tolist() == [8]
    assert table["refused"].tolist() == [0.5]
    assert sum(table["strip"].iloc[0]) == 8
    rate, states = charts_of(page)
    assert "50.0% refused" in rate
    assert "No feed was firing" in states


def test_feeds_shows_one_feed_when_the_address_names_it(desk: Dashboard) -> None:
    page = desk.draw("feeds", source="test ingest")
    assert "test ingest: 8 events in the last hour" in charts_of(page)[0]
    assert page.selectbox(key="source").value == "test ingest"


def test_days_show_what_is_final_and_what_is_still_to_come(
    desk: Dashboard, database: sa.Engine
) -> None:
    with database.begin() as connection:
        connection.execute(sa.text(DAYS_OF_A_TILL), {"now": desk.reader.clock()})
    page = desk.draw("feeds", role="viewer", tab="days")
    (rows,) = [frame.value for frame in page.dataframe]
    cells = [str(cell) for cell in rows.iloc[0]]
    assert cells[0] == "/shops/S1/till"
    assert [words.split("· ")[-1] for words in cells[1:3]] == ["about 20 to come", "final"]
    assert "about 20 events still to come" in text_of(page)


def test_rejects_show_counts_and_no_payload_to_viewers(desk: Dashboard) -> None:
    page = desk.draw("feeds", role="viewer", **group("unknown_product", field="data.product"))
    groups = page.dataframe[0].value
    assert sorted(groups["reason"]) == ["conflict", "unknown product"]
    assert len(page.dataframe) == 1
    assert "may hold personal data" in text_of(page)
    assert not page.get("button")
    assert "keys" not in page.segmented_control(key="feeds.tab").options


def test_a_group_is_tried_out_replayed_and_linked(desk: Dashboard, api: Api) -> None:
    page = desk.draw("feeds", role="planner", **group("unknown_product", field="data.product"))
    _, events, payload = (table.value for table in page.dataframe[:3])
    assert len(events) == 3
    assert payload.iloc[0].tolist() == ["wrong", "data.product", "milk-1l"]
    assert "Did you mean: MILK-1L" in said(page)
    page.radio(key="feeds.which").set_value("same value in this group").run()
    press(page, "feeds.try")
    assert "Would accept 3; balances of 1 product would change." in said(page)
    assert page.dataframe[-1].value["after"].tolist() == [-11.0]
    press(page, "feeds.replay")
    assert "Enter a reason" in said(page)
    page.text_input(key="feeds.reason").set_value("codes in small letters").run()
    press(page, "feeds.replay")
    assert "3 events recorded." in said(page)
    kept = api.read.get("/v1/rejects", params={"state": "replayed"}).json()["rejects"]
    assert [row["settled_by"] for row in kept] == ["anna (key test operate)"] * 3
    done = desk.draw("feeds", state="replayed", **group("unknown_product", field="data.product"))
    assert "codes in small letters" in said(done)
    with pytest.raises(KeyError):
        done.button(key="feeds.replay")


def test_a_conflict_is_shown_side_by_side_and_dropped(desk: Dashboard, api: Api) -> None:
    page = desk.draw("feeds", **group("conflict", field="quantity"))
    table = page.dataframe[2].value
    assert table.iloc[0].tolist() == ["differs", "data.quantity", "2", "3"]
    page.text_input(key="feeds.reason").set_value("typed twice").run()
    press(page, "feeds.drop")
    assert "1 reject dropped" in said(page)
    assert len(api.read.get("/v1/rejects", params={"state": "dropped"}).json()["rejects"]) == 1


def test_a_code_of_digits_is_mended_from_the_page(desk: Dashboard, api: Api) -> None:
    api.ingest.put("/v1/products", json={"products": [{"sku": "22423"}]}).raise_for_status()
    send(api, event("sale", "digits", product="22424"))
    page = desk.draw("feeds", **group("unknown_product", field="data.product"))
    # what is near it is offered, and is a text, too
    press(page, "feeds.try")
    assert "Would accept 1" in said(page)


def test_a_drop_is_taken_back_and_says_that_it_was_sent_again(desk: Dashboard, api: Api) -> None:
    page = desk.draw("feeds", **group("conflict", field="quantity"))
    page.text_input(key="feeds.reason").set_value("typed twice").run()
    press(page, "feeds.drop")
    send(api, event("sale", "g0", product="MILK-1L", quantity=3))
    page = desk.draw("feeds", state="dropped", **group("conflict", field="quantity"))
    assert page.dataframe[0].value["sent_again"].tolist() == [1]
    assert "It was sent again after it was dropped" in said(page)
    press(page, "feeds.reopen")
    assert "Enter a reason" in said(page)
    page.text_input(key="feeds.reopen.reason").set_value("it is another sale").run()
    press(page, "feeds.reopen")
    assert "1 reject reopened." in said(page)
    assert len(api.read.get("/v1/rejects", params={"state": "open"}).json()["rejects"]) == 4


def test_feeds_names_the_worst_of_more_than_are_listed(
    desk: Dashboard, database: sa.Engine
) -> None:
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO feed_minutes (feed, minute, accepted, newest_occurred_at)"
                " SELECT 'till-' || n, date_trunc('minute', now()), 1, now() FROM generate_series(1, 300) n"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO alerts (rule, feed, value_milli, limit_milli, last_value_milli)"
                " VALUES ('silent_feed', 'till-99', 1, 1, 1)"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO alerts (rule, feed, value_milli, limit_milli, last_value_milli, opened_at, closed_at)"
                " VALUES ('silent_feed', 'till-98', 1, 1, 1, now() - INTERVAL '9 hours', now() - INTERVAL '2 hours')"
            )
        )
    page = desk.draw("feeds")
    assert page.dataframe[0].value["feed"].tolist()[0] == "till-99"
    assert len(page.dataframe[0].value) == FEEDS_SHOWN
    assert "till-99: firing" in said(page)
    assert "100 of 301 feeds, worst first" in said(page)
    assert "30 of 301 are shown." in said(page)
    # one that was alerted and is well again is drawn before those that always were
    assert "till-98 was firing" in charts_of(page)[1]
    assert "308 events in the last hour" in charts_of(page)[0]
    # one that is not listed can be chosen
    assert (
        "till-300: 1 event in the last hour" in charts_of(desk.draw("feeds", source="till-300"))[0]
    )


def test_rejects_say_so_when_the_api_is_away(desk: Dashboard) -> None:
    away = desk.reader.settings.model_copy(update={"api_url": f"http://127.0.0.1:{free_port()}"})
    desk.reader = replace(desk.reader, settings=away)
    page = desk.draw("feeds", **group("conflict", field="quantity"))
    assert AWAY in said(page)


def test_rejects_say_what_was_last_when_none_is_open(desk: Dashboard, api: Api) -> None:
    ids = [row["reject_id"] for row in api.read.get("/v1/rejects").json()["rejects"]]
    api.operate.post("/v1/rejects/drop", json={"ids": ids, "reason": "a test"}).raise_for_status()
    assert "No reject is open. The latest one was sent" in said(desk.draw("feeds", tab="rejects"))
    assert "No reject was replayed yet." in said(
        desk.draw("feeds", tab="rejects", state="replayed")
    )


def test_alerts_are_acknowledged_and_silenced_with_a_reason(
    desk: Dashboard, database: sa.Engine, api: Api
) -> None:
    assert "No alert is open" in said(desk.draw("alerts"))
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO alerts (rule, feed, value_milli, limit_milli, last_value_milli)"
                " VALUES ('silent_feed', 'test ingest', 7200000, 600000, 7200000)"
            )
        )
    page = desk.draw("alerts")
    table = page.dataframe[0].value
    assert table[["state", "last", "allowed"]].iloc[0].tolist() == ["open", "2 h", "10 min"]
    click = {"selection": {"rows": [], "columns": [], "cells": [[0, "rule"]]}}
    page.session_state[f"alerts.list.{rows_key([1])}"] = click
    page.run()
    press(page, "alerts.acknowledge")
    assert "Enter a reason" in said(page)
    page.text_input(key="alerts.reason").set_value("the till is off").run()
    press(page, "alerts.acknowledge")
    assert "The alert is acknowledged." in said(page)
    alert = api.read.get("/v1/alerts").json()["alerts"][0]
    assert alert["acknowledged_by"] == "anna (key test operate)"
    firing = desk.draw("feeds").dataframe[0].value
    assert firing[["state", "why"]].iloc[0].tolist() == [["Firing"], "silent feed"]
    assert "Planners and operators" in said(desk.draw("alerts", role="viewer"))


def test_live_shows_the_newest_events_and_filters_them(desk: Dashboard) -> None:
    page = desk.draw("feeds", tab="live")
    assert "95 % of events committed within" in charts_of(page)[0]
    assert page.dataframe[0].value["event_id"].tolist()[-1] in {"g0", "g1", "g2", "g3"}
    page.text_input(key="feeds.live.filter").set_value("G3").run()
    assert page.dataframe[0].value["event_id"].tolist() == ["g3"]
    page.text_input(key="feeds.live.filter").set_value("nowhere").run()
    assert "contains “nowhere”" in said(page)


def test_exports_are_dropped_tried_and_imported_with_their_sums(desk: Dashboard) -> None:
    order = Order("#1", NOW, [Line("Loaf", 2, Decimal("2.50"), "L")], off=Decimal("0.75"))
    page = desk.draw("feeds", tab="imports")
    assert "No file was imported yet" in page.info[0].value
    press(page, "feeds.imports.preview")
    assert "Choose the files first" in said(page)
    file = ("orders_export.csv", orders_csv([order]).encode(), "text/csv")
    page.file_uploader(key="feeds.imports.files").set_value([file])
    press(page, "feeds.imports.preview")
    assert "sums agree to the cent" in text_of(page)
    page.file_uploader(key="feeds.imports.files").set_value([file])
    press(page, "feeds.imports.import")
    assert "1 event recorded" in said(page)
    files, sums, latest = [frame.value for frame in page.dataframe]
    assert files.iloc[0].tolist() == ["orders_export.csv", "Shopify orders", 1, 0, 0]
    assert dict(sums.to_numpy())["Sales recorded"] == "4.25"
    assert latest[["state", "accepted", "sums"]].iloc[0].tolist() == ["succeeded", 1, "agree"]
    seen = desk.draw("feeds", tab="imports", role="viewer")
    assert not seen.button
    assert len(seen.dataframe) == 1


def test_keys_are_for_operators(desk: Dashboard) -> None:
    keys = desk.draw("feeds", tab="keys").dataframe[0].value
    assert sorted(keys["name"]) == [f"test {scope}" for scope in sorted(SCOPES)]
    assert set(keys["state"]) == {"valid"}
    seen = desk.draw("feeds", tab="keys", role="planner")
    assert all("name" not in table.value for table in seen.dataframe)


def test_the_dashboards_role_reads_no_payload_and_no_hash(desk: Dashboard) -> None:
    for query in ("SELECT raw FROM rejects", "SELECT sent FROM reject_actions",
                  "SELECT key_hash FROM access_keys"):  # fmt: skip
        with pytest.raises(sa.exc.DBAPIError, match="denied"), desk.reader.engine.connect() as one:
            one.execute(sa.text(query))


# -- words


def test_ask_api_says_why_not(api: Api) -> None:
    assert ask_api("GET", "/v1/rejects", api.url, None)[0] is None
    assert "Send your key" in ask_api("GET", "/v1/rejects", api.url, None)[1]
    assert ask_api("GET", "/", f"http://127.0.0.1:{free_port()}", None) == (None, AWAY)


@pytest.mark.parametrize(
    ("body", "words"),
    [(b'{"title": "Too Large", "status": 413}', "Too Large"), (b"<html>", "the API answered 502."),
     (b"[]", "the API answered 502."), (b'{"detail": "no"}', "no")],
)  # fmt: skip
def test_ask_api_says_what_it_can_of_any_answer(
    body: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpx, "request", lambda *_a, **_k: httpx.Response(502, content=body))
    assert ask_api("GET", "/", "http://nowhere", None) == (None, f"Not done: {words}")


def test_headline_names_the_worst_feed_first() -> None:
    feeds = pd.DataFrame(
        {
            "feed": ["till_1", "b", "c"],
            "state": ["Firing", "Pending", "No data"],
            "why": ["x", "y", ""],
        }
    )
    assert headline(feeds).replace("\\", "") == "**till_1: firing, x.** 1 more need attention."
    assert headline(feeds[2:]) == "**0 of 1 feed healthy; 1 without data.**"


def test_last_refused_says_what_and_when() -> None:
    nothing = {"last_seen_at": None, "reason": None, "feed": None}
    assert last_refused(nothing).startswith("Nothing was refused so far.")
    last = {"last_seen_at": datetime(2025, 11, 14, tzinfo=UTC), "reason": "no_rule", "feed": "a"}
    assert "2025-11-14: no rule, by feed a." in last_refused(last)


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, "never"), (5.0, "within the minute"), (7_300.0, "2 h ago")]
)
def test_ago_counts_by_the_minute(seconds: float | None, words: str) -> None:
    assert ago(seconds) == words


def test_lag_words_are_of_the_last_hour() -> None:
    bins = pd.DataFrame(
        {"feed": ["a", "a", "b"], "lag_s": [59.0, 700.0, None],
         "at": pd.to_datetime([NOW - timedelta(minutes=9), NOW - timedelta(hours=2), NOW])}
    )  # fmt: skip
    assert lag_words(bins, "a", NOW) == "within 59 s"
    assert lag_words(bins, "b", NOW) == ""


def test_payload_table_marks_the_field_that_is_wrong_or_missing() -> None:
    text = json.dumps({"id": "1", "data": {"product": "x", "quantity": 2}})
    marked = payload_table(text, "product").to_dict("list")
    assert (marked["Field"][0], marked[""]) == ("data.product", ["wrong", "", ""])
    assert payload_table(text, "time").iloc[0].tolist() == ["wrong", "time", ""]
    assert payload_table("[1]", None).empty
    assert payload_table("{cut", "id").empty


def test_conflict_table_puts_what_differs_first() -> None:
    conflict = {"recorded": {"time": "a", "data.x": "1"}, "refused": {"time": "a", "data.x": "2", "ext": True},
                "differing": ["data.x", "ext"]}  # fmt: skip
    assert conflict_table(conflict).values.tolist() == [
        ["differs", "data.x", "1", "2"], ["differs", "ext", "", "true"], ["", "time", "a", "a"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("data.quantity", "2", 2), ("data.price", "1.50", 1.5), ("data.promotion", "true", True),
        ("data.product", "22423", "22423"), ("data.location", "007", "007"), ("id", "17", "17"),
        ("data.quantity", "", None), ("data.product", None, None),
    ],
)  # fmt: skip
def test_typed_goes_by_the_field(field: str, text: str | None, value: Any) -> None:
    assert typed(field, text) == value


def test_order_of_keeps_the_same_to_what_the_named_field_says() -> None:
    kept = {"reject_id": 7, "mended": None, "reason": "unknown_product", "field": "data.product",
            "raw": {"text": '{"id": "1", "data": {"product": "x", "location": "S1"}}'}}  # fmt: skip
    group = {"reason": "unknown_product", "feed": "a", "field": "data.product", "source": None}
    order = order_of(group, kept, Choice(SAME, EDIT, " data.location ", "2"))
    assert order == {
        "filter": {**group, "source": ""},
        "edit": {"field": "data.location", "value": "2", "was": "S1"},
    }
    assert order_of(group, kept, Choice(SAME, EDIT, " ", "2")) is None


def answering(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any] | None) -> None:
    """Stand for the API that answers so, one call after the other; None: it is away."""
    left = iter(answers)

    def ask(*_arguments: Any) -> tuple[dict[str, Any] | None, str]:
        answer = next(left)
        return answer, "" if answer else AWAY

    monkeypatch.setattr("dashboard.feeds.replays.ask", ask)


TAKEN = {"taken": 10, "accepted": 6, "duplicate": 1, "conflict": 1, "rejected": 1, "closed": 1}


def test_replay_says_what_was_done_before_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody: Any = None
    answering(monkeypatch, {**TAKEN, "next": 10}, None)
    done, words = replay(nobody, nobody, {}, "r")
    assert not done
    assert words.startswith("7 events recorded (1 were recorded before). 2 events still fail")
    assert AWAY in words
    answering(monkeypatch, *[{**TAKEN, "next": n} for n in range(1, 11)])
    done, words = replay(nobody, nobody, {}, "r")
    assert (done, "More are open: one replay takes 100." in words) == (False, True)
    answering(monkeypatch, {**TAKEN, "next": None})
    assert replay(nobody, nobody, {}, "r")[0]
    answering(monkeypatch, None)
    assert replay(nobody, nobody, {}, "r") == (False, AWAY)


def test_replay_sentence_tells_of_what_another_settled() -> None:
    counts = {**dict.fromkeys(TAKEN, 0), "closed": 1}
    assert replay_sentence(counts) == (
        "0 events recorded. 1 event was closed by someone else in the meantime."
    )


def test_wrong_field_of_a_conflict_is_its_id() -> None:
    kept = {
        "raw": {"text": '{"id": "7", "data": {"x": 1}}'},
        "mended": None,
        "reason": "conflict",
        "field": "x",
    }
    assert wrong_field(kept) == ("id", "7")
    assert wrong_field({**kept, "reason": "zero"}) == ("data.x", 1)
    assert wrong_field({**kept, "raw": {"base64": ""}}) == (None, None)


def test_trial_sentence_counts_what_would_happen() -> None:
    told = {"accepted": 212, "duplicate": 1, "conflict": 1, "rejected": 2, "left_alone": 4, "not_events": 0,
            "products_changed": 41, "next": 9}  # fmt: skip
    assert trial_sentence(told) == (
        "Would accept 212, find 1 recorded before, still refuse 3 and leave 4 alone; balances of 41 products would "
        "change. More are waiting after these."
    )


def test_alert_state_is_silenced_before_acknowledged() -> None:
    alert = {"silenced_until": NOW, "acknowledged_at": NOW}
    assert alert_state(alert) == "silenced"
    assert alert_state({**alert, "silenced_until": pd.NaT}) == "acknowledged"
    assert alert_state({"silenced_until": None, "acknowledged_at": None}) == "open"


# -- figures

RATES = pd.DataFrame(
    {
        "at": pd.to_datetime([NOW - timedelta(minutes=20), NOW - timedelta(minutes=10)] * 2),
        "outcome": ["accepted"] * 2 + ["rejected"] * 2,
        "events": [60, 30, 0, 10],
        "per_minute": [6.0, 3.0, 0.0, 1.0],
    }
)


@pytest.mark.parametrize("role", [LIGHT, DARK])
def test_rate_chart_stacks_outcomes_and_draws_what_is_usual(role: Any) -> None:
    bands = pd.DataFrame(
        {"feed": [None, "a"], "hour_of_day": [11, 11], "low": [1.0, 0.0], "high": [5.0, 2.0]}
    )
    band = band_of(bands, None, NOW - timedelta(hours=2), NOW)
    assert band["low"].tolist() == [1.0, 1.0]
    assert band_of(bands, "b", START, NOW).empty
    chart = drawn(rate_chart(RATES, band, role, title="T", subtitle="S"))
    assert marks(chart) == ["rect", "line", "line"]
    assert chart["layer"][0]["encoding"]["color"]["scale"]["domain"][3] == "rejected"
    tops = [(row["outcome"], row["bottom"], row["top"]) for row in rows_of(chart)]
    # what was rejected lies on what was accepted, and an outcome that did not happen is not drawn
    assert tops == [("accepted", 0.0, 6.0), ("accepted", 0.0, 3.0), ("rejected", 3.0, 4.0)]
    assert marks(drawn(rate_chart(RATES, band[:0], role, title="T", subtitle="S"))) == ["rect"]


def test_rate_title_says_what_came_in_the_last_hour() -> None:
    assert rate_title(RATES, None) == "All feeds: 100 events in the last hour, 10.0% refused"
    assert rate_title(RATES.assign(events=0), "a") == "a: nothing in the last hour"


def test_state_timeline_writes_letters_where_there_is_room() -> None:
    spans = pd.DataFrame(
        {
            "feed": ["a", "a", "a"], "state": ["Normal", "Firing", "Normal"],
            "start": pd.to_datetime([START, START + timedelta(hours=5), NOW - timedelta(minutes=10)]),
            "end": pd.to_datetime([START + timedelta(hours=5), NOW - timedelta(minutes=10), NOW]),
        }
    )  # fmt: skip
    assert timeline_title(spans) == "a was firing or in error for 19 h of the last 24 hours"
    chart = drawn(state_timeline(spans, LIGHT, title="T"))
    rows = next(iter(chart["datasets"].values()))
    assert [row["letter"] for row in rows] == ["N", "F", ""]


def test_lag_chart_names_the_slowest_source() -> None:
    lag = pd.DataFrame({"source": ["a"], "events": [3], "median_s": [0.0], "p95_s": [75.0]})
    chart = drawn(lag_chart(lag, LIGHT))
    assert "a: 95 % of events committed within 75 s" in json.dumps(chart)
    # a logarithm wants something above zero
    assert next(iter(chart["datasets"].values()))[0]["median_s"] > 0


@given(
    usual=st.lists(st.floats(1, 10), min_size=3, max_size=40),
    spikes=st.lists(st.floats(1_000, 1e6), max_size=1),
)
@settings(max_examples=40)
def test_rates_stay_readable_beside_an_import(usual: list[float], spikes: list[float]) -> None:
    """Nothing usual is cut off, and an import's rate does not set the axis."""
    top = readable_top(pd.Series([*usual, *spikes, 0.0]))
    assert (top is None) == (not spikes)
    if top is not None:
        assert max(usual) <= top <= 10


def test_lag_is_that_of_feeds_and_not_of_imports() -> None:
    tail = pd.DataFrame(
        {"source": ["till", "till", "file", "file"], "lag_s": [2.0, 4.0, 86_400.0, 3e7]}
    )
    assert lags(tail)[["source", "events"]].to_dict("list") == {"source": ["till"], "events": [2]}
    assert lags(tail[2:]).empty
