import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from catalog.state import judge_data
from dashboard.overview.attention import attention, what_is_not_known
from dashboard.overview.cards import full_days, points
from etl import run_etl
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.dashboard.conftest import Dashboard, charts_of, make_known, text_of
from tests.ingest.samples import raw

CALM: dict[str, Any] = {
    "out_of_stock": 0,
    "sensor_differs": 0,
    "sensed": 0,
    "negative": 0,
    "pairs": 4,
    "pairs_known": 4,
}
NOTHING = pd.DataFrame(columns=["name", "location", "on_hand", "week", "found"])


def test_attention_says_so_when_nothing_needs_a_look() -> None:
    assert attention(CALM, NOTHING) == [
        "Nothing. No shelf is out of stock, and none is likely to be within a week."
    ]


def test_attention_says_the_most_pressing_first_and_at_most_five() -> None:
    running_out = pd.DataFrame(
        [{"name": "Milk *1* l", "location": "Mill", "on_hand": 3.0, "week": 14.2, "found": 230}]
    )
    said = attention(
        {**CALM, "out_of_stock": 1, "negative": 2, "sensor_differs": 3, "sensed": 10}, running_out
    )
    assert [sentence.split("**")[1] for sentence in said] == [
        "1 shelf out of stock",
        "230 shelves will probably run empty within a week",
        "3 of 10 shelf sensors",
        "Book stock below zero at 2 places",
    ]
    assert r"Worst: Milk \*1\* l, Mill: 3 left, 14 expected." in said[1]


def test_attention_says_what_to_do_when_stock_is_unknown() -> None:
    assert "Send a `stocktake`" in attention({**CALM, "pairs_known": 0}, NOTHING)[0]


FRESH = judge_data({"newest_day": date(2026, 3, 4), "lake_updated_at": None, "last_received": None},
                   datetime(2026, 3, 4, 12, tzinfo=UTC))  # fmt: skip
PAIRS_RUN = {"hierarchy": [[], ["location", "product"]]}


@pytest.mark.parametrize(
    ("position", "run", "through", "said"),
    [
        ({}, PAIRS_RUN, date(2026, 3, 10), []),
        ({}, PAIRS_RUN, date(2026, 3, 9), ["The forecast ends on 9 Mar 2026, before the week"]),
        ({}, {"hierarchy": [[], ["product"]]}, date(2026, 4, 1), ["Forecasts are not by product"]),
        ({}, None, None, ["No forecast is published"]),
        ({"pairs_known": 1}, None, None, ["Stock is known at 1 of 4 shelves", "No forecast"]),
    ],
)
def test_attention_calls_nothing_well_that_is_not_known(
    position: dict[str, int], run: Any, through: date | None, said: list[str]
) -> None:
    found = what_is_not_known({**CALM, **position}, run, through, FRESH)
    assert [one.startswith(start) for one, start in zip(found, said, strict=True)] == [True] * len(
        said
    )
    first = attention({**CALM, **position}, NOTHING, found)[0]
    assert first.startswith("Nothing is known" if said else "Nothing. No shelf")


def test_points_are_no_change_where_they_round_to_nothing() -> None:
    assert points(0.12, 0.10) == "+2.0 points"
    assert points(0.1, 0.105) == "-0.5 points"
    assert {points(0.1004, 0.1), points(0.0996, 0.1)} == {"no change"}


def test_full_days_fills_gaps_and_leaves_today_out() -> None:
    days = [date(2026, 3, 1), date(2026, 3, 3), date(2026, 3, 4)]
    sales = pd.DataFrame({"day": days, "sold": [4.0, 5.0, 1.0], "active": [2, 3, 1]})
    full = full_days(sales, date(2026, 3, 4))
    assert full["day"].dt.day.tolist() == [1, 2, 3]
    assert full["sold"].tolist() == [4.0, 0.0, 5.0]
    assert full_days(sales, date(2026, 3, 1)).empty


def test_overview_shows_the_first_steps_when_the_database_is_empty(empty: Dashboard) -> None:
    said = text_of(empty.draw("overview"))
    assert "No events yet" in said
    assert said.count(":material/radio_button_unchecked:") == 3


@pytest.mark.parametrize("role", ["viewer", "planner"])
def test_overview_guides_buyers_without_commands(empty: Dashboard, role: Any) -> None:
    said = text_of(empty.draw("overview", role=role))
    steps = [line for line in said.splitlines() if ":material/radio_button_unchecked:" in line]
    assert len(steps) == 3
    assert not any("`" in step or "/v1/" in step for step in steps)
    assert "Your operator connects the tills" in said


def test_overview_ticks_the_first_step_when_events_wait_for_the_lake(
    empty: Dashboard, database: sa.Engine
) -> None:
    make_known(database)
    Recorder(database, Settings()).record("till", "", [raw(kind="sale")])
    assert text_of(empty.draw("overview")).count(":material/check_circle:") == 1


def test_overview_shows_no_weeks_when_the_first_day_is_not_over(
    empty: Dashboard, database: sa.Engine, tmp_path: Path
) -> None:
    make_known(database)
    now = datetime.now(UTC).isoformat().encode()
    sale = raw(kind="sale").replace(b"2026-03-01T08:00:00+00:00", now)
    Recorder(database, Settings()).record("till", "", [sale])
    run_etl(database, Lake(str(tmp_path / "lake")))
    drawn = empty.draw("overview")
    assert not drawn.metric
    assert "The first day is not over yet" in text_of(drawn)
    assert len(charts_of(drawn)) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_overview_says_what_needs_a_look_and_draws_sales(filled: Dashboard, theme: str) -> None:
    drawn = filled.draw("overview", theme=theme)
    said = text_of(drawn)
    assert "**1 shelf out of stock**" in said
    assert "Worst: Apples, Mill: 5 left" in said
    assert "**1 of 1 shelf sensor** differ" in said
    assert "**Book stock below zero at 1 place**" in said
    assert [card.label for card in drawn.metric] == [
        "Sales, last 7 days",
        "Units, last 7 days",
        "Out-of-stock rate",
        "Stock at selling price",
    ]
    # 42 apples a week at S1 and 14 at S2, 2 EUR each; 10.5 kg, 2 kg and 1 piece beside them bear no price
    assert drawn.metric[0].value == "EUR 112.00"
    assert drawn.metric[1].value == "57 units + 12 kg"
    assert len(charts_of(drawn)) == 1
    assert re.search(r"units expected, \d+ [A-Z]", charts_of(drawn)[0])
    assert "today so far" in charts_of(drawn)[0]
    shelves = drawn.dataframe[0].value
    assert shelves["names"].tolist() == ["Apples"]


def test_overview_says_stock_is_unknown_when_only_sales_came(
    open_dashboard: Callable[..., Dashboard], database: sa.Engine, database_url: str, tmp_path: Path
) -> None:
    make_known(database)
    day = (datetime.now(UTC) - timedelta(days=1)).isoformat().encode()
    sale = raw(kind="sale").replace(b"2026-03-01T08:00:00+00:00", day)
    Recorder(database, Settings()).record("till", "", [sale])
    run_etl(database, Lake(str(tmp_path / "lake")))
    drawn = open_dashboard(database_url).draw("overview")
    assert [card.value for card in drawn.metric][2:] == ["unknown", "unknown"]
    assert "Stock-outs are not known" in text_of(drawn)
    assert "no forecast is published yet" in charts_of(drawn)[0]
