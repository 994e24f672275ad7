"""A forecast with overrides in it beside what was published: the chart's parts of it."""

import numpy as np
import pandas as pd

from catalog.overrides import adjusted_days
from dashboard.reader import Reader


def read_adjusted(reader: Reader, nodes: list[int]) -> pd.DataFrame:
    """Read the forecast of nodes with overrides, columns as the published one has; empty where none reaches them."""
    return pd.DataFrame(adjusted_days(reader.engine, *nodes))


def move_paths(
    paths: pd.DataFrame, published: pd.DataFrame, adjusted: pd.DataFrame
) -> pd.DataFrame:
    """Move sample paths (path, ds, units) with the means (ds, yhat); where nothing was published, by the units."""
    was = pd.Series(published["yhat"].to_numpy(float), pd.to_datetime(published["ds"]))
    now = pd.Series(adjusted["yhat"].to_numpy(float), pd.to_datetime(adjusted["ds"]))
    before = pd.to_datetime(paths["ds"]).map(was).to_numpy(float)
    after = pd.to_datetime(paths["ds"]).map(now).to_numpy(float)
    units = paths["units"].to_numpy(float)
    factor = np.divide(after, before, out=np.ones_like(after), where=before > 0)
    return paths.assign(units=np.where(before > 0, units * factor, units + after))


def in_words(published: pd.DataFrame, adjusted: pd.DataFrame) -> str:
    """Describe how far overrides move a forecast: "Overrides: +120 units (+8 %) against 1,500 as published."."""
    was, now = float(published["yhat"].sum()), float(adjusted["yhat"].sum())
    share = f" ({(now - was) / was:+.0%})".replace("%", " %") if was > 0 else ""
    return f"Overrides: {now - was:+,.0f} units{share} against {was:,.0f} as published."
