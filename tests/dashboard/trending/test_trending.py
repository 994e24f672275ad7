from collections.abc import Callable
from datetime import date, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from catalog.frames import read_frame
from dashboard.theme import counted
from dashboard.trending.page import shares
from dashboard.trending.surprises import against
from ingest.ledger.dimensions import LocationIn, put_locations
from ingest.recording.recording import Recorder
from stocktide.foundation.settings import Settings
from tests.dashboard.conftest import Dashboard, charts_of, make_known, text_of
from tests.ingest.samples import raw
from tests.system.running import free_port


def ranked(drawn: AppTest) -> list[pd.DataFrame]:
    """Return the tables of what sells most, one a unit."""
    return [shown.value for shown in drawn.dataframe if "rank" in shown.value]


def test_trending_says_when_sales_show_when_there_are_none(empty: Dashboard) -> None:
    assert "No sales yet for “Everywhere”" in text_of(empty.draw("trending"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_trending_ranks_what_sells_most_lately(filled: Dashboard, theme: str) -> None:
    drawn = filled.draw("trending", theme=theme)
    tables = ranked(drawn)
    # kg never stand beside pieces
    assert [table["unit"].nunique() for table in tables] == [1, 1]
    names = [name for table in tables for name in table["name"]]
    assert sorted(names) == ["Apples (A)", "Apples (C)", "Milk *whole*"]
    for table in tables:
        assert table["rank"].tolist() == list(range(1, len(table) + 1))
        assert table["score"].is_monotonic_decreasing
    assert "Top seller: Apples (A)" in charts_of(drawn)[0]
    assert "No sale since" not in text_of(drawn)


def test_trending_narrows_to_a_place_or_a_region(filled: Dashboard) -> None:
    drawn = filled.draw("trending")
    where = drawn.selectbox(key="where")
    assert where.options == ["Everywhere", "Region North", "Region South", "High Street", "Mill"]
    where.select("High Street").run()
    assert {name for table in ranked(drawn) for name in table["name"]} == {"Apples", "Milk *whole*"}
    drawn.selectbox(key="where").select("Region South").run()
    assert "Apples (C)" in {name for table in ranked(drawn) for name in table["name"]}


def test_trending_keeps_two_places_of_one_name_apart(empty: Dashboard, database: sa.Engine) -> None:
    with database.begin() as connection:
        put_locations(connection, [LocationIn("S1", name="Mill"), LocationIn("S2", name="Mill")])
    options = empty.draw("trending").selectbox(key="where").options
    assert options == ["Everywhere", "Mill (S1)", "Mill (S2)"]


def test_trending_says_as_of_when_after_long_without_a_sale(
    empty: Dashboard, database: sa.Engine
) -> None:
    make_known(database)
    Recorder(database, Settings()).record("till", "", [raw(kind="sale", quantity=3)])
    drawn = empty.draw("trending")
    # a shop that sends once a month is not silent
    assert ":orange-badge[No sale since 2026-03-01] Ranked as of then." in text_of(drawn)
    assert drawn.dataframe[0].value["score"].tolist() == [3.0]


def test_trending_is_shown_when_the_cache_is_away(
    open_dashboard: Callable[..., Dashboard], filled_url: str
) -> None:
    away = open_dashboard(filled_url, redis_url=f"redis://127.0.0.1:{free_port()}")
    assert sum(len(table) for table in ranked(away.draw("trending"))) == 3


def test_rising_is_outside_its_own_interval_and_said_in_shares(filled: Dashboard) -> None:
    found = filled.draw("trending")
    assert "Rising and fading" in text_of(found)
    rows = read_frame(
        filled.reader.engine, "surprises", day=data_day(filled), location=None
    ).to_dict("records")
    for row in rows:
        assert not row["low"] <= row["sold"] <= row["high"]
    outside = [row["outside"] for row in rows if row["outside"] is not None]
    assert outside == sorted(outside, reverse=True)


def data_day(dashboard: Dashboard) -> date:
    """The newest day that the forecast was made before."""
    with dashboard.reader.engine.connect() as connection:
        cutoff = connection.execute(sa.text("SELECT max(cutoff) FROM forecast_runs")).scalar_one()
    return cutoff + timedelta(days=1)  # type: ignore[no-any-return]  # a date


def test_against_is_a_share_of_what_was_expected_or_few() -> None:
    assert against(22.0, 10.0) == "+120 %"
    assert against(0.0, 10.0) == "-100 %"
    assert {against(4.0, 1.0), against(4.9, 0.0), against(90.0, 0.0)} == {"few units"}


def test_one_unit_is_one() -> None:
    said = [counted(1.0, "each"), counted(66.0, "each"), counted(1.0, "kg"), counted(1.5, "each")]
    assert said == ["1 unit", "66 units", "1 kg", "1.5 units"]


def test_shares_never_put_kilos_beside_pieces() -> None:
    frame = pd.DataFrame({"unit": ["each", "kg", "each"], "score": [30.0, 5.0, 10.0]})
    assert shares(frame).tolist() == [75.0, 100.0, 25.0]
