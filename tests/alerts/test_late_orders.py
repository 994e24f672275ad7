"""Alerts of what was ordered and has not come by its day."""

import sqlalchemy as sa

from alerts.evaluation import evaluate_late_orders
from tests.alerts.shops import Shops


def put(
    shops: Shops, reference: str, *, days: int, opened: int = 5_000, closed: int = 0, purpose: str = "on_order"
) -> None:  # fmt: skip
    """Have A on order for S1, expected in so many days."""
    with shops.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO commitments (purpose, reference, product_id, location_id, opened_milli, closed_milli,"
                " expected_on)"
                " VALUES (:purpose, :reference, 1, 1, :opened, :closed, (now() AT TIME ZONE 'UTC')::date + :days)"
                " ON CONFLICT (purpose, reference, product_id, location_id) DO UPDATE"
                " SET opened_milli = excluded.opened_milli, closed_milli = excluded.closed_milli"
            ),
            {"purpose": purpose, "reference": reference, "opened": opened, "closed": closed, "days": days},
        )  # fmt: skip


def look(shops: Shops) -> tuple[int, int]:
    with shops.engine.begin() as connection:
        done = evaluate_late_orders(connection)
    return done.opened, done.closed


def test_late_order_opens_once_after_its_day_and_closes_when_all_has_come(shops: Shops) -> None:
    put(shops, "PO-1", days=0)
    put(shops, "T-1", days=-9, purpose="in_transit")
    put(shops, "PO-2", days=-9, closed=5_000)
    assert look(shops) == (0, 0)
    put(shops, "PO-3", days=-1)
    assert look(shops) == (1, 0)
    assert look(shops) == (0, 0)
    assert shops.open() == {("late_order", "1/1")}
    put(shops, "PO-3", days=-1, closed=2_000)
    look(shops)
    assert shops.scalar("SELECT last_value_milli FROM alerts") == 3_000
    put(shops, "PO-3", days=-1, closed=5_000)
    assert look(shops) == (0, 1)


def test_late_order_closes_when_it_is_taken_back_though_another_was_late(shops: Shops) -> None:
    put(shops, "PO-1", days=-1)
    put(shops, "PO-2", days=-3)
    assert look(shops) == (1, 0)
    put(shops, "PO-1", days=-1, opened=0)
    assert look(shops) == (0, 0)
    put(shops, "PO-2", days=-3, opened=0)
    assert look(shops) == (0, 1)
