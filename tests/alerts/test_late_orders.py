"""Alerts of orders that have not come by their day: one an order, however many lines of it are late."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from alerts.addresses import Allowed
from alerts.cloud_event import cloud_event
from alerts.evaluation import evaluate_late_orders
from alerts.listing import Wanted, list_alerts
from alerts.webhooks import Filters, create_webhook
from stocktide.domain.late_orders import late_order_words
from stocktide.foundation.database import statement
from tests.alerts.shops import Shops


def put(
    shops: Shops, reference: str, *, days: int, opened: int = 5_000, closed: int = 0, purpose: str = "on_order",
    product: int = 1, location: int = 1,
) -> None:  # fmt: skip
    """Have a product on order for a location, expected in so many days."""
    with shops.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO commitments (purpose, reference, product_id, location_id, opened_milli, closed_milli,"
                " expected_on)"
                " VALUES (:purpose, :reference, :product, :location, :opened, :closed,"
                " (now() AT TIME ZONE 'UTC')::date + :days)"
                " ON CONFLICT (purpose, reference, product_id, location_id) DO UPDATE"
                " SET opened_milli = excluded.opened_milli, closed_milli = excluded.closed_milli"
            ),
            {"purpose": purpose, "reference": reference, "opened": opened, "closed": closed, "days": days,
             "product": product, "location": location},
        )  # fmt: skip


def look(shops: Shops) -> tuple[int, int]:
    with shops.engine.begin() as connection:
        done = evaluate_late_orders(connection)
    return done.opened, done.closed


def test_late_order_opens_once_after_its_day_and_closes_when_all_has_come(shops: Shops) -> None:
    put(shops, "PO-1", days=0)
    put(shops, "R-1", days=-9, purpose="promised")
    put(shops, "PO-2", days=-9, closed=5_000)
    assert look(shops) == (0, 0)
    put(shops, "PO-3", days=-1)
    assert look(shops) == (1, 0)
    assert look(shops) == (0, 0)
    assert shops.open() == {("late_order", "PO-3")}
    put(shops, "PO-3", days=-1, closed=2_000)
    look(shops)
    assert shops.scalar("SELECT details -> 'units' ->> 'kg' FROM alerts") == "3"
    put(shops, "PO-3", days=-1, closed=5_000)
    assert look(shops) == (0, 1)


def test_a_failing_supplier_opens_one_alert_an_order_that_says_what_is_late(shops: Shops) -> None:
    with shops.engine.begin() as connection:
        connection.execute(sa.text("UPDATE products SET price_micros = 2000000, currency = 'EUR'"))
        connection.execute(
            sa.text("INSERT INTO purchase_orders (order_id, supplier, ordered_by) VALUES ('PO-1', 'Orchard', 'anna')")
        )  # fmt: skip
        create_webhook(
            connection, "pager", "https://pager.example.org", Filters(), by="anna", allowed=Allowed()
        )  # fmt: skip
    for product, location, opened in ((1, 1, 5_000), (1, 2, 9_500), (2, 1, 7_000), (2, 2, 1_000)):
        put(shops, "PO-1", days=-3, product=product, location=location, opened=opened)
    put(shops, "PO-2", days=-1, location=2)
    assert look(shops) == (2, 0)
    assert shops.open() == {("late_order", "PO-1"), ("late_order", "PO-2")}
    assert shops.scalar("SELECT count(*) FROM deliveries") == 2
    today = shops.scalar("SELECT (now() AT TIME ZONE 'UTC')::date")
    with shops.engine.connect() as connection:
        only, whole = list_alerts(connection, Wanted(rule="late_order"))
        events = connection.execute(statement("alerts/events_after"), {"after": 0, "limit": 9})
        carried = {event["order_id"]: cloud_event(event, "/s") for event in events.mappings()}
    # of several locations it is of none; of one it is that one's
    assert (whole["location"], only["location"], whole["product"]) == (None, "S2", None)
    assert (whole["value"], whole["unit"]) == (4, "lines")
    assert whole["details"] == {
        "supplier": "Orchard", "since": str(today - timedelta(days=3)), "lines": 4, "units": {"kg": 14.5, "each": 8},
        "locations": ["S1", "S2"],
        "top": {"product": "A", "product_name": "Apples", "location": "S2", "location_name": None, "quantity": 9.5,
                "unit": "kg", "worth": 19.0, "currency": "EUR"},
    }  # fmt: skip
    assert carried["PO-1"]["subject"] == "PO-1"
    assert carried["PO-1"]["data"]["details"] == whole["details"]
    assert carried["PO-1"]["data"]["message"] == whole["message"]
    assert whole["message"] == (
        f"4 lines of Orchard should have come by {today - timedelta(days=3)}: 8 units, 14.5 kg for 2 locations."
        " Worth most: 9.5 kg of Apples for S2 (19.00 EUR). Ask the supplier."
    )
    put(shops, "PO-1", days=-3, location=2, opened=9_500, closed=9_500)
    assert look(shops) == (0, 0)
    assert shops.scalar("SELECT details ->> 'lines' FROM alerts WHERE order_id = 'PO-1'") == "3"
    for product, location in ((1, 1), (2, 1), (2, 2)):
        put(shops, "PO-1", days=-3, product=product, location=location, opened=0)
    assert look(shops) == (0, 1)
    assert "Over after" in list_one(shops, "PO-1")["message"]


def test_a_late_transfer_is_one_alert_of_all_that_was_sent_together(shops: Shops) -> None:
    with shops.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO purchase_orders (order_id, supplier, source, ordered_by)"
                " VALUES ('TR-5', 'S2', 'S2', 'anna')"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO order_lines (supplier, source, product, location, state, proposed_milli, ordered_milli,"
                " order_id, order_line)"
                " SELECT 'S2', 'S2', sku, 'S1', 'ordered', 5000, 5000, 'TR-5', product_id"
                " FROM products WHERE product_id <= 2"
            )
        )
    put(shops, "TR-5-1", days=-2, purpose="in_transit")
    put(shops, "TR-5-2", days=-2, purpose="in_transit", product=2)
    put(shops, "MV-1-1", days=-1, purpose="in_transit", product=2)
    # an order of the same name is another matter
    put(shops, "TR-5", days=-1)
    assert look(shops) == (3, 0)
    assert shops.open() == {
        ("late_transfer", "TR-5"),
        ("late_transfer", "MV-1-1"),
        ("late_order", "TR-5"),
    }
    with shops.engine.connect() as connection:
        listed = {
            one["order_id"]: one for one in list_alerts(connection, Wanted(rule="late_transfer"))
        }
    one = listed["TR-5"]
    assert (one["details"]["supplier"], one["location"], one["value"]) == ("S2", "S1", 2)
    assert one["message"].startswith("2 lines from S2 should have come by ")
    assert one["message"].endswith("Ask who sent it.")
    put(shops, "TR-5-1", days=-2, purpose="in_transit", closed=5_000)
    look(shops)
    assert (
        shops.scalar(
            "SELECT last_value_milli FROM alerts WHERE order_id = 'TR-5' AND rule ~ 'transfer'"
        )
        == 1_000
    )
    put(shops, "TR-5-2", days=-2, purpose="in_transit", product=2, closed=5_000)
    assert look(shops) == (0, 1)


def list_one(shops: Shops, order_id: str) -> dict[str, Any]:
    with shops.engine.connect() as connection:
        return list_alerts(connection, Wanted(order_id=order_id))[0]


def test_words_of_one_line_name_its_place_once() -> None:
    top = {"product": "A", "product_name": None, "location": "S1", "location_name": "Mill", "quantity": 1,
           "unit": "each", "worth": None, "currency": None}  # fmt: skip
    late = {
        "supplier": None,
        "since": "2026-03-01",
        "lines": 1,
        "units": {"each": 1},
        "locations": ["S1"],
        "top": top,
    }
    assert late_order_words(late) == (
        "1 line should have come by 2026-03-01: 1 unit of A for Mill."
    )


def test_what_was_open_for_a_shelf_closes_for_good(shops: Shops) -> None:
    with shops.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO alerts (rule, product_id, location_id, value_milli, limit_milli, last_value_milli)"
                " VALUES ('late_order', 1, 1, 5000, 0, 5000)"
            )
        )
    put(shops, "PO-1", days=-1)
    assert look(shops) == (1, 1)
    assert shops.open() == {("late_order", "PO-1")}
    assert look(shops) == (0, 0)
