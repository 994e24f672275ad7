import json
from datetime import date

import pandas as pd
import pytest

from catalog.nodes import Moves
from dashboard.experiments.figures import compare_versions, drift_lines, version_history
from dashboard.forecasts.figures import component_tiles, waterfall
from dashboard.forecasts.node_picture import stack
from dashboard.theme import DARK, LIGHT, Roles
from tests.dashboard.charts import drawn, marks, rows_of

CUTOFF = pd.Timestamp("2026-03-10")
DAYS = pd.date_range("2026-01-01", "2026-03-24")
PARTS = pd.concat(
    [
        pd.DataFrame({"component": name, "ds": DAYS, "units": units})
        for name, units in (("weekly", 3.0), ("trend", 100.0), ("yearly", -8.0))
    ]
)


@pytest.mark.parametrize("role", [LIGHT, DARK])
def test_component_tiles_have_the_trend_first_and_one_scale_for_the_rest(role: Roles) -> None:
    trend, yearly, weekly = (drawn(tile) for tile in component_tiles(PARTS, CUTOFF, role))
    assert [tile["title"]["text"] for tile in (trend, yearly, weekly)] == [
        "trend",
        "yearly",
        "weekly",
    ]
    lines = [tile["layer"][1]["encoding"]["y"] for tile in (yearly, weekly)]
    assert lines[0]["scale"] == lines[1]["scale"] == {"domain": [-8.0, 3.0], "nice": True}
    assert {line["title"] for line in lines} == {"added units a day"}
    # the zero line is drawn; a weekly shape is not drawn for a year
    assert yearly["layer"][0]["mark"]["type"] == weekly["layer"][0]["mark"]["type"] == "rule"
    assert len(weekly["datasets"][weekly["layer"][1]["data"]["name"]]) == 28 + 14


def test_component_tiles_without_a_past_draw_no_boundary() -> None:
    ahead = PARTS[PARTS["ds"] > CUTOFF]
    for tile in component_tiles(ahead, CUTOFF, LIGHT):
        assert len(marks(drawn(tile))) <= 2


MOVES = Moves(
    causes=pd.DataFrame(
        {
            "cause": ["trend", "weekly"],
            "before": [90.0, 10.0],
            "now": [110.0, 5.0],
            "change": [20.0, -5.0],
        }
    ),
    before=100.0,
    now=115.0,
    versions=(1, 2),
    first_day=date(2026, 3, 11),
    periods=13,
    frequency="D",
)


def test_waterfall_steps_from_the_last_total_to_this_one() -> None:
    chart = drawn(waterfall(MOVES, LIGHT))
    assert chart["title"]["text"] == "15 units more (+15.0%) than version 1"
    rows = rows_of(chart)
    assert [(row["what"], row["start"], row["end"]) for row in rows] == [
        ("version 1", 100.0, 100.0),
        ("trend", 100.0, 120.0),
        ("weekly", 120.0, 115.0),
        ("version 2", 115.0, 115.0),
    ]
    still = MOVES.causes.assign(change=[20.0, 0.01])
    flat = Moves(**{**MOVES.__dict__, "causes": still})
    assert [row["what"] for row in rows_of(drawn(waterfall(flat, LIGHT)))] == [
        "version 1",
        "trend",
        "version 2",
    ]
    fewer = Moves(**{**MOVES.__dict__, "now": 90.0, "before": 0.0, "versions": (None, 2)})
    assert "90 units more than version ?" in json.dumps(drawn(waterfall(fewer, DARK)))


def test_compare_versions_keeps_a_colour_and_a_shape_for_each() -> None:
    gains = pd.DataFrame(
        {"version": [3, 10], "level": 0, "level_name": "total", "gain": [0.1, -0.1]}
    )
    chart = drawn(compare_versions(gains, LIGHT, metric="rmsse"))
    colour = chart["layer"][1]["encoding"]["color"]["scale"]
    assert colour["domain"] == ["version 3", "version 10"]
    assert (
        len(colour["range"]) == len(chart["layer"][1]["encoding"]["shape"]["scale"]["range"]) == 2
    )


def test_version_history_and_drift_say_what_they_show() -> None:
    models = pd.DataFrame(
        {
            "version": [1, 2],
            "cutoff": ["2026-03-01", "2026-03-02"],
            "score": [0.9, 0.8],
            "status": ["retired", "champion"],
        }
    )
    assert "Ring: current version" in json.dumps(drawn(version_history(models, DARK)))
    days = ["2026-03-01", "2026-03-02"]
    drift = pd.DataFrame(
        {"day": days, "wape": [0.1, 0.2], "expected_wape": 0.1, "alarm": [False, True]}
    )
    assert drawn(drift_lines(drift, LIGHT, level_name="total"))["title"]["text"].startswith(
        "1 alarm in 2 days"
    )
    calm = drift.assign(alarm=False)
    assert (
        "error as expected" in drawn(drift_lines(calm, LIGHT, level_name="total"))["title"]["text"]
    )


def test_stack_moves_data_and_configuration_to_the_top() -> None:
    fan = component_tiles(PARTS, CUTOFF, LIGHT)[0]
    tiles = component_tiles(PARTS, CUTOFF, LIGHT)
    spec = stack(fan, tiles, ground="#FFFFFF", text="#000000")
    assert [len(row.get("hconcat", [0])) for row in spec["vconcat"]] == [1, 2, 1]
    inner = [spec["vconcat"][0], *spec["vconcat"][1]["hconcat"]]
    assert not any({"config", "datasets", "$schema"} & set(part) for part in inner)
    names = {layer["data"]["name"] for part in inner for layer in part["layer"]}
    assert names <= set(spec["datasets"])
