"""A forecast before and after overrides, as a chart."""

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from dashboard.crosshair import crosshair
from dashboard.fan import DAY, fan_layers, known_bands, published_line, said_ahead, said_of
from dashboard.theme import CHART_HEIGHT, Roles, chart_frame

QUANTILES = ("q025", "q10", "q25", "q50", "q75", "q90", "q975")


def before_and_after(preview: Mapping[str, Any], role: Roles) -> Any:
    """Draw what POST /v1/overrides/preview returns: the published forecast in grey, with overrides its bands, too."""
    days = pd.DataFrame(preview["days"])
    moved = days[["first_day", "ds"]].assign(yhat=days["adjusted"])
    for name in QUANTILES:
        told = days.get(f"adjusted_{name}")
        moved[name] = float("nan") if told is None else told
    layers = [*fan_layers(moved, role, "units", DAY), published_line(days, role, DAY)]
    read = {**said_ahead(moved), "as published": said_of(days, "ds", "yhat")}
    layers += crosshair(read, role, one=DAY.one, hover=DAY.hover, axis=DAY.axis())
    was, now = float(preview["published"]), float(preview["adjusted"])
    share = f", {now / was - 1:+.0%}".replace("%", " %") if was > 0 else ""
    bands = " Bands: 50, 80 and 95 %." if known_bands(moved) else ""
    return chart_frame(
        alt.layer(*layers).properties(height=CHART_HEIGHT),
        role,
        title=f"{was:,.0f} units become {now:,.0f}{share}",
        subtitle=(
            f"Whole horizon of the forecast. Dashed: with overrides. Grey: as published.{bands}"
        ),
    )
