"""When an order may be placed and may arrive: days on which a supplier takes orders and delivers."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from replenishment import LeadTimes

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# A supplier that is closed for longer than this is not one to order from.
AHEAD_MAX = 366
# Days that an order must last after which no other is taken.
LAST_MUST_LAST = 28
# Orders are proposed so often.
RUN_EVERY = timedelta(days=1)
# People have so long to approve what the last run before a supplier's books close has proposed, also if it is late.
TO_DECIDE = timedelta(hours=6)
# Chances of days from a day on until goods have come, to those until they are further on.
Further = Callable[[NDArray[np.float64], date], NDArray[np.float64]]


@dataclass(frozen=True)
class Supplying:
    """Days of a supplier: weekdays on which it takes orders and delivers, 0 is Monday, and days of closure.

    timezone: of its clock; None where nobody said it, then it is that of who asks. cutoff: until when an order is of
    its day, by this clock; None: all day.
    """

    order_days: frozenset[int] = frozenset(range(7))
    delivery_days: frozenset[int] = frozenset(range(7))
    closed: frozenset[date] = frozenset()
    timezone: str | None = None
    cutoff: time | None = None

    def takes_orders(self, day: date) -> bool:
        """Return True if an order can be placed on a day."""
        return day.weekday() in self.order_days and day not in self.closed

    def next_order_day(self, day: date) -> date | None:
        """Return the first day after this one on which an order can be placed; None if there is none in a year."""
        ahead = (day + timedelta(days=n) for n in range(1, AHEAD_MAX))
        return next((one for one in ahead if self.takes_orders(one)), None)

    def taken_on(self, now: datetime) -> date | None:
        """Return the day on which an order of this moment is taken; None if it takes none within a year.

        now: by the clock of where the goods go.
        """
        local = now if self.timezone is None else now.astimezone(ZoneInfo(self.timezone))
        is_of_today = self.cutoff is None or local.time() <= self.cutoff
        if is_of_today and self.takes_orders(local.date()):
            return local.date()
        return self.next_order_day(local.date())

    def due_on(self, now: datetime) -> date | None:
        """Return the day of an order that is to be proposed now, since the next run leaves too little time for it.

        now: as of `taken_on`.
        """
        taken = self.taken_on(now)
        return taken if taken and self.closes(taken, now) < now + RUN_EVERY + TO_DECIDE else None

    def closes(self, day: date, now: datetime) -> datetime:
        """Return the last moment at which an order is of a day. now: as of `taken_on`."""
        zone = now.tzinfo if self.timezone is None else ZoneInfo(self.timezone)
        return datetime.combine(day, self.cutoff or time.max, zone)

    def delivered(self, shares: NDArray[np.float64], day: date) -> NDArray[np.float64]:
        """Return chances of 0, 1, … days to a delivery, each moved to the next day on which the supplier delivers."""
        moved = np.zeros(len(shares) + AHEAD_MAX)
        for number, share in enumerate(shares):
            if share:
                moved[self.first_delivery(day, number)] += share
        return moved[: int(np.flatnonzero(moved).max()) + 1]

    def sent_on(
        self, shares: NDArray[np.float64], way: NDArray[np.float64], day: date
    ) -> NDArray[np.float64]:
        """Return chances of 0, 1, … days until what comes in by `shares` from a day on is delivered further on.

        Goods leave on the day on which they come in, or on the next one that takes orders, and are as many days on
        the way as `way` has it; where all days are open these are lead times in series.
        """
        total = np.zeros(len(shares) + len(way) + 2 * AHEAD_MAX)
        for number in np.flatnonzero(shares).tolist():
            came = day + timedelta(days=number)
            leaves = came if self.takes_orders(came) else self.next_order_day(came) or came
            after = (leaves - day).days
            then = self.delivered(way, leaves)
            total[after : after + len(then)] += shares[number] * then
        return total[: int(np.flatnonzero(total).max()) + 1]

    def covered(
        self, shares: NDArray[np.float64], day: date, further: Further | None = None
    ) -> int:
        """Return the days that an order of a day must last once it has come: until a later order can come after it.

        shares: chances of 0, 1, … days that the supplier takes. A supplier that delivers on Tuesdays has the orders of
        a whole week come at once: those of Monday must last for seven days, though there is another order day on
        Tuesday. Days are those by which half of the orders have come; LAST_MUST_LAST where no later order is taken
        within a year.
        further: of what comes to a warehouse, when it is where it is needed.
        """
        on = further or (lambda came, _: came)
        first = middle_day(on(self.delivered(shares, day), day))
        later = self.next_order_day(day)
        while later is not None and (later - day).days < AHEAD_MAX:
            comes = (later - day).days + middle_day(on(self.delivered(shares, later), later))
            if comes > first:
                return comes - first
            later = self.next_order_day(later)
        return LAST_MUST_LAST

    def first_delivery(self, day: date, number: int) -> int:
        """Return the number of the first day from this one on which it delivers; this one if a year has none."""
        for ahead in range(number, number + AHEAD_MAX):
            one = day + timedelta(days=ahead)
            if one.weekday() in self.delivery_days and one not in self.closed:
                return ahead
        return number


def local_time(now: datetime, timezone: str) -> datetime:
    """Return a moment by the clock of a location; in UTC where nobody knows its zone, as `local_date` in SQL."""
    try:
        return now.astimezone(ZoneInfo(timezone))
    except (ZoneInfoNotFoundError, ValueError):
        return now.astimezone(UTC)


def later_by(shares: NDArray[np.float64], days: int) -> NDArray[np.float64]:
    """Return chances of 0, 1, … days for what begins so many days later."""
    return np.concatenate([np.zeros(days), shares])


def middle_day(shares: NDArray[np.float64]) -> int:
    """Return the first number of days by which half of the arrivals have come."""
    return int(LeadTimes(shares[None]).middle[0])


def weekdays(text: str | None) -> frozenset[int]:
    """Return weekdays of a list such as mon,thu; all of them without one."""
    return (
        frozenset(WEEKDAYS.index(day) for day in text.split(",")) if text else frozenset(range(7))
    )


def days_of(spans: Collection[tuple[date, date, bool]]) -> frozenset[date]:
    """Return the closed days of spans (first, last, is_closed); what is open after all is taken out."""
    closed: set[date] = set()
    for first, last, is_closed in sorted(spans, key=lambda span: not span[2]):
        days = {first + timedelta(days=n) for n in range((last - first).days + 1)}
        closed = closed | days if is_closed else closed - days
    return frozenset(closed)
