from typing import Any

import pandas as pd

from dashboard.figures import (
    error_by_level,
    product_story,
    ranked_bars,
)
from dashboard.theme import DARK, LIGHT
from tests.dashboard.charts import DAYS, FORECAST, NO_FORECAST, TODAY, marks, read_out, rows_of

STORY = pd.DataFrame({"day": DAYS, "sold": [4.0, 5.0, 1.0], "censored": [False, True, False]})
STOCK = pd.DataFrame({"day": pd.to_datetime(DAYS), "on_hand": [9.0, 4.0, 3.0]})


def story(stock: pd.DataFrame, forecast: pd.DataFrame) -> list[dict[str, Any]]:
    panels = product_story(
        STORY, stock, forecast, LIGHT, title="Found", unit="kg", where="Mill", today=TODAY
    )
    return [panel.to_dict() for panel in panels]


def test_product_story_shows_sales_above_stock_over_the_same_days() -> None:
    sales, stock = story(STOCK, FORECAST)
    assert marks(sales) == ["bar", "bar", "area", "area", "area", "line", "rule", "point"]
    assert (
        sales["layer"][0]["encoding"]["x"]["scale"] == stock["layer"][0]["encoding"]["x"]["scale"]
    )
    assert sales["layer"][0]["encoding"]["x"]["scale"]["domain"] == [
        "2026-03-01T00:00:00",
        "2026-03-05T00:00:00",
    ]
    assert "Orange: out of stock somewhere for part of the day." in sales["title"]["subtitle"]
    assert stock["layer"][0]["encoding"]["y"]["axis"]["title"] == "kg on hand"


def test_product_story_reads_sales_stock_outs_and_stock_out() -> None:
    sales, stock = story(STOCK, FORECAST)
    assert read_out(sales)[1] == {
        "day": "Mon 02 Mar 2026",
        "sold": "5",
        "out of stock": "for part of the day",
    }
    assert read_out(stock)[0] == {"day": "Sun 01 Mar 2026", "on hand at close": "9"}


def test_product_story_has_one_panel_when_stock_is_unknown() -> None:
    (sales,) = story(STOCK[:0], NO_FORECAST)
    assert marks(sales) == ["bar", "bar", "point"]


def test_ranked_bars_keep_the_order_given_and_name_every_bar() -> None:
    frame = pd.DataFrame({"name": ["B", "A"], "score": [2.0, 3.0]})
    chart = ranked_bars(
        frame, LIGHT, label="name", value="score", title="Found", unit="units", colour="#123456"
    ).to_dict()
    y = chart["layer"][0]["encoding"]["y"]
    assert y["sort"] == ["B", "A"]
    assert y["axis"]["labelOverlap"] is False
    assert chart["title"]["subtitle"] == "units"


def test_ranked_bars_say_numbers_as_the_table_does_and_leave_room_for_them() -> None:
    frame = pd.DataFrame({"name": ["A", "B"], "score": [1_523_151.0, 2.58]})
    chart = ranked_bars(
        frame, LIGHT, label="name", value="score", title="Found", unit="units", colour="#123456"
    ).to_dict()
    assert [row["said"] for row in rows_of(chart, 1)] == ["1,523,151", "2.6"]
    assert chart["layer"][1]["encoding"]["text"] == {"field": "said", "type": "nominal"}
    assert chart["layer"][0]["encoding"]["x"]["scale"]["domainMax"] > 1.05 * 1_523_151


def test_error_by_level_draws_ours_against_naive() -> None:
    errors = pd.DataFrame({"level_name": ["total"], "ours": [0.1], "naive": [0.2]})
    chart = error_by_level(errors, DARK, title="Found", unit="WAPE").to_dict()
    assert marks(chart) == ["rule", "point", "point"]
    assert chart["layer"][2]["mark"]["color"] == DARK.forecast
