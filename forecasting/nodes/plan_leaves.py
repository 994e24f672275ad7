"""Leaves that a plan is for: its limits matched with the keys of the leaves."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.nodes.plans import NEVER, Periods, Spans

Index = NDArray[np.int64]
Array = NDArray[np.float64]

SCOPE = ("product", "department", "category", "location", "region", "country")


def group_leaves(leaf_keys: pd.DataFrame, plans: pd.DataFrame) -> tuple[pd.DataFrame, Index]:
    """Group leaves that no plan tells apart: the groups' keys, and the group of each leaf, (m,).

    leaf_keys, plans: columns SCOPE, missing where a leaf has no such key or a plan is not limited by it.
    """
    used = [key for key in SCOPE if plans[key].notna().any()]
    if not used:
        return leaf_keys.iloc[:1].reset_index(drop=True), np.zeros(len(leaf_keys), np.int64)
    group = leaf_keys.groupby(used, sort=False, dropna=False).ngroup().to_numpy()
    first = np.unique(group, return_index=True)[1]
    keys = leaf_keys[used].iloc[first].reindex(columns=[*SCOPE]).reset_index(drop=True)
    return keys, group.astype(np.int64)


def match_plans(plans: pd.DataFrame, rows: pd.DataFrame) -> tuple[Index, Index]:
    """Find the rows that each plan is for: positions of plans and of rows, (n,) each, in the order of the plans."""
    limits = plans[[*SCOPE]].reset_index(drop=True)
    used_by = limits.notna().to_numpy() @ (1 << np.arange(len(SCOPE)))
    found = [_matched(limits, rows, np.flatnonzero(used_by == used)) for used in np.unique(used_by)]
    if not found:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    plan, row = (np.concatenate(part).astype(np.int64) for part in zip(*found, strict=True))
    order = np.lexsort((row, plan))
    return plan[order], row[order]


def _matched(limits: pd.DataFrame, rows: pd.DataFrame, which: Index) -> tuple[Index, Index]:
    """Match plans that are limited by the same keys."""
    here = limits.iloc[which]
    keys = [key for key in SCOPE if here[key].notna().all()]
    if not keys:
        plan, row = np.meshgrid(which, np.arange(len(rows)), indexing="ij")
        return plan.ravel(), row.ravel()
    left = here[keys].assign(_plan=which)
    right = rows[keys].assign(_row=np.arange(len(rows))).dropna()
    both = left.merge(right, on=keys)
    return both["_plan"].to_numpy(), both["_row"].to_numpy()


def spans_of(
    plans: pd.DataFrame,
    rows: pd.DataFrame,
    periods: Periods,
    n_history: int,
    value: Array,
    *,
    relative: NDArray[np.bool_] | None = None,
) -> Spans:
    """Turn plans into the spans of rows. value: (plans,); see `Spans` for relative.

    plans: SCOPE, starts_on, ends_on (missing: open), known_since, withdrawn_at (missing: in force). What was recorded
    after the history ends counts as known at its end: it is known now.
    """
    plan, row = match_plans(plans, rows)
    total = int(periods.days.sum())
    first = _days(plans["starts_on"]) - periods.first_day
    last = np.where(plans["ends_on"].isna(), total - 1, _days(plans["ends_on"]) - periods.first_day)
    known = np.clip(periods.position(_days(plans["known_since"])), -1, n_history - 1)
    ended = np.clip(periods.position(_days(plans["withdrawn_at"])), -1, n_history - 1)
    until = np.where(plans["withdrawn_at"].isna(), NEVER, ended)
    added = np.zeros(len(plans), bool) if relative is None else relative
    inside = ((last >= 0) & (first < total) & (known < until))[plan]
    plan, row = plan[inside], row[inside]
    return Spans(row, first[plan], last[plan], value[plan], added[plan], known[plan], until[plan])


def _days(when: pd.Series) -> Index:
    """Return day numbers since 1970; what is missing gives a number without meaning."""
    days = pd.to_datetime(when, utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[D]")
    return np.asarray(days.astype(np.int64))
