from datetime import date
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.crosshair import crosshair, rounded
from dashboard.fan import DAY, WEEK, sales_and_forecast, split_today
from dashboard.theme import DARK, LIGHT, Roles
from tests.dashboard.charts import (
    ACTUAL,
    FORECAST,
    NO_FORECAST,
    QUANTILES,
    TODAY,
    drawn,
    is_crosshair,
    marks,
    read_out,
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


def test_bands_are_named_as_on_the_last_day_that_is_not_closed() -> None:
    last = len(FORECAST) - 1
    closed = FORECAST.assign(
        **{name: FORECAST[name].where(FORECAST.index < last, 0.0) for name in ("yhat", *QUANTILES)}
    )
    edges = [row["edge"] for row in rows_of(fan(ACTUAL, closed), 4)]
    assert edges == [row["edge"] for row in rows_of(fan(ACTUAL, FORECAST[:last]), 4)]
    assert min(edges) > 0


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
    naive_line = [layer for layer in chart["layer"] if not is_crosshair(layer)][-1]
    assert naive_line["mark"]["strokeDash"] == [1, 4]
    assert chart["title"]["subtitle"].endswith("Dotted: seasonal naive.")
    assert marks(fan(ACTUAL[:2], FORECAST, naive=naive[:0])) == marks(fan(ACTUAL[:2], FORECAST))


def test_sales_and_forecast_draws_paths_in_place_of_bands() -> None:
    paths = pd.DataFrame(
        {"path": [1, 2], "ds": pd.to_datetime(["2026-03-03"] * 2), "units": [2.0, 4.0]}
    )
    chart = fan(ACTUAL[:2], FORECAST, paths=paths)
    assert marks(chart) == ["line", "line", "line", "rule"]
    assert "2 possible futures" in chart["title"]["subtitle"]


def test_the_nearest_day_is_read_out_with_names_and_rounded_figures() -> None:
    naive = pd.DataFrame({"ds": FORECAST["ds"], "y": [4.0, 5.05]})
    precise = FORECAST.assign(yhat=[28.5772913085, 6.0], q10=12.04, q90=45.4999)
    chart = fan(ACTUAL, precise, naive=naive)
    assert read_out(chart) == [
        {"day": "Sun 01 Mar 2026", "sold": "4"},
        {"day": "Mon 02 Mar 2026", "sold": "5"},
        {
            "day": "Tue 03 Mar 2026",
            "sold, today so far": "1",
            "forecast": "29",
            "80 % interval": "12 to 45",
            "seasonal naive": "4",
        },
        {
            "day": "Wed 04 Mar 2026",
            "forecast": "6",
            "80 % interval": "12 to 45",
            "seasonal naive": "5.0",
        },
    ]


@given(
    places=st.sets(st.integers(0, 60), min_size=1, max_size=12),
    sold=st.floats(-1e6, 1e6, allow_nan=False),
    from_start=st.booleans(),
)
@settings(max_examples=40)
def test_columns_of_the_crosshair_reach_from_each_period_to_the_next(
    places: set[int], sold: float, from_start: bool
) -> None:
    days = pd.to_datetime("2026-03-01") + pd.to_timedelta(sorted(places), unit="D")
    said = {"sold": rounded(pd.Series(sold, index=days))}
    layers = crosshair(said, LIGHT, one="day", hover="%d", axis=DAY.axis(), from_start=from_start)
    (columns,) = [layer.data for layer in layers]
    assert (columns["start"] < columns["end"]).all()
    assert (columns["end"].iloc[:-1].to_numpy() == columns["start"].iloc[1:].to_numpy()).all()
    assert ((columns["start"] <= days) & (days < columns["end"])).all()


def test_nothing_else_of_a_chart_shows_raw_fields() -> None:
    assert fan(ACTUAL, FORECAST)["config"]["mark"]["tooltip"] is None


def test_time_axes_name_the_year_where_the_days_are_of_two() -> None:
    def formats(chart: dict[str, Any]) -> set[str]:
        axes = [layer["encoding"].get("x", {}).get("axis") for layer in chart["layer"]]
        return {axis["format"] for axis in axes if axis}

    earlier = pd.concat([pd.DataFrame({"ds": [date(2025, 12, 31)], "y": [1.0]}), ACTUAL])
    assert formats(fan(ACTUAL, FORECAST)) == {"%d %b"}
    assert formats(fan(earlier, FORECAST)) == {"%d %b %Y"}
