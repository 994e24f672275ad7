"""What became of a capture, and how its job and its feed tell it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa

from ingest.epcis.capture.store import count_capture, finish_capture
from ingest.parsing.events import Fault
from stocktide.foundation.errors import Conflict, Invalid, StocktideError

EventOutcome = Literal["captured", "duplicate", "conflict", "refused"]
# How many of a capture's errors its job shows; all are kept as rejects.
ERRORS_SHOWN = 100


@dataclass
class Captured:
    """What became of a capture. outcomes: one an event, with its identity where it has one."""

    capture_id: UUID
    outcomes: list[tuple[EventOutcome, str | None]] = field(default_factory=list)
    faults: list[tuple[int, Fault]] = field(default_factory=list)
    success: bool = True

    def stored(self, place: int) -> bool:
        """Tell whether the event at a place of the document is new."""
        return self.outcomes[place][0] == "captured"


def finish_job(connection: sa.Connection, captured: Captured) -> None:
    """End the job with what became of its events."""
    names = [outcome for outcome, _identity in captured.outcomes]
    finish_capture(
        connection,
        captured.capture_id,
        events=names.count("captured"),
        duplicates=names.count("duplicate"),
        errors=[_problem(place, fault) for place, fault in captured.faults[:ERRORS_SHOWN]],
        success=captured.success,
    )


def count_events(
    connection: sa.Connection, feed: str, captured: Captured, times: Sequence[datetime]
) -> None:
    """Count a feed's events. What is wrong is counted where it is kept; here what was refused for its sake alone.

    times: of the events that were captured.
    """
    names = Counter(outcome for outcome, _identity in captured.outcomes)
    faults = {place for place, _fault in captured.faults}
    went_along = sum(
        outcome == "refused" and place not in faults
        for place, (outcome, _identity) in enumerate(captured.outcomes)
    )
    if names["captured"] or names["duplicate"] or went_along:
        count_capture(
            connection,
            feed,
            accepted=names["captured"],
            duplicate=names["duplicate"],
            rejected=went_along,
            newest_occurred_at=max(times, default=None),
        )


def _problem(place: int, fault: Fault) -> dict[str, Any]:
    """An error of a job as problem details."""
    error: type[StocktideError] = Conflict if fault.reason == "conflict" else Invalid
    return {
        "type": f"urn:stocktide:error:{fault.reason}",
        "title": error.title,
        "status": error.status,
        "detail": fault.message,
        "code": fault.reason,
        "field": fault.field,
        "event": place,
    }
