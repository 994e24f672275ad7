"""The one way in: raw inputs of a feed are parsed, recorded, counted and kept in one transaction."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy.exc import DBAPIError

from ingest.events import Fault, StockEvent
from ingest.ledger import Ledger, Outcome
from ingest.parser import EventParser
from stocktide.database import statement
from stocktide.errors import Transient
from stocktide.settings import Settings

TRIES_MAX = 5
FIRST_WAIT_S = 0.02


@dataclass
class Recorder:
    """Records the events of feeds. One a process; safe to use from many threads."""

    engine: sa.Engine
    settings: Settings
    parser: EventParser = field(init=False)
    ledger: Ledger = field(init=False)

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
        return self.record_parsed(
            feed, content_type, raws, [self.parser.parse(raw) for raw in raws]
        )

    def record_parsed(
        self,
        feed: str,
        content_type: str,
        raws: Sequence[bytes],
        parsed: Sequence[StockEvent | Fault],
    ) -> list[Outcome]:
        """Record what was parsed already; `raws` are kept for what is refused. Raises as `record`."""
        for attempt in range(TRIES_MAX):
            try:
                with self.engine.begin() as connection:
                    return self._record(connection, feed, content_type, raws, parsed)
            except DBAPIError as error:
                if not isinstance(error.orig, DeadlockDetected | SerializationFailure):
                    if error.connection_invalidated or isinstance(error, sa.exc.OperationalError):
                        raise Transient(
                            "database_away",
                            "The database does not answer; nothing was recorded. Send it again.",
                        ) from error
                    raise
                time.sleep(FIRST_WAIT_S * 2**attempt)
        raise Transient("busy", "The ledger is busy; nothing was recorded. Send it again.")

    def keep(self, feed: str, content_type: str, raw: bytes, fault: Fault) -> None:
        """Keep one input that could not even be cut into events."""
        with self.engine.begin() as connection:
            keep_rejects(connection, feed, content_type, [(raw, fault)])
            _count(connection, feed, [Outcome("rejected", fault=fault)], [])

    def _record(
        self,
        connection: sa.Connection,
        feed: str,
        content_type: str,
        raws: Sequence[bytes],
        parsed: Sequence[StockEvent | Fault],
    ) -> list[Outcome]:
        outcomes = self.ledger.append(connection, parsed)
        # a conflict is kept too: its payload says something that the ledger does not
        refused = [
            (raw, o.fault) for raw, o in zip(raws, outcomes, strict=True) if o.fault is not None
        ]
        keep_rejects(connection, feed, content_type, refused)
        _count(connection, feed, outcomes, parsed)
        return outcomes


def keep_rejects(
    connection: sa.Connection, feed: str, content_type: str, refused: Sequence[tuple[bytes, Fault]]
) -> None:
    """Keep refused inputs with their reason; repeats of one are counted on its row."""
    if not refused:
        return
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
    connection: sa.Connection,
    feed: str,
    outcomes: Sequence[Outcome],
    parsed: Sequence[StockEvent | Fault],
) -> None:
    counts = Counter(outcome.name for outcome in outcomes)
    times = [
        event.occurred_at
        for event, outcome in zip(parsed, outcomes, strict=False)
        if outcome.name == "accepted" and isinstance(event, StockEvent)
    ]
    connection.execute(
        statement("ingest/count_feed"),
        {
            "feed": feed,
            "newest_occurred_at": max(times, default=None),
            **{name: counts[name] for name in ("accepted", "duplicate", "conflict", "rejected")},
        },
    )
