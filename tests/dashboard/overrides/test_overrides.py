"""Page Overrides: entered, previewed, changed, withdrawn and read from a file; and the Forecasts page beside it."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.frames import read_frame
from dashboard.overridden import in_words, move_paths, read_forecast
from dashboard.overrides.files import bodies_of
from dashboard.overrides.words import as_file, change_words, worth_words
from dashboard.panels import csv_of
from stocktide.foundation.lake import Lake
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard, charts_of, click, links_of, text_of
from tests.forecasting.overriding.chain import SPAN, TODAY, two_shops

FAIR = {"id": "fair", "product": "A", "location": "S1", "change": "percent", "value": 50.0, **SPAN,
        "reason": "local_event", "note": "Town fair"}  # fmt: skip


@pytest.fixture
def desk(api: Api, database: sa.Engine, before_api: Dashboard, tmp_path: Path) -> Dashboard:
    """The page in front of its API, over two shops with a forecast."""
    two_shops(api, database, Lake(str(tmp_path / "lake")))
    return before_api


def test_planner_previews_saves_changes_and_withdraws(desk: Dashboard, api: Api) -> None:
    drawn = desk.draw("overrides", role="planner")
    assert "No overrides yet" in drawn.info[0].value
    drawn.selectbox(key="overrides.form.new.scope").set_value("")
    drawn.selectbox(key="overrides.form.new.change").set_value("set").run()
    drawn.number_input(key="overrides.form.new.value.set").set_value(56.0)
    drawn.button(key="overrides.preview.ask").click().run()
    (chart,) = charts_of(drawn)
    # seven days are set, of which the forecast has four of 28 units
    assert "28 units become 32, +14 %" in chart
    assert "as published" in chart
    assert api.read.get("/v1/overrides").json()["overrides"] == []
    drawn.button(key="overrides.save").click().run()
    assert "1 new, 0 changed" in drawn.success[0].value
    (kept,) = api.read.get("/v1/overrides").json()["overrides"]
    assert (kept["value"], kept["from"]) == (56.0, str(TODAY))
    assert kept["recorded_by"].startswith("anna (key")
    click(drawn, "for_what")
    drawn.run()
    form = f"overrides.form.{kept['override_id']}"
    assert drawn.number_input(key=f"{form}.value.set").value == 56.0
    drawn.number_input(key=f"{form}.value.set").set_value(28.0)
    drawn.button(key="overrides.save").click().run()
    assert "0 new, 1 changed" in drawn.success[0].value
    click(drawn, "for_what")
    drawn.run()
    drawn.button(key="overrides.withdraw").click().run()
    assert "withdrawn" in drawn.success[0].value
    history = desk.draw("overrides", role="viewer", tab="history")
    (table,) = history.dataframe
    assert table.value["state"].tolist() == ["withdrawn", "withdrawn"]
    assert "Planners and operators can enter" in text_of(history)


def test_forecast_leads_to_the_form_for_its_item(desk: Dashboard) -> None:
    drawn = desk.draw("overrides", product="A", location="S1")
    (sku,) = [box for box in drawn.text_input if box.label == "Product (SKU)"]
    assert sku.value == "A"
    (place,) = [box for box in drawn.selectbox if box.label == "Where"]
    assert place.value == "S1"
    forecast = desk.draw("forecasts", node="3")
    assert "product=A" in next(
        link.query_string for link in links_of(forecast) if link.label == "Change this forecast"
    )


def test_file_of_the_page_can_be_imported_again(desk: Dashboard, api: Api) -> None:
    api.operate.put("/v1/overrides", json={"overrides": [FAIR]}).raise_for_status()
    listed = read_frame(desk.reader.engine, "override_list", today=TODAY, all=False, limit=9)
    bodies, why = bodies_of(csv_of(as_file(listed)))
    assert why == ""
    assert bodies == [FAIR]
    assert bodies_of(b"value,from\nmany,2026-01-01\n")[1] == "Row 1: value 'many' is not a number."


def test_forecasts_page_shows_the_forecast_with_overrides_beside_the_published_one(
    desk: Dashboard, api: Api
) -> None:
    assert "Overrides:" not in text_of(desk.draw("forecasts"))
    api.operate.put("/v1/overrides", json={"overrides": [FAIR]}).raise_for_status()
    drawn = desk.draw("forecasts")
    assert "against 28 as published" in text_of(drawn)
    assert len(desk.queries) <= 10
    fan = charts_of(drawn)[0]
    assert "forecast with overrides" in fan
    assert "Grey: as published." in fan
    now = read_forecast(desk.reader.engine, [0], is_adjusted=True)
    paths = now[["ds"]].assign(path=1, units=now["published"])
    assert move_paths(paths, now)["units"].tolist() == pytest.approx(now["yhat"].tolist())
    assert in_words(now) == "Overrides: +6 units (+21 %) against 28 as published."


def test_words_say_what_an_override_does_and_what_it_was_worth(desk: Dashboard) -> None:
    assert [change_words(*one) for one in (("percent", -20.0), ("add", 1e4), ("set", 0.0))] == [
        "-20 %",
        "+10,000 units",
        "set to 0 units",
    ]
    worth = {"overrides": 2, "periods": 8, "error_before": 50.0, "error_after": 40.0, "gain": 0.2}
    assert worth_words(worth).endswith("2 overrides saved 10 units of error (20 % of the error).")
    worse = {**worth, "error_after": 60.0, "gain": -0.2}
    assert "added 10 units of error (20 %" in worth_words(worse)
    assert "Nothing to judge yet" in desk.draw("overrides", tab="value").info[0].value
