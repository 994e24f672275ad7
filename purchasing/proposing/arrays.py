"""Rows of facts and terms as arrays for replenishment: lines, chances of an arrival, paths that reach far enough."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.facts import Facts
from purchasing.proposing.prepare import Prepared
from replenishment import LeadTimes, Lines, make_lines

Floats = NDArray[np.float64]
# So many of the last weeks of a forecast, or periods, go on beyond its end.
WEEKS_GO_ON = 4
# A product, and the days until it comes to a warehouse, to the days until it is in the shops.
Onward = Callable[[str, int], int]
# An order may be late by so many days, or by its lead time again, and still be counted on.
OVERDUE_DAYS = 28


@dataclass(frozen=True)
class Future:
    """Joint paths of one location from today on. values: (B, k, T) units. starts: (T,) first day of each period.

    days: of a period, 1, 7 or about 30. overrides: by product, what planners changed that is in the values. levels: by
    product, what moved the values to the level that sales have now (`level_words`). sold: (S, k) demand of the last
    periods, oldest first, that says how far sales vary now; none where that is not known. made_on: the last day that
    the forecast knows.
    """

    location: str
    products: list[str]
    starts: list[date]
    days: float
    values: NDArray[np.float32]
    overrides: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    levels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sold: Floats | None = None
    made_on: date | None = None

    @cached_property
    def place(self) -> dict[str, int]:
        """Return the number of each product."""
        return {product: number for number, product in enumerate(self.products)}

    def periods_of(self, days: Floats | NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the period in which each day lies, days from today; beyond the last one all are as long."""
        begin = np.array([(start - self.starts[0]).days for start in self.starts])
        inside = np.searchsorted(begin, days, side="right") - 1
        beyond = np.maximum(0, np.floor((days - begin[-1]) / self.days)).astype(np.int64)
        return np.asarray(np.where(inside == len(begin) - 1, inside + beyond, inside))


def lead_shares(rows: pd.DataFrame, prepared: Prepared, future: Future) -> Floats:
    """Return chances of 0, 1, … periods of the forecast to an arrival: (n, L + 1)."""
    by_day = [prepared.leads[pair] for pair in zip(rows["supplier"], rows["product"], strict=True)]
    periods = future.periods_of(np.arange(max(len(one) for one in by_day)))
    shares = np.zeros((len(rows), int(periods[-1]) + 1))
    for number, one in enumerate(by_day):
        np.add.at(shares[number], periods[: len(one)], one)
    reached = np.flatnonzero(shares.any(axis=0)).max()
    return shares[:, : int(reached) + 1]


