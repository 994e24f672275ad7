"""Purchase orders of the chain: what its buyers ordered on which day, and the day on which it comes."""

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from data.arrays import BoolArray, IntArray, rank_within
from data.calendar import Calendar
from data.chain import Chain


class Deliveries(NamedTuple):
    """What comes, by delivery: row of `Purchases`, day, and quantity."""

    row: IntArray
    day: IntArray
    quantity_milli: IntArray


@dataclass(frozen=True)
class Purchases:
    """Order lines, sorted by order and line; all int64 of shape (Q,).

    number: of the order, from 1; one order is of a supplier and a day, for all shops. line: of the order, from 1.
    day: on which it was ordered. expected: day that the supplier promised. due: day on which it comes, or its first
    part, perhaps after the last simulated one. quantity_milli: ordered. first_milli: comes on that day; 0: it never
    comes. rest_due: day on which the rest comes, -1 where there is none. cancelled: day on which the buyers cancel
    what never came, -1 for all else.
    """

    number: IntArray
    line: IntArray
    pair: IntArray
    day: IntArray
    expected: IntArray
    due: IntArray
    quantity_milli: IntArray
    first_milli: IntArray
    rest_due: IntArray
    cancelled: IntArray

    def take(self, rows: IntArray | BoolArray) -> "Purchases":
        """Return some lines, in that order."""
        return Purchases(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def deliveries(self) -> Deliveries:
        """Return what comes of the lines: the first parts, then the rests."""
        first, rest = np.flatnonzero(self.first_milli), np.flatnonzero(self.rest_due >= 0)
        return Deliveries(
            row=np.concatenate([first, rest]),
            day=np.concatenate([self.due[first], self.rest_due[rest]]),
            quantity_milli=np.concatenate(
                [self.first_milli[first], (self.quantity_milli - self.first_milli)[rest]]
            ),
        )


@dataclass(frozen=True)
class Placed:
    """What was ordered at once, before it has numbers; columns as in `Purchases`."""

    pair: IntArray
    day: IntArray
    expected: IntArray
    due: IntArray
    quantity_milli: IntArray
    first_milli: IntArray
    rest_due: IntArray
    cancelled: IntArray


def join_purchases(chain: Chain, calendar: Calendar, parts: list[Placed]) -> Purchases:
    """Join what was ordered and number it: an order for each day and supplier.

    A shop that is closed on the promised day is promised its next open one.
    """
    columns = {
        f.name: np.concatenate([np.zeros(0, np.int64), *(getattr(p, f.name) for p in parts)])
        for f in fields(Placed)
    }
    shop = chain.shop_of[columns["pair"]]
    # every department has its own supplier
    department = chain.department_of[columns["pair"]]
    columns["expected"] = open_day(calendar.next_open, shop, columns["expected"])
    order = np.lexsort((columns["pair"], shop, department, columns["day"]))
    key = columns["day"] * len(chain.departments) + department
    number = np.unique(key[order], return_inverse=True)[1].astype(np.int64) + 1
    lines = {name: column[order] for name, column in columns.items()}
    return Purchases(number=number, line=rank_within(number) + 1, **lines)


def promised_lead_days(chain: Chain) -> IntArray:
    """Return the lead time that each pair's supplier promises, days, shape (N,): the longest that is usual."""
    return chain.per_department(lambda d: d.lead_time_days[1]).astype(np.int64)


def open_day(next_open: IntArray, row: IntArray, day: IntArray) -> IntArray:
    """Return the first open day of each row of `next_open` from a day on, (Q,); days after the last as they are."""
    n_days = next_open.shape[1]
    opened = next_open[row, np.minimum(day, n_days - 1)]
    return np.where(day < n_days, opened, day)
