"""A query's answer, page by page."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.epcis.capture.jobs import read_token, write_token
from ingest.epcis.query.query import Query
from stocktide.foundation.database import sql, statement
from stocktide.foundation.errors import NotFound, TooLarge
from stocktide.foundation.stored_text import storable

SEEN_MAX = 1_000
# The collections of the standard that are columns with an index.
COLLECTIONS = {"bizSteps": "biz_step", "bizLocations": "biz_location", "readPoints": "read_point"}


class _Place(msgspec.Struct, array_like=True):
    """Where a page ended: the value that orders, the row, and how many events were given so far."""

    instant: datetime
    event_no: int
    given: int


@dataclass(frozen=True)
class Page:
    """Some events of an answer. token: for the next page, None at the end."""

    rows: list[Any]
    token: str | None


def find_events(connection: sa.Connection, query: Query) -> Page:
    """Find a page of events. Raises Invalid for a bad token, TooLarge if there are more than maxEventCount."""
    if query.max_count is not None and query.token is None:
        _check_count(connection, query)
    place = None if query.token is None else read_token(query.token, _Place)
    given = 0 if place is None else place.given
    wanted = query.per_page if query.limit is None else min(query.per_page, query.limit - given)
    if wanted <= 0:
        return Page([], None)
    conditions, binds = list(query.conditions), dict(query.binds)
    if place is not None:
        side = "<" if query.descending else ">"
        conditions.append(f"({query.order}, event_no) {side} (:page_instant, :page_event_no)")
        binds |= {"page_instant": place.instant, "page_event_no": _bigint(place.event_no)}
    rows = list(connection.execute(_select(query, conditions), {**binds, "count": wanted + 1}))
    page = rows[:wanted]
    ended = len(rows) <= wanted or given + wanted == query.limit
    if ended:
        return Page(page, None)
    last = page[-1]
    return Page(
        page, write_token(_Place(getattr(last, query.order), last.event_no, given + wanted))
    )


def _bigint(number: int) -> int:
    return max(-(2**63), min(number, 2**63 - 1))


def _select(query: Query, conditions: list[str]) -> sa.TextClause:
    direction = "DESC" if query.descending else "ASC"
    return sa.text(
        sql("ingest/epcis/events")
        .replace("{conditions}", _all_of(conditions))
        .replace("{order}", f"{query.order} {direction}, event_no {direction}")
    )


def _check_count(connection: sa.Connection, query: Query) -> None:
    assert query.max_count is not None  # noqa: S101 - the caller looked
    counting = sa.text(
        sql("ingest/epcis/events_counted").replace("{conditions}", _all_of(query.conditions))
    )
    found = connection.execute(counting, {**query.binds, "count": query.max_count + 1})
    if found.scalar_one() > query.max_count:
        raise TooLarge(
            "query_too_large",
            f"More than {query.max_count} events fit (maxEventCount). Ask for less, or page through them.",
        )


def _all_of(conditions: list[str]) -> str:
    return " AND ".join(conditions) or "true"


def find_event(connection: sa.Connection, identity: str) -> Any:
    """Find one event by its eventID or hash. Raises NotFound."""
    row = connection.execute(
        statement("ingest/epcis/event"), {"identity": storable(identity)}
    ).one_or_none()
    if row is None:
        raise NotFound("unknown_event", f"There is no event {identity[:200]!r}.")
    return row


def values_seen(connection: sa.Connection, collection: str) -> list[str]:
    """Which business steps, locations or read points were captured, known to the vocabulary or not."""
    query = sql("ingest/epcis/seen").replace("{column}", COLLECTIONS[collection])
    return list(connection.execute(sa.text(query), {"count": SEEN_MAX}).scalars())
