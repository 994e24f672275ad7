"""What is sent for rejects, what became of it, and how that is written down."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from ingest.ledger.outcomes import OUTCOMES, Outcome
from ingest.rejects.payload import edited, kind_of, value_at
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid

# What is sent for none of them: no event, not what the edit is for, settled by another meanwhile.
NOT_SENT = ("not_events", "left_alone", "closed")
FAILING_SHOWN = 50


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """Give `field` another value (null leaves it out), with `was` only in events that say so now."""

    field: str
    value: Any
    was: Any | msgspec.UnsetType = msgspec.UNSET


class Attempt(NamedTuple):
    """What is sent for a reject; edited: it is not what came."""

    reject_id: int
    sent: bytes
    edited: bool


class By(NamedTuple):
    """Who does it, what, and why, for the history."""

    action: str
    by: str
    reason: str


class Overtaken(Exception):
    """Somebody else settled some of the rejects meanwhile. still_open: the ids of the others."""

    def __init__(self, still_open: Collection[int]) -> None:
        super().__init__(f"{len(still_open)} of them are still open")
        self.still_open = frozenset(still_open)


@dataclass
class Report:
    """What became of the rejects that were taken."""

    counts: Counter[str] = field(default_factory=Counter)
    failing: dict[tuple[str, str | None], dict[str, Any]] = field(default_factory=dict)

    def add(self, attempts: Sequence[Attempt], outcomes: Sequence[Outcome | None]) -> None:
        """Count outcomes, with a sample of each fault. None: another settled it meanwhile."""
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
        """The counts, and why the others still fail, the most frequent first."""
        failing = sorted(self.failing.values(), key=lambda item: -item["count"])
        return {
            **{name: self.counts[name] for name in (*OUTCOMES, *NOT_SENT)},
            "failing": failing[:FAILING_SHOWN],
        }


def attempts_of(rows: Sequence[Any], edit: Edit | None, report: Report) -> Iterator[Attempt]:
    """Make an attempt of each reject that is an event, from what was tried last; count the others. Raises Invalid.

    rows: of ingest/reject_take.
    """
    for row in rows:
        base = row.mended or row.raw
        if base is None or kind_of(base, feed=row.feed, content_type=row.content_type) != "event":
            report.counts["not_events"] += 1
            continue
        if edit is not None and not _says(base, edit):
            report.counts["left_alone"] += 1
            continue
        sent = base if edit is None else _edited(base, edit)
        if sent is None:
            report.counts["left_alone"] += 1
            continue
        yield Attempt(row.reject_id, sent, sent != row.raw)


def _says(raw: bytes, edit: Edit) -> bool:
    return edit.was is msgspec.UNSET or value_at(raw, edit.field) == edit.was


def _edited(raw: bytes, edit: Edit) -> bytes | None:
    """The edited event; None where this one has no data to edit, which is no reason to stop at it."""
    try:
        return edited(raw, {edit.field: edit.value})
    except Invalid as error:
        if error.code == "not_an_event":
            return None
        raise


def settle(
    connection: sa.Connection, attempts: Sequence[Attempt], outcomes: Sequence[Outcome], by: By
) -> None:
    """Write what became of rejects, with their history; the caller commits. Raises Overtaken: then it must not."""
    faults = [outcome.fault for outcome in outcomes]
    settled = connection.execute(
        statement("ingest/reject_settle"),
        {
            **by._asdict(),
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
    still_open = set(settled)
    if len(still_open) < len(attempts):
        raise Overtaken(still_open)
