"""One event as it is sent, and its outcome."""

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

TYPE_PREFIX = "stocktide."
OutcomeName = Literal["accepted", "duplicate", "conflict", "rejected"]


@dataclass(frozen=True)
class Outcome:
    """Outcome of one event. A conflict or a reject says why, and which field."""

    event_id: str | None
    outcome: OutcomeName
    reason: str | None = None
    field: str | None = None
    message: str | None = None

    @property
    def recorded(self) -> bool:
        """True if the event is in the ledger, by this sending or an earlier one."""
        return self.outcome in ("accepted", "duplicate")


def encode_event(
    kind: str, data: Any, source: str, event_id: str, occurred_at: datetime | str | None
) -> bytes:
    """Encode a structured CloudEvent on one line. data: a mapping, dataclass or msgspec struct; Decimals stay exact.

    Raises ValueError for a time without zone, TypeError for data that is not JSON.
    """
    if isinstance(occurred_at, datetime) and occurred_at.tzinfo is None:
        raise ValueError(f"time {occurred_at.isoformat()} names no zone")
    moment = datetime.now(UTC) if occurred_at is None else occurred_at
    event: Mapping[str, Any] = {
        "specversion": "1.0",
        "id": event_id,
        "source": source,
        "type": kind if kind.startswith(TYPE_PREFIX) else TYPE_PREFIX + kind,
        "time": moment if isinstance(moment, str) else moment.isoformat(),
        "data": data,
    }
    return msgspec.json.encode(event)


class IdMaker:
    """Makes UUIDs of version 7: unique, and in the order of making, which keeps the server's index small."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # milliseconds since 1970, times 4096: the low bits count within one
        self._last = 0

    def make(self) -> str:
        """Return the next id."""
        now = time.time_ns() // 1_000_000 << 12
        with self._lock:
            self._last = moment = max(now, self._last + 1)
        tail = int.from_bytes(os.urandom(8)) & (2**62 - 1) | 2**63
        text = f"{moment >> 12:012x}7{moment & 0xFFF:03x}{tail:016x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
