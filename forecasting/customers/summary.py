"""Purchases to what the models of customers ask: how often, how recently, for how long, how much."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stocktide.foundation.errors import Invalid

COLUMNS = ("unique_id", "ds", "value")
DAYS_A_WEEK = 7.0
NS_A_DAY = 86_400e9


def customer_summary(
    purchases: pd.DataFrame, *, end: pd.Timestamp, unit_days: float = DAYS_A_WEEK
) -> pd.DataFrame:
    """Summarise each customer's purchases until the end of the day `end`, in units of `unit_days`.

    purchases: unique_id (the pseudonym), ds (the business day), value (of the line, in one currency; below zero what
    was paid back, NaN where no price is known), and perhaps currency. Returns a row for each customer who bought, by
    unique_id, as the papers define it:

    - frequency: days of purchase after the first; several purchases of a day are one
    - recency: from the first day of purchase to the last
    - T: from the first day of purchase to `end`
    - monetary: mean value of the days that frequency counts, less what came back on the same day; those whose value is
      not above zero are left out, NaN where none is left
    - paid: how many days `monetary` is the mean of

    A day is one of purchase if a line of it is not below zero, at price 0 too. Who only returned things has no row.
    Raises Invalid for a missing column, or several currencies: those are not added up.
    """
    _check(purchases)
    rows = purchases[purchases["ds"] <= end]
    if rows.empty:
        return _empty()
    lines = rows.assign(bought=~(rows["value"] < 0))
    days = lines.groupby(["unique_id", "ds"], sort=True, observed=True).agg(
        value=("value", "sum"), bought=("bought", "any")
    )
    days = days[days["bought"]].reset_index()
    if days.empty:
        return _empty()
    by_customer = days.groupby("unique_id", sort=True, observed=True)["ds"]
    first, last, count = by_customer.min(), by_customer.max(), by_customer.size()
    is_repeat = days["ds"].to_numpy() > first.reindex(days["unique_id"]).to_numpy()
    paid = days[is_repeat & (days["value"] > 0)].groupby("unique_id", observed=True)["value"]
    unit_ns = unit_days * NS_A_DAY
    return pd.DataFrame(
        {
            "unique_id": first.index.to_numpy(),
            "frequency": (count - 1).to_numpy(dtype=np.int64),
            "recency": _in_units(last - first, unit_ns),
            "T": _in_units(end - first, unit_ns),
            "monetary": paid.mean().reindex(first.index).to_numpy(dtype=np.float64),
            "paid": paid.size().reindex(first.index, fill_value=0).to_numpy(dtype=np.int64),
        }
    )


def _in_units(times: "pd.Series[Any]", unit_ns: float) -> NDArray[np.float64]:
    return times.to_numpy(dtype="timedelta64[ns]").astype(np.int64) / unit_ns


def _empty() -> pd.DataFrame:
    columns = {"unique_id": "object", "frequency": "int64", "recency": "float64", "T": "float64"}
    columns |= {"monetary": "float64", "paid": "int64"}
    return pd.DataFrame({name: np.empty(0, dtype=kind) for name, kind in columns.items()})


def _check(purchases: pd.DataFrame) -> None:
    missing = [name for name in COLUMNS if name not in purchases]
    if missing:
        raise Invalid("purchases", f"purchases have no column {missing[0]!r}.")
    if "currency" in purchases and purchases["currency"].nunique(dropna=False) > 1:
        raise Invalid(
            "currencies", "purchases are in several currencies: summarise each of them alone."
        )
