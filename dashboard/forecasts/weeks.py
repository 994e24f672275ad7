"""Days as calendar weeks, from Monday on: whole weeks alone, and the week that the forecast starts in."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

WEEK_DAYS = 7
BAND_QUANTILES = {
    "q025": None,
    "q10": 0.1,
    "q25": 0.25,
    "q50": 0.5,
    "q75": 0.75,
    "q90": 0.9,
    "q975": None,
}


@dataclass(frozen=True)
class Weeks:
    """Hold sums of days; ds is the Monday.

    actual: ds, y, whole weeks, and last the week that the forecast starts in, as far as it was sold. forecast: ds,
    yhat, quantiles; the first week counts what was sold of it. naive: ds, y. paths: path, ds, units. under_way: the
    Monday from which on weeks are not over. days_left_out: forecast days of a last week that is not whole.
    """

    actual: pd.DataFrame
    forecast: pd.DataFrame
    naive: pd.DataFrame
    paths: pd.DataFrame
    under_way: date
    days_left_out: int


def seasonal_naive(
    actual: pd.DataFrame, ahead: pd.DataFrame, *, back: int = WEEK_DAYS
) -> pd.DataFrame:
    """Repeat the last `back` periods, a week of days or a year of months: ds, y; empty with fewer behind."""
    if len(actual) < back:
        return pd.DataFrame({"ds": ahead["ds"].iloc[:0], "y": np.empty(0)})
    last = actual["y"].to_numpy()[-back:]
    return pd.DataFrame({"ds": ahead["ds"], "y": np.resize(last, len(ahead))})


def in_weeks(
    actual: pd.DataFrame, forecast: pd.DataFrame, naive: pd.DataFrame, paths: pd.DataFrame
) -> Weeks:
    """Add days up to weeks.

    actual: ds, y, every day up to the cutoff. forecast: ds, yhat, every day after it. naive: ds, y of the same days.
    paths: path, ds, units (may be empty). A quantile of a week is not the sum of quantiles of days: bands come from the
    paths, the outermost is missing, for a few paths do not tell it, and without paths there are none.
    """
    sold = actual.assign(ds=pd.to_datetime(actual["ds"])).set_index("ds")["y"]
    ahead = forecast.assign(ds=pd.to_datetime(forecast["ds"])).set_index("ds")
    first = ahead.index.min()
    under_way = first - pd.Timedelta(days=int(first.dayofweek))
    wide = pd.DataFrame({"yhat": ahead["yhat"]})
    wide["naive"] = naive.assign(ds=pd.to_datetime(naive["ds"])).set_index("ds")["y"]
    if not paths.empty:
        wide = wide.join(paths.pivot(index="ds", columns="path", values="units"))
    begun = sold[sold.index >= under_way]
    known = pd.DataFrame(dict.fromkeys(wide.columns, begun), columns=wide.columns)
    weeks = _whole(wide if known.empty else pd.concat([known, wide]))
    drawn = weeks.drop(columns=["yhat", "naive"])
    past = _whole(sold[sold.index < under_way].to_frame())["y"]
    if not begun.empty:
        past.loc[under_way] = begun.sum()
    return Weeks(
        actual=past.rename("y").rename_axis("ds").reset_index(),
        forecast=_with_bands(weeks["yhat"], drawn).reset_index(),
        naive=weeks["naive"].dropna().rename("y").reset_index(),
        paths=drawn.rename_axis(columns="path").reset_index().melt("ds", value_name="units"),
        under_way=under_way.date(),
        days_left_out=len(known) + len(wide) - WEEK_DAYS * len(weeks),
    )


def _whole(days: pd.DataFrame) -> pd.DataFrame:
    """Sum whole weeks; a column with a missing day has no sum."""
    index = pd.DatetimeIndex(days.index)
    mondays = index - pd.to_timedelta(index.dayofweek, unit="D")
    groups = days.groupby(mondays.rename("ds"))
    return groups.sum(min_count=WEEK_DAYS)[groups.size() == WEEK_DAYS]


def _with_bands(mean: pd.Series, paths: pd.DataFrame) -> pd.DataFrame:
    bands = {
        name: np.nan if share is None or paths.empty else paths.quantile(share, axis=1)
        for name, share in BAND_QUANTILES.items()
    }
    return pd.DataFrame({"yhat": mean, **bands}, index=mean.index)
