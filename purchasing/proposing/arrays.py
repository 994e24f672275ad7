"""Rows of facts and terms as arrays for replenishment: lines, chances of an arrival, paths that reach far enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.facts import Facts
from purchasing.proposing.prepare import Prepared
from replenishment import Lines, make_lines

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Future:
    """Joint paths of one location from today on. values: (B, k, T) units. starts: (T,) first day of each period.

    days: of a period, 1, 7 or about 30. overrides: by product, what planners changed that is in the values. levels: by
    product, what moved the values to the level that sales have now (`level_words`). sold: (S, k) demand of the last
    periods, oldest first, that says how far sales vary now; none where that is not known.
    """

    location: str
    products: list[str]
    starts: list[date]
    days: float
    values: NDArray[np.float32]
    overrides: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    levels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sold: Floats | None = None


def lead_shares(rows: pd.DataFrame, prepared: Prepared, days: float) -> Floats:
    """Return chances of 0, 1, … periods to an arrival: (n, L + 1)."""
    by_day = [prepared.leads[pair] for pair in zip(rows["supplier"], rows["product"], strict=True)]
    longest = int(np.floor(max(len(one) for one in by_day) / days)) + 1
    shares = np.zeros((len(rows), longest + 1))
    for number, one in enumerate(by_day):
        periods = np.floor(np.arange(len(one)) / days).astype(np.int64)
        np.add.at(shares[number], periods, one)
    reached = np.flatnonzero(shares.any(axis=0)).max()
    return shares[:, : int(reached) + 1]


def reaching(demand: NDArray[np.float32], periods: int, days: float) -> NDArray[np.float32]:
    """Return paths that reach so many periods; where the forecast ends sooner its last week, or period, goes on."""
    T = demand.shape[2]
    if periods <= T:
        return demand
    cycle = min(T, 7 if days == 1 else 1)
    ahead = np.concatenate([np.arange(T), T - cycle + np.arange(periods - T) % cycle])
    return demand[:, :, ahead]


def lines_of(rows: pd.DataFrame, future: Future, facts: Facts, today: date, periods: int) -> Lines:
    """Return the lines of one location, with what is due by period. rows: of `prepare`."""
    place = {product: number for number, product in enumerate(rows["product"])}

    def by_period(frame: pd.DataFrame, column: str, least: int) -> Floats:
        """Add units up by the period of a day; what is due and late is taken for due in the next period."""
        units = np.zeros((len(rows), periods))
        if not len(frame):
            return units
        for one in frame[frame["location"] == future.location].itertuples():
            number = place.get(str(one.product))
            day = getattr(one, column)
            ahead = least if pd.isna(day) else max(least, int((day - today).days // future.days))
            if number is not None and ahead < periods:
                units[number, ahead] += one.units
        return units

    due = facts.due
    ordered = due[due["purpose"] == "on_order"] if len(due) else due
    moving = due[due["purpose"] == "in_transit"] if len(due) else due
    on_hand = rows["on_hand"].to_numpy(np.float64)
    expiring = by_period(facts.expiring, "expires_on", 0)
    # lots are what events named; more of them than there is on hand cannot expire
    total = expiring.sum(axis=1)
    expiring *= np.where(total > on_hand, on_hand / np.where(total > 0, total, 1.0), 1.0)[:, None]
    return make_lines(
        on_hand,
        reserved=np.minimum(rows["reserved"].to_numpy(np.float64), on_hand),
        on_order=by_period(ordered, "expected_on", 1),
        in_transit=by_period(moving, "expected_on", 1),
        expiring=expiring,
        shelf_life=rows["shelf_life"].to_numpy(np.float64) / future.days,
        holding=rows["holding"].to_numpy(np.float64) * future.days,
        **{
            name: rows[name].to_numpy(np.float64)
            for name in (
                "pack",
                "minimum",
                "multiple",
                "capacity",
                "presentation",
                "unit_cost",
                "price",
                "shortage",
            )
        },
    )
