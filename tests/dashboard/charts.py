"""A few days to draw, and charts taken apart."""

from datetime import date
from typing import Any

import pandas as pd

TODAY = date(2026, 3, 3)
DAYS = [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]
QUANTILES = ("q025", "q10", "q25", "q50", "q75", "q90", "q975")
ACTUAL = pd.DataFrame({"ds": DAYS, "y": [4.0, 5.0, 1.0]})
FORECAST = pd.DataFrame(
    {
        "ds": [date(2026, 3, 3), date(2026, 3, 4)],
        "yhat": [5.0, 6.0],
        **{name: [1.0 + place, 2.0 + place] for place, name in enumerate(QUANTILES)},
    }
)
NO_FORECAST = pd.DataFrame()


def drawn(chart: Any) -> dict[str, Any]:
    """The chart as it is sent to the browser."""
    spec: dict[str, Any] = chart.to_dict()
    return spec


def marks(chart: dict[str, Any]) -> list[str]:
    """Kinds of its layers' marks, the lowest first."""
    return [layer["mark"]["type"] for layer in chart["layer"]]


def rows_of(chart: dict[str, Any], layer: int = 0) -> list[dict[str, Any]]:
    """The data of a layer, its own or the chart's."""
    rows: list[dict[str, Any]] = chart["datasets"][
        chart["layer"][layer].get("data", chart.get("data"))["name"]
    ]
    return rows
