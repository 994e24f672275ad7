"""Until when an order is of its day, on the clock of whoever takes it."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from purchasing.desk.placing import Taking
from purchasing.proposing.dates import Supplying

# A Monday.
DAY = date(2026, 11, 30)
TUESDAYS = Supplying(order_days=frozenset({1}), delivery_days=frozenset({1, 3}))


BERLIN_16 = Supplying(cutoff=time(16), timezone="Europe/Berlin")
KIWI = Supplying(order_days=frozenset({0}), timezone="Pacific/Auckland", cutoff=time(12))


@pytest.mark.parametrize(
    ("of", "at", "day"),
    [
        (Supplying(), "23:59", 30),
        (BERLIN_16, "15:00", 30),
        (BERLIN_16, "15:01", 31),
        (TUESDAYS, "12:00", 31),
        (Supplying(timezone="Pacific/Auckland"), "12:00", 31),
        (Supplying(timezone="America/Los_Angeles"), "06:00", 29),
        (replace(TUESDAYS, timezone="Pacific/Auckland", cutoff=time(0, 30)), "12:00", 38),
    ],
)
def test_an_order_is_taken_by_the_suppliers_clock(of: Supplying, at: str, day: int) -> None:
    now = datetime.combine(DAY, time.fromisoformat(at), UTC)
    taken = of.taken_on(now)
    assert taken is not None
    assert (taken - DAY).days == day - DAY.day


LOS_ANGELES = Supplying(order_days=frozenset({0}), timezone="America/Los_Angeles")
EARLY = replace(BERLIN_16, order_days=frozenset({0, 3}), cutoff=time(7, 15))


@pytest.mark.parametrize("of", [Supplying(), TUESDAYS, BERLIN_16, EARLY, KIWI, LOS_ANGELES])
@pytest.mark.parametrize("hour", [0, 5, 12, 23])
@pytest.mark.parametrize("late", [0, 20])
def test_of_daily_runs_one_proposes_for_each_order_day_in_time_to_decide(
    of: Supplying, hour: int, late: int
) -> None:
    runs = [
        datetime.combine(DAY, time(hour), UTC) + timedelta(days=n, minutes=late * (n % 2))
        for n in range(28)
    ]
    due = {now: day for now in runs if (day := of.due_on(now)) is not None}
    first = min(due.values())
    for day in (first + timedelta(days=n) for n in range(1, 21)):
        proposed = [now for now, of_day in due.items() if of_day == day]
        assert bool(proposed) == of.takes_orders(day)
        # of a supplier that is asked every day an order is of the next day otherwise
        if proposed and len(of.order_days) < 7:
            assert of.closes(day, proposed[0]) - proposed[0] >= timedelta(hours=5, minutes=40)
    # approved at once, it is of the day that the run said
    assert all(of.taken_on(now) == day for now, day in due.items())


def test_an_order_that_is_taken_later_comes_on_a_day_of_delivery() -> None:
    taking = Taking("mill", TUESDAYS)
    # a day from Tuesday is Wednesday, and it delivers on Thursdays
    assert taking.comes_on(date(2026, 12, 1), 1) == date(2026, 12, 3)
    assert taking.later_words(DAY, DAY, None) is None
    said = taking.later_words(DAY, date(2026, 12, 1), date(2026, 12, 3))
    assert said == (
        "mill takes no orders today: this order is of Tue 2026-12-01, and is expected on Thu 2026-12-03."
    )
