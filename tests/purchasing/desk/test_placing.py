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


@pytest.mark.parametrize("of", [Supplying(), TUESDAYS, BERLIN_16, KIWI])
@pytest.mark.parametrize("hour", [0, 5, 12, 23])
def test_of_daily_runs_one_proposes_for_each_order_day_while_it_is_taken(
    of: Supplying, hour: int
) -> None:
    runs = [datetime.combine(DAY, time(hour), UTC) + timedelta(days=n) for n in range(28)]
    due = [day for day in map(of.due_on, runs) if day is not None]
    assert due == sorted(set(due))
    first = due[0]
    expected = [day for n in range(21) if of.takes_orders(day := first + timedelta(days=n))]
    assert due[: len(expected)] == expected
    # approved at once, it is of the day that the run said
    assert all(of.taken_on(now) == of.due_on(now) for now in runs if of.due_on(now) is not None)


def test_an_order_that_is_taken_later_comes_on_a_day_of_delivery() -> None:
    taking = Taking("mill", TUESDAYS)
    # a day from Tuesday is Wednesday, and it delivers on Thursdays
    assert taking.comes_on(date(2026, 12, 1), 1) == date(2026, 12, 3)
    assert taking.later_words(DAY, DAY, None) is None
    said = taking.later_words(DAY, date(2026, 12, 1), date(2026, 12, 3))
    assert said == (
        "mill takes no orders today: this order is of Tue 2026-12-01, and is expected on Thu 2026-12-03."
    )
