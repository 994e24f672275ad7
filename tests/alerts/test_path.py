"""The path from real events, by way of the real ledger, to alerts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.alerts.shops import Shops
from tests.conftest import Api

START = datetime.now(UTC) - timedelta(hours=3)


def send(api: Api, shops: Shops, kind: str, minute: float, **data: Any) -> tuple[int, int]:
    """Record one event of A at S1, then evaluate; (opened, closed)."""
    event = {
        "specversion": "1.0",
        "id": f"{kind} {minute}",
        "source": "/test",
        "type": f"stocktide.{kind}",
        "time": (START + timedelta(minutes=minute)).isoformat(),
        "data": {"product": "A", "location": "S1", **data},
    }
    headers = {"content-type": "application/cloudevents+json"}
    answer = api.ingest.post("/v1/events", content=json.dumps(event), headers=headers)
    assert answer.json()["outcome"] == "accepted", answer.text
    return shops.evaluate()


def test_stock_that_runs_out_and_comes_back(api: Api, shops: Shops) -> None:
    assert send(api, shops, "receipt", 0, quantity=2) == (0, 0)
    assert send(api, shops, "sale", 1, quantity=2) == (1, 0)
    assert send(api, shops, "sale", 2, quantity="0.5") == (1, 0)
    (negative, out) = api.read.get("/v1/alerts").json()["alerts"]
    assert (negative["rule"], negative["value"]) == ("negative_balance", -0.5)
    assert (out["rule"], out["value"], out["last_value"]) == ("out_of_stock", 0, -0.5)
    # a count that arrives late, for a time before the sales: they apply on top
    assert send(api, shops, "stocktake", 0.5, counted=9) == (0, 2)
    assert shops.open() == set()


def test_sensor_against_the_ledger(api: Api, shops: Shops) -> None:
    send(api, shops, "receipt", 0, quantity=10)
    assert send(api, shops, "reading", 5, observed=4) == (1, 0)
    (alert,) = api.read.get("/v1/alerts").json()["alerts"]
    assert (alert["rule"], alert["value"], alert["limit"]) == ("sensor_disagrees", -6, 1)
    assert "less than the recorded stock. Probable shrinkage" in alert["message"]
    # nobody can tell until the sensor has seen what the sale left
    assert send(api, shops, "sale", 10, quantity=1) == (0, 0)
    assert send(api, shops, "reading", 10.5, observed=9) == (0, 1)
    assert send(api, shops, "reading", 11.5, observed=3) == (1, 0)
    assert send(api, shops, "stocktake", 12, counted=3) == (0, 1)


def test_price_moves_no_stock_and_silences_no_sensor(api: Api, shops: Shops) -> None:
    send(api, shops, "receipt", 0, quantity=10)
    send(api, shops, "price", 5.5, price="1.50", currency="EUR")
    assert send(api, shops, "reading", 5, observed=4) == (1, 0)


def test_reorder_point_is_held_against_the_inventory_position(api: Api, shops: Shops) -> None:
    """What is on hand, on order and in transit, less what is promised: what a buyer orders by."""
    shops.reorder_point(1, 1, 10)
    assert send(api, shops, "receipt", 0, quantity=12) == (0, 0)
    assert send(api, shops, "reservation", 1, quantity=3, reservation_id="WEB-1") == (1, 0)
    (alert,) = api.read.get("/v1/alerts").json()["alerts"]
    assert (alert["rule"], alert["value"], alert["limit"]) == ("below_reorder_point", 9, 10)
    assert send(api, shops, "order", 2, quantity=4, order_id="PO-1") == (0, 1)
    # on hand falls below it, and all that is missing is on its way
    assert send(api, shops, "sale", 3, quantity=3, reservation_id="WEB-1") == (0, 0)
    assert send(api, shops, "receipt", 4, quantity=4, order_id="PO-1") == (0, 0)
    assert send(api, shops, "sale", 5, quantity=4) == (1, 0)
    there = {"location": "S2", "to_location": "S1", "quantity": 5, "transfer_id": "T-1"}
    send(api, shops, "receipt", 6, location="S2", quantity=9)
    assert send(api, shops, "dispatch", 7, **there) == (0, 1)
    assert send(api, shops, "arrival", 8, quantity=5, transfer_id="T-1") == (0, 0)
