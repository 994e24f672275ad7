"""A query's answer: its events page by page, as the standard answers them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.epcis.capture.jobs import read_token, write_token
from ingest.epcis.model.context import STANDARD, merge
from ingest.epcis.model.reading import decode
from ingest.epcis.query.query import Query
from stocktide.foundation.database import sql, statement
from stocktide.foundation.errors import NotFound, TooLarge
from stocktide.foundation.stored_text import storable

SEEN_MAX = 1_000
# The collections of the standard that are columns with an index.
COLLECTIONS = {"bizSteps": "biz_step", "bizLocations": "biz_location", "readPoints": "read_point"}


class _PageEnd(msgspec.Struct, array_like=True):
    """Where a page ended: the value that orders, the row, and how many events were given so far."""

    instant: datetime
    event_no: int
    given: int


def find_events(connection: sa.Connection, query: Query) -> tuple[list[Any], str | None]:
    """Find a page of events. Returns it, and the token of the next one if there is one.

    Raises Invalid for a bad token, TooLarge if there are more events than maxEventCount.
    """
    conditions, binds, given = list(query.conditions), dict(query.binds), 0
    if query.token is None:
        _check_count(connection, query)
    else:
        end = read_token(query.token, _PageEnd)
        given = end.given
        side = "<" if query.descending else ">"
        conditions.append(f"({query.order}, event_no) {side} (:page_instant, :page_event_no)")
        event_no = max(-(2**63), min(end.event_no, 2**63 - 1))
        binds |= {"page_instant": end.instant, "page_event_no": event_no}
    wanted = query.per_page if query.limit is None else min(query.per_page, query.limit - given)
    if wanted <= 0:
        return [], None
    direction = "DESC" if query.descending else "ASC"
    order = f"{query.order} {direction}, event_no {direction}"
    select = _written("events", conditions).replace("{order}", order)
    rows = list(connection.execute(sa.text(select), {**binds, "count": wanted + 1}))
    page = rows[:wanted]
    if len(rows) <= wanted or given + wanted == query.limit:
        return page, None
    last = _PageEnd(getattr(page[-1], query.order), page[-1].event_no, given + wanted)
    return page, write_token(last)


def _written(name: str, conditions: Sequence[str]) -> str:
    return sql(f"ingest/epcis/{name}").replace("{conditions}", " AND ".join(conditions) or "true")


def _check_count(connection: sa.Connection, query: Query) -> None:
    if query.max_count is None:
        return
    counting = sa.text(_written("events_counted", query.conditions))
    found = connection.execute(counting, {**query.binds, "count": query.max_count + 1})
    if found.scalar_one() > query.max_count:
        raise TooLarge(
            "query_too_large",
            f"More than {query.max_count} events fit (maxEventCount). Ask for less, or page through them.",
        )


def find_event(connection: sa.Connection, identity: str) -> Any:
    """Find one event by its eventID or hash. Raises NotFound."""
    binds = {"identity": storable(identity)}
    row = connection.execute(statement("ingest/epcis/event"), binds).one_or_none()
    if row is None:
        raise NotFound("unknown_event", f"There is no event {identity[:200]!r}.")
    return row


def values_seen(connection: sa.Connection, collection: str) -> list[str]:
    """List which business steps, locations or read points were captured, known to the vocabulary or not."""
    query = sql("ingest/epcis/seen").replace("{column}", COLLECTIONS[collection])
    return list(connection.execute(sa.text(query), {"count": SEEN_MAX}).scalars())


def query_document(rows: Sequence[Any]) -> dict[str, Any]:
    """Make an EPCISQueryDocument with events, in their order."""
    context, covered = merge([row.context for row in rows])
    events = [
        _event(row, None if fits else row.context) for row, fits in zip(rows, covered, strict=True)
    ]
    results = {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": events}}
    return {
        "@context": context,
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "creationDate": _shown(datetime.now(UTC)),
        "epcisBody": {"queryResults": results},
    }


def bare_event(row: Any) -> dict[str, Any]:
    """Make one event that stands alone, with its context."""
    return _event(row, row.context)


def _event(row: Any, context: Sequence[Any] | None) -> dict[str, Any]:
    """Give an event as it was captured, with its record time, and its hash as eventID where it has none."""
    event = {
        name: value for name, value in decode(row.event.encode()).items() if name != "@context"
    }
    event.setdefault("eventID", row.identity)
    event["recordTime"] = _shown(row.record_time)
    return event if context is None else {"@context": [STANDARD, *context], **event}


def _shown(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
