"""The one way in: raw inputs of a feed are parsed, recorded, counted and kept in one transaction."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa

from ingest.ledger.ledger import Ledger
from ingest.ledger.outcomes import OUTCOMES, Outcome, rejected
from ingest.parsing.events import Event, Fault
from ingest.parsing.parser import EventParser
from ingest.recording.requests import (
    FeedRequest,
    finish_requests,
    record_requests,
    refuse_all,
)
from ingest.recording.retrying import by_halves, invalidate_on_disconnect, reaching, retried
from stocktide.foundation.database_errors import reaction_to
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

SEND_AGAIN = "Nothing was recorded; send it again."
# Partitions are made this long before they are needed; who records looks once a day.
PARTITION_MONTHS_AHEAD = 2
LOOK_AT_PARTITIONS_EVERY = timedelta(days=1)

Begin = Callable[[], AbstractContextManager[sa.Connection]]


@dataclass
class Recorder:
    """Records the events of feeds. One a process; safe to use from many threads."""

    engine: sa.Engine
    settings: Settings
    parser: EventParser = field(init=False)
    ledger: Ledger = field(init=False)
    _partitions_seen_at: datetime | None = None

    def __post_init__(self) -> None:
        self.parser = EventParser(self.settings)
        self.ledger = Ledger(
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
            is_of_one=_is_content,
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

        def some(places: Sequence[int]) -> list[Outcome]:
            return self._together(begin, [_part_of(request, places)])[0]

        def refused(place: int, error: Exception) -> list[Outcome]:
            log("not_storable", feed=request.feed, error=str(error))
            fault = Fault(
                "not_storable", "The database refuses a value of this event; its log says which."
            )
            with begin() as connection:
                return refuse_all(connection, _part_of(request, [place]), fault)

        return by_halves(range(len(request.parsed)), some, refused, is_of_one=_is_content)

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


def _part_of(request: FeedRequest, places: Sequence[int]) -> FeedRequest:
    part = slice(places[0], places[-1] + 1)
    return request._replace(raws=request.raws[part], parsed=request.parsed[part])


def _is_content(error: Exception) -> bool:
    return reaction_to(error) == "content"
