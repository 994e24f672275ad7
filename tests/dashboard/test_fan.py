from itertools import pairwise
from typing import Any

import pandas as pd
import pytest

from dashboard.fan import WEEK, fan_layers, sales_and_forecast, split_today
from dashboard.theme import DARK, LIGHT, Roles
from tests.dashboard.charts import (
    ACTUAL,
    FORECAST,
    NO_FORECAST,
    QUANTILES,
    TODAY,
    drawn,
    marks,
    rows_of,
)


def fan(
    actual: pd.DataFrame, forecast: pd.DataFrame, role: Roles = LIGHT, **other: Any
) -> dict[str, Any]:
    return drawn(
        sales_and_forecast(
            actual, forecast, role, title="Found", unit="units", where="all", today=TODAY, **other
        )
    )


def test_split_today_keeps_over_days_apart_from_today() -> None:
    over, so_far = split_today(ACTUAL, "ds", TODAY)
    assert over["y"].tolist() == [4.0, 5.0]
    assert so_far["y"].tolist() == [1.0]


@pytest.mark.parametrize("role", [LIGHT, DARK])
def test_sales_and_forecast_has_three_bands_with_names_a_dashed_mean_and_a_hollow_today(
    role: Roles,
) -> None:
    chart = fan(ACTUAL, FORECAST, role)
    assert marks(chart) == ["area", "area", "area", "line", "text", "line", "rule", "point"]
    assert [layer["mark"]["opacity"] for layer in chart["layer"][:3]] == sorted(role.band_opacity)
    assert chart["layer"][3]["mark"]["strokeDash"] == [6, 4]
    assert chart["title"]["text"] == "Found"
    assert chart["title"]["subtitle"] == (
        "units, all. Solid: sold. Dashed: forecast; bands: 50, 80 and 95 % intervals. Hollow: today so far."
    )


@pytest.mark.parametrize("spread", [1.0, 0.001])
def test_sales_and_forecast_names_bands_at_their_edge_and_apart_from_each_other(
    spread: float,
) -> None:
    narrow = FORECAST.assign(
        **{name: 5.0 + spread * (place - 3) for place, name in enumerate(QUANTILES)}
    )
    chart = fan(ACTUAL, narrow)
    names = rows_of(chart, 4)
    assert [row["name"] for row in names] == ["50 %", "80 %", "95 %"]
    edges = [row["edge"] for row in names]
    assert edges[0] == 5.0 + spread
    assert all(high - low > 0.3 for low, high in pairwise(edges))
    assert names[0]["ds"] > "2026-03-04"


def test_sales_and_forecast_draws_sales_alone_when_nothing_is_published() -> None:
    chart = fan(ACTUAL[:2], NO_FORECAST)
    assert marks(chart) == ["line"]
    assert chart["title"]["subtitle"] == "units, all. Solid: sold."


def test_sales_and_forecast_leaves_bands_out_when_quantiles_are_unknown() -> None:
    unknown = FORECAST.assign(**dict.fromkeys(QUANTILES))
    chart = fan(ACTUAL[:2], unknown)
    assert marks(chart) == ["line", "line", "rule"]
    assert chart["title"]["subtitle"] == "units, all. Solid: sold. Dashed: forecast."


def test_sales_and_forecast_leaves_one_band_out_and_says_which_it_draws() -> None:
    chart = fan(ACTUAL[:2], FORECAST.assign(q975=None), grain=WEEK)
    assert marks(chart)[:3] == ["area", "area", "line"]
    assert "bands: 50 and 80 % intervals." in chart["title"]["subtitle"]


def test_sales_and_forecast_dots_the_naive_line() -> None:
    naive = pd.DataFrame({"ds": FORECAST["ds"], "y": [4.0, 5.0]})
    chart = fan(ACTUAL[:2], FORECAST, naive=naive)
    assert chart["layer"][-1]["mark"]["strokeDash"] == [1, 4]
    assert chart["title"]["subtitle"].endswith("Dotted: seasonal naive.")
    assert marks(fan(ACTUAL[:2], FORECAST, naive=naive[:0])) == marks(fan(ACTUAL[:2], FORECAST))


def test_sales_and_forecast_draws_paths_in_place_of_bands() -> None:
    paths = pd.DataFrame(
        {"path": [1, 2], "ds": pd.to_datetime(["2026-03-03"] * 2), "units": [2.0, 4.0]}
    )
    chart = fan(ACTUAL[:2], FORECAST, paths=paths)
    assert marks(chart) == ["line", "line", "line", "rule"]
    assert "2 possible futures" in chart["title"]["subtitle"]


def test_fan_layers_tell_the_80_percent_band_in_the_tooltip() -> None:
    line = drawn(fan_layers(FORECAST, LIGHT, "units")[-1])
    assert [tip["title"] for tip in line["encoding"]["tooltip"]] == [
        "day",
        "forecast",
        "80 % from",
        "80 % to",
    ]
