"""A forecast with overrides in it beside what was published: the chart's parts of it."""

import numpy as np
import pandas as pd

from catalog.forecasts import node_days
from catalog.overrides import adjusted_days
from dashboard.reader import Reader


def read_forecast(reader: Reader, nodes: list[int], *, is_adjusted: bool) -> pd.DataFrame:
    """Read the forecast of nodes together, with overrides where they reach it; then it has a column `published`."""
    moved = adjusted_days(reader.engine, *nodes) if is_adjusted else []
    return pd.DataFrame(moved or node_days(reader.engine, *nodes))


def move_paths(paths: pd.DataFrame, forecast: pd.DataFrame) -> pd.DataFrame:
    """Move sample paths (path, ds, units) from the means `published` to yhat; where nothing was, by the units."""
    days = pd.to_datetime(forecast["ds"])
    was, now = (
        pd.to_datetime(paths["ds"])
        .map(pd.Series(forecast[name].to_numpy(float), days))
        .to_numpy(float)
        for name in ("published", "yhat")
    )
    units = paths["units"].to_numpy(float)
    factor = np.divide(now, was, out=np.ones_like(now), where=was > 0)
    return paths.assign(units=np.where(was > 0, units * factor, units + now))


def in_words(forecast: pd.DataFrame) -> str:
    """Describe how far overrides move a forecast: "Overrides: +120 units (+8 %) against 1,500 as published."."""
    was, now = float(forecast["published"].sum()), float(forecast["yhat"].sum())
    share = f" ({(now - was) / was:+.0%})".replace("%", " %") if was > 0 else ""
    return f"Overrides: {now - was:+,.0f} units{share} against {was:,.0f} as published."
