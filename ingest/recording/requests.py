"""Requests of feeds, recorded together in one transaction: ledger, rejects and counts."""

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from ingest.ledger.entries import raw_cursor
from ingest.ledger.ledger import Ledger
from ingest.ledger.outcomes import OUTCOMES, Outcome, rejected
from ingest.parsing.events import Event, Fault
from ingest.parsing.parsed import Parsed
from stocktide.foundation.database import sql, statement


class FeedRequest(NamedTuple):
    """Inputs of one feed, as they came and as they were parsed; counted: which outcomes count in its minutes."""

    feed: str
    content_type: str
    raws: Sequence[bytes]
    parsed: Sequence[Event | Fault]
    counted: Collection[str] = OUTCOMES


def record_requests(
    connection: sa.Connection, ledger: Ledger, requests: Sequence[FeedRequest]
) -> list[list[Outcome]]:
    """Record requests together; the caller commits. Returns the outcomes of each, in order."""
    outcomes = ledger.append(connection, Parsed.together([request.parsed for request in requests]))
    split: list[list[Outcome]] = []
    start = 0
    for request in requests:
        split.append(outcomes[start : start + len(request.parsed)])
        start += len(request.parsed)
    finish_requests(connection, requests, split)
    return split


def finish_requests(
    connection: sa.Connection, requests: Sequence[FeedRequest], outcomes: Sequence[list[Outcome]]
) -> None:
    """Keep what was refused and count, feed by feed in one order for all writers."""
    refused: dict[tuple[str, str], list[tuple[bytes, Fault]]] = {}
    for request, answers in zip(requests, outcomes, strict=True):
        # a conflict is kept too: its payload says something that the ledger does not
        faults = [
            (place, outcome.fault)
            for place, outcome in enumerate(answers)
            if outcome.fault is not None
        ]
        if faults:
            kept = refused.setdefault((request.feed, request.content_type), [])
            kept += [(request.raws[place], fault) for place, fault in faults]
    for (feed, content_type), items in sorted(refused.items(), key=lambda item: item[0]):
        keep_rejects(connection, feed, content_type, items)
    _count(connection, requests, outcomes)


def refuse_all(connection: sa.Connection, request: FeedRequest, fault: Fault) -> list[Outcome]:
    """Keep all inputs of a request as refused for one reason."""
    outcomes = [
        rejected(Fault(fault.reason, fault.message, fault.field, item.source, item.event_id))
        for item in request.parsed
    ]
    finish_requests(connection, [request], [outcomes])
    return outcomes


def keep_rejects(
    connection: sa.Connection, feed: str, content_type: str, refused: Sequence[tuple[bytes, Fault]]
) -> None:
    """Keep refused inputs with their reason; repeats of one are counted on its row."""
    connection.execute(
        statement("ingest/keep_rejects"),
        {
            "feed": feed,
            "content_type": content_type[:200],
            "raw": [raw for raw, _ in refused],
            **{
                name: [getattr(fault, name) for _, fault in refused]
                for name in ("reason", "field", "message", "source", "event_id")
            },
        },
    )


def _count(
    connection: sa.Connection, requests: Sequence[FeedRequest], outcomes: Sequence[list[Outcome]]
) -> None:
    counts: dict[str, Counter[str]] = {}
    newest: dict[str, Any] = {}
    for request, answers in zip(requests, outcomes, strict=True):
        feed = request.feed
        names = [outcome.name for outcome in answers]
        found: Counter[str] = Counter(names)
        counted = Counter({name: found[name] for name in request.counted if found[name]})
        if counted:
            counts.setdefault(feed, Counter()).update(counted)
        if "accepted" not in counted:
            continue
        latest = Parsed.of(request.parsed).newest([name == "accepted" for name in names])
        if latest is not None:
            newest[feed] = max(newest.get(feed, latest), latest)
    rows = [
        {
            "feed": feed,
            "newest_occurred_at": newest[feed].isoformat() if feed in newest else None,
            **{name: count[name] for name in OUTCOMES},
        }
        for feed, count in counts.items()
    ]
    if rows:
        raw_cursor(connection).execute(sql("ingest/count_feeds"), (json.dumps(rows),), prepare=True)
