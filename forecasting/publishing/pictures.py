"""Pictures of a run for the experiment log: PNG, drawn without a browser."""

from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

OURS, THEIRS = "#2081DC", "#8A9099"
PICTURE_SCALE = 2.0


def png(chart: Any) -> bytes:
    """Draw an Altair chart as PNG."""
    buffer = BytesIO()
    chart.save(buffer, format="png", scale_factor=PICTURE_SCALE)
    return buffer.getvalue()


def error_figure(errors: pd.DataFrame) -> Any | None:
    """Draw the WAPE per level, a bar a model, from the frame of `evaluate`; None if no level has one."""
    import altair as alt

    wape = errors[errors["metric"] == "wape"][["level_name", "model", "value"]].dropna()
    if wape.empty:
        return None
    return (
        alt.Chart(alt.Data(values=wape.to_dict("records")), width=420)
        .mark_bar()
        .encode(
            y=alt.Y("level_name:N", sort=None, title=None),
            yOffset="model:N",
            x=alt.X("value:Q", title="WAPE on the hold-out", axis=alt.Axis(format="%")),
            color=alt.Color("model:N", title=None),
        )
    )


def score_figure(scores: pd.DataFrame, *, metric: str) -> Any | None:
    """Draw the backtest: a dot a candidate and level, mean over origins; the chosen one filled; None without any."""
    import altair as alt

    mine = scores[(scores["metric"] == metric) & (scores["demand_class"] == "all")]
    keys = ["level", "level_name", "candidate"]
    means = mine.dropna(subset=["value"]).groupby(keys)["value"].mean().reset_index()
    if means.empty:
        return None
    base = alt.Chart(alt.Data(values=means.to_dict("records")), width=420)
    where = {
        "y": alt.Y("level_name:N", sort=None, title=None),
        "x": alt.X(
            "value:Q", title=f"{metric.upper()}, mean over origins", scale=alt.Scale(zero=False)
        ),
    }
    others = (
        base.mark_point(size=60, color=THEIRS)
        .encode(**where, shape=alt.Shape("candidate:N", title=None))
        .transform_filter("datum.candidate != 'chosen'")
    )
    chosen = (
        base.mark_point(size=110, filled=True, color=OURS, opacity=1)
        .encode(**where)
        .transform_filter("datum.candidate == 'chosen'")
    )
    return alt.layer(others, chosen)


def forecast_figure(
    days: pd.DatetimeIndex,
    ahead: pd.DatetimeIndex,
    history: NDArray[np.float64],
    mean: NDArray[np.float64],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    *,
    unit: str = "units a day",
) -> Any:
    """Draw one series: the last of its history (T,) on `days`, and what is forecast (h,) on `ahead` with its band."""
    import altair as alt

    shown = min(history.size, 4 * mean.size)
    past = [
        {"day": f"{day:%Y-%m-%d}", "units": float(units)}
        for day, units in zip(days[-shown:], history[-shown:], strict=True)
    ]
    coming = [
        {"day": day, "units": float(m), "lower": float(low), "upper": float(up)}
        for day, m, low, up in zip(ahead.strftime("%Y-%m-%d"), mean, lower, upper, strict=True)
    ]
    x, y = alt.X("day:T", title=None), alt.Y("units:Q", title=unit)
    fan = alt.Chart(alt.Data(values=coming), width=640)
    return alt.layer(
        fan.mark_area(color=OURS, opacity=0.22).encode(
            x=x, y=alt.Y("lower:Q", title=unit), y2="upper:Q"
        ),
        alt.Chart(alt.Data(values=past)).mark_line(color="#1F2328").encode(x=x, y=y),
        fan.mark_line(color=OURS, strokeDash=[6, 4]).encode(x=x, y=y),
    )
