"""Until when an order is of its day, on the clock of whoever takes it."""

from datetime import UTC, date, datetime, time

import pytest

from purchasing.desk.placing import Taking
from purchasing.proposing.dates import Supplying

# A Monday.
DAY = date(2026, 11, 30)
TUESDAYS = Supplying(order_days=frozenset({1}), delivery_days=frozenset({1, 3}))


@pytest.mark.parametrize(
    ("taking", "at", "day"),
    [
        (Taking(), "23:59", 30),
        (Taking(cutoff=time(16), timezone="Europe/Berlin"), "15:00", 30),
        (Taking(cutoff=time(16), timezone="Europe/Berlin"), "15:01", 31),
        (Taking(days=TUESDAYS), "12:00", 31),
        (Taking(timezone="Pacific/Auckland"), "12:00", 31),
        (Taking(timezone="America/Los_Angeles"), "06:00", 29),
        (Taking(days=TUESDAYS, timezone="Pacific/Auckland", cutoff=time(0, 30)), "12:00", 38),
    ],
)
def test_an_order_is_taken_by_the_suppliers_clock(taking: Taking, at: str, day: int) -> None:
    now = datetime.combine(DAY, time.fromisoformat(at), UTC)
    taken = taking.taken_on(now)
    assert taken is not None
    assert (taken - DAY).days == day - DAY.day


def test_an_order_that_is_taken_later_comes_on_a_day_of_delivery() -> None:
    taking = Taking("mill", TUESDAYS)
    # a day from Tuesday is Wednesday, and it delivers on Thursdays
    assert taking.comes_on(date(2026, 12, 1), 1) == date(2026, 12, 3)
    assert taking.later_words(DAY, DAY, None) is None
    said = taking.later_words(DAY, date(2026, 12, 1), date(2026, 12, 3))
    assert said == (
        "mill takes no orders today: this order is of Tue 2026-12-01, and is expected on Thu 2026-12-03."
    )
