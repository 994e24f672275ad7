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
    }
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": f"stocktide.{kind}",
        "time": (START + timedelta(minutes=minute)).isoformat(),
        "data": {"product": "A", "location": "S1", **needed[kind], **data},
    }


def raw(**parts: Any) -> bytes:
    """One event's bytes; see `event`."""
    return json.dumps(event(**parts)).encode()
