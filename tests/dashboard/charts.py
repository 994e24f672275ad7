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


def is_crosshair(layer: dict[str, Any]) -> bool:
    """True for a layer that shows only where somebody points."""
    return str(layer.get("name", "")).startswith("crosshair")


def marks(chart: dict[str, Any]) -> list[str]:
    """Kinds of its layers' marks, the lowest first, without what shows only where somebody points."""
    return [layer["mark"]["type"] for layer in chart["layer"] if not is_crosshair(layer)]


def read_out(chart: dict[str, Any]) -> list[dict[str, str]]:
    """What a chart says wherever somebody points, in the order of time: a text by each name."""
    columns = []
    for layer in filter(is_crosshair, chart["layer"]):
        tips = layer["encoding"]["tooltip"]
        columns += [
            (row["start"], {tip["title"]: row[tip["field"]] for tip in tips})
            for row in chart["datasets"][layer["data"]["name"]]
        ]
    return [said for _, said in sorted(columns, key=lambda column: column[0])]


def rows_of(chart: dict[str, Any], layer: int = 0) -> list[dict[str, Any]]:
    """The data of a layer, its own or the chart's."""
    rows: list[dict[str, Any]] = chart["datasets"][
        chart["layer"][layer].get("data", chart.get("data"))["name"]
    ]
    return rows
