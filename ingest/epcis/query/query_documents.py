"""Captured events as the standard answers them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ingest.epcis.model.context import STANDARD, merge
from ingest.epcis.model.reading import decode


def query_document(rows: Sequence[Any]) -> dict[str, Any]:
    """An EPCISQueryDocument with events, in their order."""
    context, covered = merge([row.context for row in rows])
    events = [
        _event(row, None if fits else row.context) for row, fits in zip(rows, covered, strict=True)
    ]
    return {
        "@context": context,
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": _written(datetime.now(UTC)),
        "epcisBody": {
            "queryResults": {
                "queryName": "SimpleEventQuery",
                "resultsBody": {"eventList": events},
            }
        },
    }


def bare_event(row: Any) -> dict[str, Any]:
    """One event that stands alone, with its context."""
    return _event(row, row.context)


def _event(row: Any, context: Sequence[Any] | None) -> dict[str, Any]:
    """An event as it was captured, with its record time, and its hash as eventID where it has none."""
    event = {
        name: value for name, value in decode(row.event.encode()).items() if name != "@context"
    }
    event.setdefault("eventID", row.identity)
    event["recordTime"] = _written(row.record_time)
    return event if context is None else {"@context": [STANDARD, *context], **event}


def _written(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
