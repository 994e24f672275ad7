from typing import Any

import pandas as pd
import pytest

from dashboard.forecasts.backtest_figures import accuracy_cells, backtest_dots, value_added
from dashboard.theme import DARK, LIGHT, Roles
from tests.dashboard.charts import drawn, rows_of


def test_backtest_dots_tell_the_choice_naive_and_the_others_apart() -> None:
    backtest = pd.DataFrame(
        [
            (0, "total", name, value)
            for name, value in (("ets", 0.9), ("chosen", 0.8), ("seasonal_naive", 1.0))
        ],
        columns=["level", "level_name", "candidate", "value"],
    )
    chart = drawn(backtest_dots(backtest, LIGHT, title="Found", metric="rmsse"))
    assert [layer["mark"]["type"] for layer in chart["layer"]] == ["tick", "point", "point"]
    assert chart["layer"][2]["mark"]["color"] == LIGHT.forecast


def test_value_added_says_better_or_worse_in_words() -> None:
    levels = pd.DataFrame(
        {"level_name": ["total", "product"], "ours": [0.5, 1.2], "naive": [1.0, 1.0]}
    )
    chart = drawn(value_added(levels, LIGHT, unit="WAPE"))
    assert chart["title"]["text"] == "Forecasting adds value at 1 of 2 levels"
    rows = rows_of(chart)
    assert [row["label"] for row in rows] == ["+50% better", "-20% worse"]


@pytest.mark.parametrize("role", [LIGHT, DARK])
def test_accuracy_cells_keep_their_colours_and_leave_cells_without_a_ratio_empty(
    role: Roles,
) -> None:
    ratios = pd.DataFrame(
        [
            ("2026-01-31", 0, "total", "01 Feb", 0.7, 0.7, 1.0),
            ("2026-01-31", 1, "location", "01 Feb", None, 0.7, 0.0),
            ("2026-02-28", 0, "total", "01 Mar", 3.0, 3.0, 1.0),
        ],
        columns=["origin", "level", "level_name", "period", "ratio", "ours", "naive"],
    )
    chart: dict[str, Any] = drawn(accuracy_cells(ratios, role, title="Found", metric="rmsse"))
    cells, numbers = chart["layer"]
    scale = cells["encoding"]["color"]["scale"]
    assert scale == {
        "domain": [0.5, 1.0, 1.5],
        "range": [role.forecast, role.even, role.stock_out],
        "clamp": True,
        "interpolate": "rgb",
    }
    assert cells["encoding"]["x"]["scale"]["domain"] == ["01 Feb", "01 Mar"]
    assert cells["encoding"]["y"]["scale"]["domain"] == ["total", "location"]
    # every column has its name, on two lines where one would cover the next
    axis = cells["encoding"]["x"]["axis"]
    assert axis["labelOverlap"] is False
    assert axis["labelFlush"] is False
    assert axis["labelExpr"] == "split(replace(datum.label, ' to ', '|to '), '|')"
    assert "days" not in chart["title"]["subtitle"]
    for layer in (cells, numbers):
        assert layer["transform"] == [{"filter": "isValid(datum.ratio)"}]
    assert numbers["encoding"]["text"] == {
        "field": "ratio",
        "format": ".2f",
        "type": "quantitative",
    }
