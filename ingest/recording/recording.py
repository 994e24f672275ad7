"""The one way in: raw inputs of feeds are parsed, recorded, counted and kept in one transaction."""

import json
import traceback
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

import sqlalchemy as sa

from ingest.ledger.customers import Customers
from ingest.ledger.entries import raw_cursor
from ingest.ledger.ledger import Ledger
from ingest.ledger.outcomes import ACCEPTED, OUTCOMES, Outcome, rejected
from ingest.parsing.events import Event, Fault
from ingest.parsing.parser import EventParser
from ingest.parsing.sales import Parsed
from ingest.recording.retrying import invalidate_on_disconnect, reaching, retried
from stocktide.domain.own_sources import EPCIS, ORDERS
from stocktide.foundation.customer_keys import customer_keys
from stocktide.foundation.database import sql, statement
from stocktide.foundation.database_errors import DATABASE_ERRORS, reaction_to
from stocktide.foundation.errors import Fatal
from stocktide.foundation.halves import by_halves
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

SEND_AGAIN = "Nothing was recorded; send it again."
# Partitions are made this long before they are needed; who records looks once a day.
PARTITION_MONTHS_AHEAD = 2
LOOK_AT_PARTITIONS_EVERY = timedelta(days=1)

Begin = Callable[[], AbstractContextManager[sa.Connection]]


class FeedRequest(NamedTuple):
    """Inputs of one feed, raw and parsed; counted: which outcomes count in its minutes."""

    feed: str
    content_type: str
    raws: Sequence[bytes]
    parsed: Sequence[Event | Fault]
    counted: Collection[str] = OUTCOMES


@dataclass
class Recorder:
    """Records the events of feeds. One a process; safe to use from many threads.

    parser: of what others send. desk_parser, epcis_parser: of what Stocktide sends itself under a reserved source.
    """

    engine: sa.Engine
    settings: Settings
    parser: EventParser = field(init=False)
    desk_parser: EventParser = field(init=False)
    epcis_parser: EventParser = field(init=False)
    ledger: Ledger = field(init=False)
    _partitions_seen_at: datetime | None = None

    def __post_init__(self) -> None:
        self.parser = EventParser(self.settings)
        self.desk_parser = EventParser(self.settings, own=ORDERS)
        self.epcis_parser = EventParser(self.settings, own=EPCIS)
        self.ledger = Ledger(
            customers=Customers(
                partial(customer_keys, self.settings), self.settings.personal_attributes.split(",")
            ),
            half_life_h=self.settings.trend_half_life_h,
            create_on_first_sight=self.settings.create_on_first_sight,
        )

    def record(self, feed: str, content_type: str, raws: Sequence[bytes]) -> list[Outcome]:
        """Record raw CloudEvents. When this returns, everything accepted is committed and every reject is kept.

        Raises Transient if the database is away; then nothing was recorded and the same call may be made again.
        """
        return self.record_parsed(feed, content_type, raws, self.parser.parse_all(raws))

    def record_parsed(
        self,
        feed: str,
        content_type: str,
        raws: Sequence[bytes],
        parsed: Sequence[Event | Fault],
        *,
        counted: Collection[str] = OUTCOMES,
    ) -> list[Outcome]:
        """Record what was parsed already; `raws` are kept for what is refused. Raises as `record`.

        counted: which outcomes count in the feed's minutes; none of what is tried once more.
        """
        request = FeedRequest(feed, content_type, raws, parsed, counted)
        return self.record_together(self.engine.begin, [request])[0]

    def record_together(self, begin: Begin, requests: Sequence[FeedRequest]) -> list[list[Outcome]]:
        """Record requests in one transaction, and try again where another writer was in the way.

        begin: opens a transaction that commits at its end. What the database refuses for its content is found and
        kept as a reject, so that one bad event takes no other with it. Raises Transient if the database is away.
        """
        return by_halves(
            requests,
            partial(self._together, begin),
            lambda request, _: [self._apart(begin, request)],
            is_of_one=is_of_one,
        )

    def keep(self, feed: str, content_type: str, raw: bytes, fault: Fault) -> None:
        """Keep one input that could not even be cut into events. Raises Transient if the database is away."""
        request = FeedRequest(feed, content_type, [raw], [fault])
        with reaching(SEND_AGAIN), self.engine.begin() as connection:
            finish_requests(connection, [request], [[rejected(fault)]])

    def ensure_partitions(self) -> None:
        """Make the partitions of this month and the next ones, if nobody looked today."""
        with self.engine.begin() as connection:
            self._ensure_partitions(connection)

    def _together(self, begin: Begin, requests: Sequence[FeedRequest]) -> list[list[Outcome]]:
        def once() -> list[list[Outcome]]:
            with begin() as connection, invalidate_on_disconnect(connection):
                self._ensure_partitions(connection)
                return record_requests(connection, self.ledger, requests)

        return retried(once, hint=SEND_AGAIN)

    def _apart(self, begin: Begin, request: FeedRequest) -> list[Outcome]:
        """Record a request that the database refuses as a whole: all but the events that it refuses alone."""

        def some(indexes: Sequence[int]) -> list[Outcome]:
            return self._together(begin, [_part_of(request, indexes)])[0]

        def refused(index: int, error: Exception) -> list[Outcome]:
            with begin() as connection:
                return refuse_all(connection, _part_of(request, [index]), not_storable(error))

        return by_halves(range(len(request.parsed)), some, refused, is_of_one=is_of_one)

    def _ensure_partitions(self, connection: sa.Connection) -> None:
        now = datetime.now(UTC)
        seen = self._partitions_seen_at
        if seen is not None and now - seen < LOOK_AT_PARTITIONS_EVERY:
            return
        connection.execute(
            sa.text("SELECT ensure_ledger_partitions(current_date, :months)"),
            {"months": 1 + PARTITION_MONTHS_AHEAD},
        )
        self._partitions_seen_at = now


