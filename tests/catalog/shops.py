"""Shops with stock for the tests of the read side."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tests.conftest import Api

PRODUCTS = [
    {"sku": "A", "name": "Apple", "department": "Fruit", "category": "Fresh",
     "unit": "kg", "price": "2.50", "currency": "EUR"},
    {"sku": "A/B 50%", "name": "Half_price & 50% off", "department": "Odd"},
    {"sku": "B", "name": "Bread", "department": "Bakery"},
]  # fmt: skip
LOCATIONS = [
    {"code": "S1", "name": "Porto", "region": "North"},
    {"code": "S2", "name": "Braga", "region": "North"},
    {"code": "S3", "name": "Faro", "region": "South"},
]
SEEN_S_MAX = 2.0


def open_shops(api: Api) -> None:
    """Make products and locations known."""
    api.ingest.put("/v1/products", json={"products": PRODUCTS}).raise_for_status()
    api.ingest.put("/v1/locations", json={"locations": LOCATIONS}).raise_for_status()


def send(api: Api, *events: tuple[str, str, float, dict[str, Any]]) -> None:
    """Send events as (kind, id, hours ago, data); all must be new."""
    now = datetime.now(UTC)
    documents = [
        {
            "specversion": "1.0", "id": event_id, "source": "till", "type": f"stocktide.{kind}",
            "time": (now - timedelta(hours=hours)).isoformat(), "data": {"product": "A", "location": "S1", **data},
        }
        for kind, event_id, hours, data in events
    ]  # fmt: skip
    answer = api.ingest.post(
        "/v1/events",
        content=msgspec.json.encode(documents),
        headers={"content-type": "application/cloudevents-batch+json"},
    )
    assert answer.json()["accepted"] == len(events), answer.text


def eventually(look: Callable[[], Any], expected: Any) -> None:
    """Look until the answer is as expected, for as long as a change may take to be seen."""
    deadline = time.monotonic() + SEEN_S_MAX
    while (found := look()) != expected:
        assert time.monotonic() < deadline, f"{found} instead of {expected}"
        time.sleep(0.02)
