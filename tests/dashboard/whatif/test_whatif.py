"""Page What-if: compared, saved, opened by its address and applied."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from dashboard.whatif.words import assumed_words, side_by_side
from stocktide.foundation.lake import Lake
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard, charts_of, text_of
from tests.forecasting.overriding.chain import two_shops
from tests.ingest.samples import raw


@pytest.fixture
def desk(api: Api, database: sa.Engine, before_api: Dashboard, tmp_path: Path) -> Dashboard:
    """The page in front of its API, over two shops; 6 of A are in one of them."""
    two_shops(api, database, Lake(str(tmp_path / "lake")))
    event = raw(kind="receipt", event_id="r", product="A", location="S1", quantity=6)
    headers = {"Content-Type": "application/cloudevents+json"}
    api.operate.post("/v1/events", content=event, headers=headers).raise_for_status()
    return before_api


def test_planner_compares_saves_and_applies(desk: Dashboard, api: Api) -> None:
    drawn = desk.draw("whatif", role="planner")
    drawn.button(key="whatif.compare").click().run()
    assert "Enter: Product" in drawn.warning[0].value
    drawn.text_input(key="whatif.product").set_value("A")
    drawn.number_input(key="whatif.1.fill_rate").set_value(99.5)
    drawn.button(key="whatif.compare").click().run()
    (table,) = drawn.dataframe
    assert list(table.value.columns) == ["figure", "As it is", "Scenario 1"]
    assert "(+20 %)" in table.value["Scenario 1"].iloc[0]
    (chart,) = charts_of(drawn)
    assert "Stock ahead, product A" in chart
    drawn.text_input(key="whatif.name").set_value("Summer").run()
    drawn.button(key="whatif.save").click().run()
    assert [header.value for header in drawn.header] == ["Summer"]
    late = {"suppliers": [{"supplier": "mill"}]}
    api.operate.put("/v1/terms/suppliers", json=late).raise_for_status()
    drawn.button(key="whatif.apply.Scenario 1").click().run()
    assert "1 of the suppliers changed" in drawn.warning[0].value
    drawn.button(key="whatif.anyway.Scenario 1").click().run()
    assert "1 of service" in drawn.success[0].value
    assert "was applied by anna" in text_of(drawn)
    (override,) = api.read.get("/v1/overrides").json()["overrides"]
    assert override["note"] == "What-if Summer: Scenario 1"
    shared = desk.draw("whatif", role="viewer", id="1")
    assert [header.value for header in shared.header] == ["Summer"]
    assert not [button for button in shared.button if str(button.key).startswith("whatif.apply")]
    listed = desk.draw("whatif", role="viewer")
    assert listed.dataframe[0].value["applied"].tolist() == ["Scenario 1"]
    assert "There is no what" in desk.draw("whatif", id="9").warning[0].value


def test_words_name_what_is_assumed_and_how_figures_differ() -> None:
    scenario = {"name": "x", "demand_percent": 30.0, "lead_days": 5, "discount": 0.2}
    assert assumed_words(scenario) == "demand +30 %, lead time 5 days, promotion, 20 % off"
    figures = dict.fromkeys(
        ("demand", "missed_units", "stock_units", "stock_value", "holding_cost", "missed_cost", "cost", "order_lines",
         "ordered_units", "spent", "today_units"), 200.0,
    )  # fmt: skip
    now = {"name": "As it is", **figures, "fill_rate": 0.95, "empty_share": 0.0}
    more = {**now, "name": "x", "demand": 260.0, "fill_rate": 0.98}
    table = side_by_side([now, more])
    assert table["x"].tolist()[:3] == ["260 (+30 %)", "98.0 % (+3.0 points)", "200"]
