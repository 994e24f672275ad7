"""A forecast with overrides in it beside what was published: read for the charts, and said on the pages."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import sqlalchemy as sa

from catalog.forecasts import node_days
from catalog.overrides import adjusted_days
from dashboard.theme import plural


def read_forecast(engine: sa.Engine, nodes: Sequence[int], *, is_adjusted: bool) -> pd.DataFrame:
    """Read the forecast in force of nodes together; where overrides reach it, it has a column `published`."""
    moved = adjusted_days(engine, *nodes) if is_adjusted else []
    return pd.DataFrame(moved or node_days(engine, *nodes))


def without_same(forecast: pd.DataFrame) -> pd.DataFrame:
    """Leave the column `published` out where no override moves the forecast."""
    if "published" in forecast and (forecast["published"] == forecast["yhat"]).all():
        return forecast.drop(columns="published")
    return forecast


def before_overrides(forecast: pd.DataFrame) -> pd.DataFrame | None:
    """Return what was published (ds, yhat) beside a forecast that overrides move, None where none does."""
    if "published" not in forecast:
        return None
    return forecast[["ds"]].assign(yhat=forecast["published"])


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


def reached_words(is_adjusted: "pd.Series[bool]", one: str, many: str) -> str:
    """Say how many rows of a list have overrides in their forecast; "" where none has."""
    reached = int(is_adjusted.sum())
    if not reached:
        return ""
    return f"Overrides are in the forecast of {reached:,} of {plural(len(is_adjusted), one, many)} listed."