def reaching(demand: NDArray[np.float32], periods: int, days: float) -> NDArray[np.float32]:
    """Return paths (n, B, T) that reach so many periods; beyond the forecast its last weeks, or periods, go on.

    Each path goes on with another of them, all lines with the same: what is special about one week, such as Christmas
    or a promotion, comes as seldom as it did, and on no day of its own. Where there is one week or less, each path goes
    on with others': with its own again it would have all of its luck each time.
    """
    B, T = demand.shape[1:]
    if periods <= T:
        return demand
    cycle = 7 if days == 1 else 1
    weeks = min(T // cycle, WEEKS_GO_ON)
    after, path = np.arange(periods - T), np.arange(B)[:, None]
    if weeks > 1:
        week = (after // cycle + path) % weeks
        at = T - weeks * cycle + week * cycle + after % cycle
        return np.concatenate([demand, demand[:, path, at]], axis=2)
    turn, same_phase = after // min(cycle, T), T - cycle + after % cycle
    at = np.where(same_phase >= 0, same_phase, after % T)
    rng = np.random.default_rng(0)
    others = np.stack([rng.permutation(B) for _ in range(int(turn[-1]) + 1)], axis=1)
    return np.concatenate([demand, demand[:, others[:, turn], at]], axis=2)


def lines_of(
    rows: pd.DataFrame,
    future: Future,
    facts: Facts,
    today: date,
    periods: int,
    leads: LeadTimes,
    *,
    onward: Onward | None = None,
) -> Lines:
    """Return the lines of one location, with what is due by period. rows: of `prepare`.

    leads: until an order is where its units are wanted, which is where what is due has to be as well. onward: of a
    warehouse, the day on which goods that come there on a day are in the shops.

    What was just ordered here from the line's own supplier comes no later than an order of now can, whatever day it is
    expected on: else that order would be for the days between, each time again. What was ordered before has its day: of
    a supplier that has become quicker, an order of now may come first.
    """
    expected = due_of(rows, facts, today)
    expected = expected[~expected["overdue"]]
    days = expected["ahead"].to_numpy(np.float64)
    if onward is not None:
        came = np.where(days < 0, 1, days).astype(int).tolist()
        coming = zip(expected["product"], came, strict=True)
        days = np.array([onward(product, day) for product, day in coming], dtype=np.float64)
    # what is late may come tomorrow; what is due comes at the beginning of its period, as an order of now does
    ahead = future.periods_of(np.where(days < 0, 1, days))
    own = (expected["supplier"] == expected["line_supplier"]).to_numpy(bool)
    latest = np.broadcast_to(leads.longest, (len(rows),))[expected["row"]]
    # at a place ahead of the chain's day it is of the day before
    just = pd.to_datetime(expected["ordered_on"]) >= pd.Timestamp(today - timedelta(days=1))
    ahead = np.where(own & just.to_numpy(bool), np.minimum(ahead, latest), ahead)
    # what a warehouse has sent is an order of its shop
    ordered = own | (expected["purpose"] == "on_order").to_numpy(bool)
    on_hand = rows["on_hand"].to_numpy(np.float64)
    lots = _of_lines(facts.expiring, rows)
    left = (pd.to_datetime(lots["expires_on"]) - pd.Timestamp(today)).dt.days
    ends = future.periods_of(np.maximum(0, left.to_numpy(np.float64)))
    expiring = _by_period(lots, ends, len(rows), periods)
    # lots are what events named; more of them than there is on hand cannot expire
    total = expiring.sum(axis=1)
    expiring *= np.where(total > on_hand, on_hand / np.where(total > 0, total, 1.0), 1.0)[:, None]
    return make_lines(
        on_hand,
        reserved=rows["reserved"].to_numpy(np.float64),
        on_order=_by_period(expected[ordered], ahead[ordered], len(rows), periods),
        in_transit=_by_period(expected[~ordered], ahead[~ordered], len(rows), periods),
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


def due_of(rows: pd.DataFrame, facts: Facts, today: date) -> pd.DataFrame:
    """Return what is on its way to some lines, a row each: row, its line; ahead, days until it comes; overdue.

    Where nobody said a day it is that of the line's lead time after it was noted, of what is in transit the next. What
    is late by more than its lead time again, and OVERDUE_DAYS at least, is overdue: nobody knows whether it will come,
    and it covers no need.
    """
    due = _of_lines(facts.due, rows)
    takes = np.where(due["purpose"] == "on_order", due["lead_days"].astype(int), 1)
    noted = pd.to_datetime(due["noted_on"])
    noted = noted.where(noted <= pd.Timestamp(today), pd.Timestamp(today))
    day = pd.to_datetime(due["expected_on"]).fillna(noted + pd.to_timedelta(takes, "D"))
    ahead = (day - pd.Timestamp(today)).dt.days
    overdue = -ahead > np.maximum(OVERDUE_DAYS, due["lead_days"].astype(int))
    return due.assign(day=day, ahead=ahead, overdue=overdue)


def _of_lines(frame: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return what of a frame is of some lines, with the line's number, supplier and lead time."""
    names = ["product", "location", "supplier", "lead_days"]
    lines = rows[names].rename(columns={"supplier": "line_supplier"})
    return frame.merge(lines.assign(row=np.arange(len(rows))), on=["product", "location"])


def _by_period(frame: pd.DataFrame, ahead: Any, n: int, periods: int) -> Floats:
    """Add units up by line and period: (n, periods)."""
    units = np.zeros((n, periods))
    at = np.asarray(ahead, dtype=np.int64)
    seen = at < periods
    np.add.at(
        units, (frame["row"].to_numpy()[seen], at[seen]), frame["units"].to_numpy(float)[seen]
    )
    return units
