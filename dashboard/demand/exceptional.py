"""Exceptional days: what the calendar planned for them, and unusual demand; named where charts show days."""

from datetime import date
from typing import Any

import pandas as pd

from catalog.frames import read_frame
from dashboard.calendar.words import in_words
from dashboard.demand.asking import Scope

# Plans that make a day another one; a chain with more looks at the page Calendar.
KINDS = ("events", "promotions", "closures")
PLANS_MAX = 2_000
# Names of one day; the others are counted.
NAMES_MAX = 3
COLUMNS = ["day", "exceptional", "stands_out"]


def exceptional_days(scope: Scope, first: date, last: date) -> pd.DataFrame:
    """Read the exceptional days of what the page shows, a row a day.

    Columns day, exceptional (its names in words) and stands_out: false where it is a promotion's and nothing else.
    """
    span = {"since": first, "until": last, **scope.filters.asked}
    plans = read_frame(scope.reader.engine, "planned", **{**span, "limit": PLANS_MAX})
    unusual = read_frame(scope.reader.engine, "unusual_between", **span)
    named = [
        *_planned(in_words(plans[_counts(plans, scope)]), first, last),
        *((row["day"], _unusual(row), True) for row in unusual.to_dict("records")),
    ]
    rows = pd.DataFrame(named, columns=COLUMNS).drop_duplicates()
    rows = rows.sort_values("stands_out", ascending=False, kind="stable")
    by_day = rows.assign(day=pd.to_datetime(rows["day"])).groupby("day", as_index=False)
    return by_day.agg(exceptional=("exceptional", _together), stands_out=("stands_out", "any"))


def _counts(plans: pd.DataFrame, scope: Scope) -> "pd.Series[bool]":
    """Tell which plans make a day exceptional.

    In a whole chain some product is promoted on every day: plans of products count where the page is of a category.
    """
    of_products = plans[["product", "department", "category"]].notna().any(axis=1)
    return plans["kind"].isin(KINDS) & (~of_products | (scope.filters.department is not None))


def _planned(plans: pd.DataFrame, first: date, last: date) -> list[tuple[date, str, bool]]:
    """Name the days of plans, as far as they are between two days."""
    return [
        (day.date(), plan_words(plan), plan["kind"] != "promotions")
        for plan in plans.to_dict("records")
        for day in pd.date_range(
            max(plan["starts_on"], first),
            last if pd.isna(plan["ends_on"]) else min(plan["ends_on"], last),
        )
    ]


def plan_words(plan: Any) -> str:
    """Name a plan: "carnival", "20% off Butter croissants", "closed: High Street". plan: with its texts."""
    if plan["kind"] == "events":
        return str(plan["label"])
    if plan["kind"] == "closures":
        return f"{plan['label']}: {plan['where']}"
    return f"{plan['terms'] or plan['label']} {plan['for_what']}"


def _unusual(row: Any) -> str:
    known = {"confirmed": "true demand", "excluded": "an error"}.get(row["state"], "not judged yet")
    return f"unusual: {row['product']} at {row['location']} ({known})"


def _together(names: "pd.Series[str]") -> str:
    """Join the names of a day, the first few of them."""
    more = len(names) - NAMES_MAX
    return "; ".join([*names.head(NAMES_MAX), *([f"{more} more"] if more > 0 else [])])


def with_names(days: pd.DataFrame, exceptional: pd.DataFrame) -> pd.DataFrame:
    """Add the columns exceptional and stands_out to days; "" and false where nothing is known of one."""
    merged = days.assign(day=pd.to_datetime(days["day"])).merge(exceptional, on="day", how="left")
    return merged.assign(
        exceptional=merged["exceptional"].fillna(""), stands_out=merged["stands_out"].eq(True)
    )
