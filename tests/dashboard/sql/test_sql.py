"""The page SQL over a real API: run, cut results, exports that are whole, charts, and every state that is no result."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from dashboard.sql.asking import AWAY, Asking
from dashboard.sql.figures import chart_columns, frame_of
from stocktide.foundation.users import User
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard, charts_of, text_of
from tests.ingest.samples import event
from tests.system.running import free_port

BATCH = {"Content-Type": "application/cloudevents-batch+json"}
BY_DAY = "SELECT day, kind, -sum(quantity) AS units FROM movements GROUP BY day, kind ORDER BY day"


@pytest.fixture
def page(api: Api, open_dashboard: Callable[..., Dashboard], database_url: str) -> Dashboard:
    """Sales of two days, and the page over an API."""
    api.ingest.put("/v1/products", json={"products": [{"sku": "A"}]}).raise_for_status()
    api.ingest.put("/v1/locations", json={"locations": [{"code": "S1"}]}).raise_for_status()
    events = [event("sale", f"s{n}", minute=n * 700) for n in range(4)]
    api.ingest.post("/v1/events", content=json.dumps(events), headers=BATCH).raise_for_status()
    made = open_dashboard(database_url)
    key = api.operate.headers["Authorization"].removeprefix("Bearer ")
    settings = made.reader.settings.model_copy(update={"api_url": api.url, "dashboard_key": key})
    made.reader = replace(made.reader, settings=settings)
    return made


def run(drawn: AppTest, statement: str) -> AppTest:
    drawn.text_area(key="sql.statement").set_value(statement)
    drawn.button[0].click().run()
    assert not drawn.exception
    return drawn


def test_a_statement_is_run_and_drawn_by_day(page: Dashboard, database: sa.Engine) -> None:
    drawn = run(page.draw("sql"), BY_DAY)
    assert len(charts_of(drawn)) == 1
    shown = drawn.dataframe[0].value
    assert shown["units"].tolist() == [2.0, 2.0]
    assert "2 rows · as of " in text_of(drawn)
    run(drawn, "SELECT * FROM range(1500)")
    assert "1,000 rows of 1,500; the export has all" in text_of(drawn)
    assert charts_of(drawn) == []
    drawn.button(key="sql.CSV").click().run()
    assert not drawn.exception
    assert drawn.get("download_button")[0].proto.label == "Save result.csv (1,500 rows)"
    run(drawn, "SELECT 1 WHERE false")
    assert "0 rows: nothing fits the statement." in text_of(drawn)
    for wrong, said in (
        ("DROP TABLE ledger", "Only SELECT"),
        ("SELECT nothing FROM stock", "nothing"),
    ):
        run(drawn, wrong)
        assert said in drawn.error[0].value
    with database.connect() as connection:
        asked = (
            connection.execute(sa.text("SELECT DISTINCT asked_by FROM statements")).scalars().all()
        )
    assert asked == ["anna (key test operate)"]


def test_metrics_fill_the_editor_and_tables_are_explained(page: Dashboard) -> None:
    drawn = page.draw("sql")
    drawn.selectbox(key="sql.metric").set_value("net_sales").run()
    assert "AS net_sales" in str(drawn.text_area(key="sql.statement").value)
    assert "revenue of sales less returns" in text_of(drawn)
    drawn.selectbox(key="sql.browse").set_value("products").run()
    columns = drawn.dataframe[-1].value
    assert columns.set_index("column")["meaning"]["sku"] == "code of the product"


def test_who_may_not_ask_and_what_is_away_is_said(page: Dashboard) -> None:
    assert "Planners and operators can ask in SQL" in text_of(page.draw("sql", role="viewer"))
    away = page.reader.settings.model_copy(update={"api_url": f"http://127.0.0.1:{free_port()}"})
    page.reader = replace(page.reader, settings=away)
    assert page.draw("sql", role="planner").error[0].value == AWAY


def test_a_reader_who_goes_on_cancels_the_statement(page: Dashboard, database: sa.Engine) -> None:
    forever = (
        "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r) SELECT count(*) FROM r"
    )
    asking = Asking(page.reader, User("anna", "planner"), forever)
    running = threading.Thread(target=asking.run)
    running.start()
    query = sa.text("SELECT count(*) FROM statements WHERE finished_at IS NULL")
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with database.connect() as connection:
            if connection.execute(query).scalar():
                break
        time.sleep(0.02)
    asking.cancel()
    running.join()
    assert "was cancelled" in asking.why


def answer(*columns: tuple[str, str], rows: list[list[Any]]) -> dict[str, Any]:
    return {"columns": [{"name": name, "type": kind} for name, kind in columns], "rows": rows}


def test_frames_have_the_types_of_the_answer_and_different_names() -> None:
    given = answer(
        ("a", "date32[day]"), ("a", "int64"), ("t", "timestamp[us, tz=UTC]"), ("d", "decimal128(23, 3)"),
        ("l", "list<item: int32>"), ("b", "bool"), ("s", "string"),
        rows=[["2026-03-01", 1, "2026-03-01T08:00:00Z", 1.5, [1], True, "x"], [None] * 7],
    )  # fmt: skip
    frame = frame_of(given)
    assert list(frame) == ["a", "a 2", "t", "d", "l", "b", "s"]
    assert [str(kind) for kind in frame.dtypes[:4]] == [
        "datetime64[ns]",
        "float64",
        "datetime64[ns, UTC]",
        "float64",
    ]
    assert chart_columns(frame) == ("a", ["a 2", "d"], None)


@pytest.mark.parametrize(
    ("frame", "wanted"),
    [
        (pd.DataFrame({"n": [1, 2]}), (None, ["n"], None)),
        (pd.DataFrame({"d": pd.to_datetime(["2026-01-01"]), "ok": [True]}), ("d", [], None)),
        (
            pd.DataFrame({"d": pd.to_datetime(["2026-01-01"] * 2), "n": [1, 2], "k": ["a", "b"]}),
            ("d", ["n"], "k"),
        ),
    ],
)
def test_a_chart_needs_a_day_and_a_number(frame: pd.DataFrame, wanted: Any) -> None:
    assert chart_columns(frame) == wanted


def test_a_query_is_saved_opened_by_its_address_and_run_with_other_values(page: Dashboard) -> None:
    drawn = page.draw("sql", role="planner")
    drawn.text_area(key="sql.statement").set_value(
        "SELECT kind, sum(quantity) AS units FROM movements WHERE kind = $kind GROUP BY kind"
    )
    # the first press shows the field, with nothing in it
    drawn.button[0].click().run()
    drawn.text_input(key="sql.value.kind").set_value("sale")
    drawn.button[0].click().run()
    assert drawn.dataframe[0].value["units"].tolist() == [-4.0]
    drawn.text_input(key="sql.save.name").set_value("Of a kind")
    drawn.selectbox(key="sql.save.mark").set_value("bar")
    next(one for one in drawn.button if one.label == "Save").click().run()
    assert not drawn.exception
    assert not drawn.error
    number = drawn.query_params["q"][0]

    again = page.draw("sql", role="planner", q=number)
    assert "Saved query Of a kind, yours." in text_of(again)
    again.button[0].click().run()
    assert "bar" in charts_of(again)[0]
    tables = {tuple(one.value.columns): one.value for one in again.dataframe}
    listed = next(one for names, one in tables.items() if names[0] == "Name")
    assert listed["Owner"].tolist() == ["anna"]
    history = next(one for names, one in tables.items() if names[0] == "Run at (UTC)")
    assert history["Outcome"].tolist() == ["done"] * 3
    assert "There is no query 99" in page.draw("sql", q="99").error[0].value


def test_what_a_panel_hands_over_is_opened_by_its_id(page: Dashboard, api: Api) -> None:
    body = {"title": "Sales", "statement": "SELECT 41 + 1 AS answer"}
    name = api.operate.post("/v1/query/handovers", json=body).json()["handover_id"]
    drawn = page.draw("sql", h=name)
    assert "The figures of Sales, as SQL." in text_of(drawn)
    drawn.button[0].click().run()
    assert drawn.dataframe[0].value["answer"].tolist() == [42]


def test_a_panel_opens_as_sql_with_what_it_shows(page: Dashboard, database: sa.Engine) -> None:
    drawn = page.draw("system")
    drawn.button(key="system.feeds.csv.sql").click().run()
    assert not drawn.error
    with database.connect() as connection:
        kept = connection.execute(sa.text("SELECT title, statement FROM query_handovers")).one()
    assert kept.title == "Feeds of the last 24 hours"
    assert "FROM feed_minutes" in kept.statement
    viewer = page.draw("system", role="viewer")
    assert not [one for one in viewer.button if one.label == "Open as SQL"]
