"""How far published forecasts were off, from what the queries accuracy_days, accuracy_items and drift return."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

# With fewer weeks behind them, figures say more of chance than of the forecast.
WEEKS_MIN = 8
# Days ahead, by the name of the group; the last day of each.
AHEAD: Mapping[str, int] = {
    "1 day": 1,
    "2–3 days": 3,
    "4–7 days": 7,
    "8–14 days": 14,
    "15 days on": 400,
}
WIDTHS: Mapping[str, float] = {"held_50": 0.50, "held_80": 0.80, "held_95": 0.95}
# Of 90 % of what chance alone does, both sides.
CHANCE_Z = 1.645
# A cause is named from this share of an item's days on.
SHARE_NAMED = 0.25
# An item that has sold for fewer days than this is new.
NEW_DAYS = 56


def scored_weeks(drift: pd.DataFrame) -> int:
    """Count the calendar weeks in which forecasts were compared with what came. drift: of the query drift."""
    days = pd.to_datetime(drift["day"])
    return int(days.dt.strftime("%G-%V").nunique())


def cells(days: pd.DataFrame) -> pd.DataFrame:
    """Divide our absolute error by seasonal naive's, a row a level and group of days ahead.

    days: of the query accuracy_days. Returns level, level_name, ahead, ratio (missing where naive had no error), ours
    and naive (as a share of what came), days (how many different ones).
    """
    edges = [0, *AHEAD.values()]
    grouped = days.assign(group=pd.cut(days["ahead"], edges, labels=list(AHEAD)).astype(str))
    keys = ["level", "level_name", "group"]
    sums = grouped.groupby(keys, as_index=False).agg(
        err=("err", "sum"),
        naive_err=("naive_err", "sum"),
        came=("came", "sum"),
        days=("day", "nunique"),
    )
    came = sums["came"].where(sums["came"] > 0)
    return pd.DataFrame(
        {
            "level": sums["level"],
            "level_name": sums["level_name"],
            "ahead": sums["group"],
            "ratio": (sums["err"] / sums["naive_err"]).where(sums["naive_err"] > 0),
            "ours": sums["err"] / came,
            "naive": sums["naive_err"] / came,
            "days": sums["days"],
        }
    )


def calibration(days: pd.DataFrame) -> pd.DataFrame:
    """Compare how often bands held with how often they should, a row a level and width.

    Returns level, level_name, nominal, held, days, low and high: where 90 % of what chance alone does lies. Items of
    one day go up and down together, so a day counts once.
    """
    rows = []
    for (level, name), group in days.groupby(["level", "level_name"]):
        count = group["day"].nunique()
        for column, nominal in WIDTHS.items():
            held = float(np.average(group[column], weights=group["items"]))
            reach = CHANCE_Z * float(np.sqrt(nominal * (1 - nominal) / count))
            rows.append(
                {
                    "level": level,
                    "level_name": name,
                    "nominal": nominal,
                    "held": held,
                    "days": count,
                    "low": max(0.0, nominal - reach),
                    "high": min(1.0, nominal + reach),
                }
            )
    names = ["level", "level_name", "nominal", "held", "days", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def bias_by_week(drift: pd.DataFrame) -> pd.DataFrame:
    """Average the bias of days by calendar week, with what chance alone would do around zero, a row a level and week.

    drift: of the query drift. Returns level, level_name, week (its Monday), bias, days, reach: 90 % of means of so many
    days lie within it if the days' spread is chance.
    """
    known = drift.dropna(subset=["bias"])
    day = pd.to_datetime(known["day"])
    dated = known.assign(week=day - pd.to_timedelta(day.dt.dayofweek, unit="D"))
    keys = ["level", "level_name"]
    weeks = dated.groupby([*keys, "week"], as_index=False).agg(
        bias=("bias", "mean"), days=("bias", "size")
    )
    spread = dated.groupby(keys)["bias"].std().rename("spread").reset_index()
    joined = weeks.merge(spread, on=keys)
    reach = CHANCE_Z * joined["spread"].fillna(0.0) / np.sqrt(joined["days"])
    return joined.assign(reach=reach).drop(columns="spread")


def likely_cause(item: Mapping[str, Any]) -> str:
    """Name what an item's error most likely comes from. item: a row of the query accuracy_items."""
    days = max(int(item["days"]), 1)
    if item["out"] >= SHARE_NAMED * days:
        return f"out of stock on {item['out']} of {days} days"
    if (pd.Timestamp(item["since"]) - pd.Timestamp(item["first_day"])).days < NEW_DAYS:
        return "new: little history"
    if item["promoted"] >= SHARE_NAMED * days:
        return f"on promotion on {item['promoted']} of {days} days"
    if abs(item["too_much"]) >= item["err"] / 2:
        return "sells less than before" if item["too_much"] > 0 else "sells more than before"
    return "ups and downs from day to day"


def sentence(levels: pd.DataFrame, held: pd.DataFrame) -> str:
    """Say in a sentence how good the forecast is. levels: a ratio a level; held: of `calibration`."""
    known = levels.dropna(subset=["ratio"])
    better = int((known["ratio"] < 1).sum())
    said = f"Better than seasonal naive at {better} of {len(known)} levels"
    eighty = held[held["nominal"] == WIDTHS["held_80"]]
    if eighty.empty:
        return f"{said}."
    return f"{said}; 80 % bands held {100 * eighty['held'].mean():.0f} %."


def by_level(days: pd.DataFrame) -> pd.DataFrame:
    """Divide our absolute error by seasonal naive's, a row a level. days: of the query accuracy_days."""
    sums = days.groupby(["level", "level_name"], as_index=False)[["err", "naive_err"]].sum()
    return sums.assign(ratio=(sums["err"] / sums["naive_err"]).where(sums["naive_err"] > 0))
