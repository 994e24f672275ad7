"""The one way in: raw inputs of a feed are parsed, recorded, counted and kept in one transaction."""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg
import sqlalchemy as sa
from psycopg.errors import (
    DeadlockDetected,
    LockNotAvailable,
    ProgramLimitExceeded,
    SerializationFailure,
)
from sqlalchemy.exc import DBAPIError

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
from stocktide.errors import Transient
from stocktide.settings import Settings
from stocktide.telemetry import log

TRIES_MAX = 5
FIRST_WAIT_S = 0.02
# Partitions are made this long before they are needed; who records looks once a day.
PARTITION_MONTHS_AHEAD = 2
LOOK_AT_PARTITIONS_EVERY = timedelta(days=1)

# Another writer held what this one needed: the same again, a moment later, will do.
IN_THE_WAY = (DeadlockDetected, SerializationFailure, LockNotAvailable)
# What the database refuses for what it says; too long for an index is one of the limits.
FOR_ITS_CONTENT = (psycopg.DataError, psycopg.IntegrityError, ProgramLimitExceeded)
# SQLSTATE classes of a database that cannot answer now: connection, resources, operator, system.
AWAY = ("08", "53", "57", "58")

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
        for attempt in range(TRIES_MAX):
            try:
                with begin() as connection, noticing_loss(connection):
                    self._ensure_partitions(connection)
                    return record_requests(connection, self.ledger, requests)
            except (DBAPIError, psycopg.Error) as error:
                cause = error.orig if isinstance(error, DBAPIError) else error
                if isinstance(cause, FOR_ITS_CONTENT):
                    return self._isolate(begin, requests, cause)
                if isinstance(cause, IN_THE_WAY):
                    time.sleep(FIRST_WAIT_S * 2**attempt)
                elif is_away(cause):
                    raise _transient(cause) from error
                else:
                    raise  # a fault of ours, which sending again does not mend
        raise Transient("busy", "The ledger is busy; nothing was recorded. Send it again.")

    def keep(self, feed: str, content_type: str, raw: bytes, fault: Fault) -> None:
        """Keep one input that could not even be cut into events. Raises Transient if the database is away."""
        request = FeedRequest(feed, content_type, [raw], [fault])
        try:
            with self.engine.begin() as connection:
                finish_requests(connection, [request], [[rejected(fault)]])
        except (DBAPIError, psycopg.Error) as error:
            if is_away(error):
                raise _transient(error) from error
            raise

    def ensure_partitions(self) -> None:
        """Make the partitions of this month and the next ones, if nobody looked today."""
        with self.engine.begin() as connection:
            self._ensure_partitions(connection)

    def _isolate(
        self, begin: Begin, requests: Sequence[FeedRequest], error: psycopg.Error
    ) -> list[list[Outcome]]:
        """Find the event that the database refuses, by halves, and keep it; the others are recorded."""
        if len(requests) > 1:
            return [self.record_together(begin, [request])[0] for request in requests]
        request = requests[0]
        if len(request.parsed) > 1:
            half = len(request.parsed) // 2
            halves = [
                request._replace(raws=request.raws[part], parsed=request.parsed[part])
                for part in (slice(None, half), slice(half, None))
            ]
            return [[o for part in halves for o in self.record_together(begin, [part])[0]]]
        log("not_storable", feed=request.feed, error=str(error))
        fault = Fault(
            "not_storable", "The database refuses a value of this event; its log says which."
        )
        with begin() as connection:
            return [refuse_all(connection, request, fault)]

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


@contextmanager
def noticing_loss(connection: sa.Connection) -> Iterator[None]:
    """Tell the pool of a connection that broke under the driver's own cursor, which the pool does not see."""
    try:
        yield
    except psycopg.OperationalError:
        driver = connection.connection.driver_connection
        if isinstance(driver, psycopg.Connection) and driver.closed:
            connection.invalidate()
        raise


def is_away(error: BaseException | None) -> bool:
    """Tell whether an error means that the database cannot answer now, and the same may be asked again."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, psycopg.InterfaceError):
        return True
    # the driver says no state where it lost the connection
    return isinstance(cause, psycopg.OperationalError) and (
        cause.sqlstate is None or cause.sqlstate.startswith(AWAY)
    )


def _transient(error: BaseException | None) -> Transient:
    log("database_error", error=str(error))
    return Transient(
        "database_away", "The database does not answer; nothing was recorded. Send it again."
    )
