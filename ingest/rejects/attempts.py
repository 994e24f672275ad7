"""Attempts at rejects: what is sent again, what became of it, and how that is written down."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from ingest.ledger.outcomes import OUTCOMES, Outcome
from ingest.parsing.parser import RESERVED_SOURCE
from ingest.rejects.payload import edited, kind_of, value_at
from stocktide.domain.own_sources import EPCIS
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid

# Why nothing is sent for a reject: not an event, not what the edit is for, closed by another meanwhile.
NOT_SENT = ("not_events", "left_alone", "closed")
FAILING_SHOWN = 50


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """Give `field` another value (null leaves it out), with `was` only in events that say so now."""

    field: str
    value: Any
    was: Any | msgspec.UnsetType = msgspec.UNSET


class Attempt(NamedTuple):
    """The bytes that are sent for a reject; edited: they are not what came. is_own: an EPCIS event made it."""

    reject_id: int
    sent: bytes
    edited: bool
    is_own: bool = False


class Audit(NamedTuple):
    """An entry of the history: what is done, by whom, and why."""

    action: str
    by: str
    reason: str


class Overtaken(Exception):
    """Somebody else closed some of the rejects meanwhile. still_open: the ids of the others."""

    def __init__(self, still_open: Collection[int]) -> None:
        super().__init__(f"{len(still_open)} of them are still open")
        self.still_open = frozenset(still_open)


@dataclass
class Report:
    """Counts of what became of the rejects that were taken, and why some still fail."""

    counts: Counter[str] = field(default_factory=Counter)
    failing: dict[tuple[str, str | None], dict[str, Any]] = field(default_factory=dict)

    def add(self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome | None]) -> None:
        """Count outcomes, with a sample of each fault. None: another closed it meanwhile."""
        for attempt, outcome in zip(attempts, outcomes, strict=True):
            if outcome is None:
                self.counts["closed"] += 1
                continue
            self.counts[outcome.name] += 1
            fault = outcome.fault
            if fault is not None:
                first = {"reason": fault.reason, "field": fault.field, "count": 0,
                         "sample_id": attempt.reject_id, "sample_message": fault.message}  # fmt: skip
                self.failing.setdefault((fault.reason, fault.field), first)["count"] += 1

    def answer(self) -> dict[str, Any]:
        """Return the counts, and why the others still fail, the most frequent first."""
        failing = sorted(self.failing.values(), key=lambda item: -item["count"])
        counts = {name: self.counts[name] for name in (*OUTCOMES, *NOT_SENT)}
        return {**counts, "failing": failing[:FAILING_SHOWN]}


def attempts_of(rows: Sequence[Any], edit: Edit | None, report: Report) -> Iterator[Attempt]:
    """Make an attempt of each reject that is an event, from what was tried last; count the others. Raises Invalid.

    rows: of ingest/reject_take.
    """
    for row in rows:
        base = row.mended or row.raw
        if base is None or kind_of(base, feed=row.feed, content_type=row.content_type) != "event":
            report.counts["not_events"] += 1
        elif (sent := base if edit is None else _edited(base, edit)) is None:
            report.counts["left_alone"] += 1
        else:
            yield Attempt(row.reject_id, sent, sent != row.raw, is_own(row.source, row.reason))


def is_own(source: str | None, reason: str) -> bool:
    """Return True for a movement that an EPCIS event made; others who use its source are told that it is reserved."""
    return source == EPCIS and reason != RESERVED_SOURCE


def _edited(raw: bytes, edit: Edit) -> bytes | None:
    """Return the edited event, or None if it says something else than `was`, or has no data to edit."""
    if edit.was is not msgspec.UNSET and value_at(raw, edit.field) != edit.was:
        return None
    try:
        return edited(raw, {edit.field: edit.value})
    except Invalid as error:
        if error.code == "not_an_event":
            return None
        raise


def close_rejects(
    connection: sa.Connection,
    attempts: Sequence[Attempt],
    outcomes: Sequence[Outcome],
    audit: Audit,
) -> None:
    """Close rejects that were recorded, with their history; what failed stays open, with its new reason.

    The caller commits. Raises Overtaken: then it must not.
    """
    faults = [outcome.fault for outcome in outcomes]
    were_open = connection.execute(
        statement("ingest/reject_close"),
        {
            **audit._asdict(),
            "reject_id": [attempt.reject_id for attempt in attempts],
            "sent": [attempt.sent if attempt.edited else None for attempt in attempts],
            "outcome": [outcome.name for outcome in outcomes],
            "source": [outcome.source for outcome in outcomes],
            "event_id": [outcome.event_id for outcome in outcomes],
            "fault_reason": [fault and fault.reason for fault in faults],
            "fault_field": [fault and fault.field for fault in faults],
            "fault_message": [fault and fault.message for fault in faults],
        },
    ).scalars()
    still_open = set(were_open)
    if len(still_open) < len(attempts):
        raise Overtaken(still_open)
