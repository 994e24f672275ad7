"""Notes on assumptions that change nothing, or not what their reader may think."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.frames.frequency import Frequency
from forecasting.known_ahead_tables import PlanContext
from forecasting.nodes.plan_leaves import SCOPE, match_plans
from stocktide.domain.rhythm import rhythm_of

Mask = NDArray[np.bool_]

# More of one kind are counted.
SHOWN = 3
# Name of a promotion whose kind is not given.
ANY_PROMOTION = "promotion"
NO_USUAL_PRICE = (
    "nothing was ever sold at a known price there in the product's currency, so the usual one is not known, and it "
    "changes nothing; give prices with the sales, or a list price in the product's master data"
)


def notes_on(
    new: pd.DataFrame,
    others: pd.DataFrame,
    told: PlanContext,
    *,
    frequency: Frequency,
    days: pd.DatetimeIndex,
) -> list[str]:
    """List what is odd about new plans beside the others, both as `read_plans` returns them.

    days: (h,) last days of the periods ahead.
    """
    if new.empty:
        return []
    new = new.reset_index(drop=True)
    first = pd.Timestamp(
        told.periods.first_day + int(told.periods.starts[told.n_history]), unit="D"
    )
    inside = _touches(new, first, days[-1])
    plan, leaf = match_plans(new, told.leaf_keys)
    reaches = _among(plan, len(new))
    priced = _among(plan[np.isfinite(told.realised.usual_log[leaf])], len(new))
    price = np.asarray(new["kind"] == "prices")
    span = f"{first.date()} to {days[-1].date()}"
    checks: list[tuple[Mask, str]] = [
        (~inside, f"outside the days that are forecast ({span}), so it changes nothing"),
        (inside & ~reaches, "reaches no series of the forecast, so it changes nothing"),
        (inside & reaches & price & ~priced, NO_USUAL_PRICE),
        (_kind_unseen(new, others), "a kind of promotion never planned before, taken as any other"),
    ]
    if frequency != "D":
        one = rhythm_of(frequency).one
        part = inside & _part_closed(new, told)
        checks.append((part, f"a closure of part of a {one}, which a forecast by {one} ignores"))
    return [f"{_named(new[mask])}: {why}." for mask, why in checks if mask.any()]


def _among(rows: NDArray[np.int64], size: int) -> Mask:
    """Return True for the rows that are named, (size,)."""
    return np.asarray(np.isin(np.arange(size), rows))


def _touches(plans: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> Mask:
    """Return which plans can matter, (plans,): they touch the days ahead, or are past events that teach."""
    starts, ends = pd.to_datetime(plans["starts_on"]), pd.to_datetime(plans["ends_on"])
    teaches = (plans["kind"] == "events") & (ends < first)
    return np.asarray(((starts <= last) & (ends.isna() | (ends >= first))) | teaches)


def _kind_unseen(new: pd.DataFrame, others: pd.DataFrame) -> Mask:
    seen = {ANY_PROMOTION, *others.loc[others["kind"] == "promotions", "label"]}
    return np.asarray((new["kind"] == "promotions") & ~new["label"].isin(seen))


def _part_closed(new: pd.DataFrame, told: PlanContext) -> Mask:
    """Return which plans are closures that cover no whole period, (plans,)."""
    firsts = told.periods.first_day + told.periods.starts
    lasts = firsts + told.periods.days - 1
    starts_in = np.searchsorted(firsts, _days(new["starts_on"]))
    ends_in = np.searchsorted(lasts, _days(new["ends_on"]), side="right")
    return np.asarray((new["kind"] == "closures").to_numpy() & (ends_in <= starts_in))


def _days(when: "pd.Series[Any]") -> NDArray[np.int64]:
    return pd.to_datetime(when).to_numpy(dtype="datetime64[D]").astype(np.int64)


def _named(plans: pd.DataFrame) -> str:
    """Describe plans by kind, scope and days, a few of them."""
    names = []
    for of in plans.head(SHOWN).to_dict("records"):
        scope = " ".join(f"{key} {of[key]}" for key in SCOPE if of[key])
        ends = "on" if pd.isna(of["ends_on"]) else f"to {of['ends_on']}"
        names.append(f"{of['kind']} {scope or 'of all'} from {of['starts_on']} {ends}")
    more = f" and {len(plans) - SHOWN} more" if len(plans) > SHOWN else ""
    return "; ".join(names) + more