def record_requests(
    connection: sa.Connection, ledger: Ledger, requests: Sequence[FeedRequest]
) -> list[list[Outcome]]:
    """Record requests together; the caller commits. Returns the outcomes of each, in order."""
    outcomes = ledger.append(connection, Parsed.concat([request.parsed for request in requests]))
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
            (index, outcome.fault)
            for index, outcome in enumerate(answers)
            if outcome.fault is not None
        ]
        if faults:
            kept = refused.setdefault((request.feed, request.content_type), [])
            kept += [(request.raws[index], fault) for index, fault in faults]
    for (feed, content_type), items in sorted(refused.items(), key=lambda item: item[0]):
        keep_rejects(connection, feed, content_type, items)
    counts = feed_counts(requests, outcomes)
    if counts:
        raw_cursor(connection).execute(sql("ingest/count_feeds"), (counts,), prepare=True)


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


def feed_counts(
    requests: Sequence[FeedRequest], outcomes: Iterable[Sequence[Outcome]]
) -> str | None:
    """Count outcomes by feed, as count_feeds.sql takes them; None where there is nothing to count."""
    names: dict[str, list[str]] = {}
    newest: dict[str, datetime] = {}
    for request, answers in zip(requests, outcomes, strict=True):
        feed = request.feed
        counted = [outcome.name for outcome in answers if outcome.name in request.counted]
        if not counted:
            continue
        names.setdefault(feed, []).extend(counted)
        if ACCEPTED in counted:
            is_all = counted.count(ACCEPTED) == len(answers)
            chosen = None if is_all else [outcome.name == ACCEPTED for outcome in answers]
            latest = Parsed.of(request.parsed).newest(chosen)
            if latest is not None:
                newest[feed] = max(latest, newest.get(feed, latest))
    rows = [
        {
            "feed": feed,
            "newest_occurred_at": newest[feed].isoformat() if feed in newest else None,
            **{name: found.count(name) for name in OUTCOMES},
        }
        for feed, found in names.items()
    ]
    return json.dumps(rows) if rows else None


def _part_of(request: FeedRequest, indexes: Sequence[int]) -> FeedRequest:
    part = slice(indexes[0], indexes[-1] + 1)
    return request._replace(raws=request.raws[part], parsed=request.parsed[part])


def is_of_one(error: Exception) -> bool:
    """Return True if one event of a batch may be at fault, so that halving the batch finds it.

    Either the database refuses a value, or our own code stops on it. A statement that the database does not know fails
    with every event, and so does what only an operator can put right: halving would find nothing.
    """
    if isinstance(error, Fatal):
        return False
    reaction = reaction_to(error)
    return reaction == "content" or (reaction == "bug" and not isinstance(error, DATABASE_ERRORS))


def not_storable(error: Exception) -> Fault:
    """Return why an event is refused that cannot be recorded, though nothing is known to be wrong with it."""
    is_content = reaction_to(error) == "content"
    log("not_storable", error=repr(error)[:2000], traceback=traceback.format_exception(error)[-1])
    if is_content:
        return Fault(
            "not_storable", "The database refuses a value of this event; its log says which."
        )
    return Fault(
        "not_storable",
        f"It could not be recorded: {type(error).__name__}. The fault is ours; replay it after an update.",
    )
