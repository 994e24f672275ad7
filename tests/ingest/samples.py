"""Events for the tests of the way in."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def event(
    kind: str, event_id: str = "e1", *, minute: int = 0, source: str = "/shops/S1/till", **data: Any
) -> dict[str, Any]:
    """A CloudEvent of product A at S1, `minute` minutes after START; `data` adds to or replaces its data."""
    needed: dict[str, dict[str, Any]] = {
        "sale": {"quantity": 1},
        "return": {"quantity": 1},
        "receipt": {"quantity": 1},
        "transfer": {"quantity": 1, "to_location": "S2"},
        "adjustment": {"quantity": 1, "reason": "found"},
        "stocktake": {"counted": 1},
        "reading": {"observed": 1},
        "price": {"price": 1},
        "dispatch": {"quantity": 1, "to_location": "S2", "transfer_id": "T1"},
        "arrival": {"quantity": 1, "transfer_id": "T1"},
        "order": {"quantity": 1, "order_id": "PO1"},
        "reservation": {"quantity": 1, "reservation_id": "R1"},
        "release": {"quantity": 1, "reservation_id": "R1"},
        "correction": {"corrects_id": "wrong", "reason": "typed twice"},
    }
    shared = {} if kind == "correction" else {"product": "A", "location": "S1"}
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": f"stocktide.{kind}",
        "time": (START + timedelta(minutes=minute)).isoformat(),
        "data": {**shared, **needed[kind], **data},
    }


def raw(**parts: Any) -> bytes:
    """One event's bytes; see `event`."""
    return json.dumps(event(**parts)).encode()
