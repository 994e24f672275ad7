"""The fast lane: small groups of plain new sales, recorded by one statement from the event loop itself.

A till posts one sale and waits. Handing it to the writer's thread and back costs more than recording it, since the
two share Python's lock; so what is plain goes from the loop straight to the socket of a connection of its own, one
statement at a time, and what arrives meanwhile is the next group. Whatever is not plain (a repeat, a product seen for
the first time, something from before a count) is refused here as a whole, and goes the general way.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import psycopg
import sqlalchemy as sa
from psycopg.pq import ExecStatus

from ingest.ledger.announcement import announced
from ingest.ledger.binary import (
    INT4,
    INT8,
    TIMESTAMPTZ,
    PgArray,
    array_of,
    nullable_ints_of,
    nullable_text_array_of,
    text_array_of,
)
from ingest.ledger.columns import FLAGS, PLAIN, Moves
from ingest.ledger.effects import pair_effects
from ingest.ledger.entries import pair_arrays
from ingest.ledger.ledger import Ledger
from ingest.ledger.rows import Row, has_rare
from ingest.parsing.events import Event, Fault
from ingest.recording.requests import FeedRequest
from stocktide.foundation.database import sql
from stocktide.foundation.telemetry import log

STATEMENT = b"record_plain"
# A larger group is better off with COPY.
EVENTS_MAX = 256
RECONNECT_AFTER_S = 1.0
Done = Callable[[bool], None]


class FastLane:
    """Records groups on the event loop that `open` was called from; one statement is under way at a time."""

    def __init__(self, engine: sa.Engine, ledger: Ledger) -> None:
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._ledger = ledger
        self._connection: psycopg.Connection[Any] | None = None
        # kept, for a lost connection does not tell it any more
        self._descriptor = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: Done | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether there is a connection."""
        return self._connection is not None

    @property
    def busy(self) -> bool:
        """Tell whether a group is under way."""
        return self._done is not None

    async def open(self) -> None:
        """Connect; without a connection everything goes the general way, and this is tried again."""
        self._loop = asyncio.get_running_loop()
        try:
            self._connection = await self._loop.run_in_executor(None, _connect, self._url)
        except psycopg.OperationalError as error:
            log("fast_lane_away", error=str(error).strip())
            self._loop.call_later(RECONNECT_AFTER_S, self._reopen)
            return
        self._descriptor = self._connection.pgconn.socket
        self._loop.add_reader(self._descriptor, self._read)

    def close(self) -> None:
        """Let go of the connection; a group under way goes the general way."""
        if self._connection is not None and self._loop is not None:
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)
            self._connection.close()
            self._connection = None
        if self._done is not None:
            done, self._done = self._done, None
            done(False)

    def plain_rows(self, parsed: Sequence[Event | Fault]) -> list[Row] | None:
        """The rows of a request's events; None where one of them is not plain."""
        if not self.is_open or len(parsed) > EVENTS_MAX:
            return None
        rows = self._ledger.rows_by_heart(parsed)
        if rows is None or any(r.event.kind not in PLAIN or has_rare(r.event) for r in rows):
            return None
        return rows

    def record(self, requests: Sequence[FeedRequest], rows: Sequence[Row], done: Done) -> None:
        """Record rows of requests, ordered by identity, each with its place among those of all the requests.

        `done` is told whether they are committed.

        Only when open and not busy.
        """
        assert self._connection is not None  # noqa: S101 - the caller asks whether it is open
        moves = _moves(rows)
        effects = pair_effects(moves, half_life_s=self._ledger.half_life_h * 3600)
        binds: tuple[PgArray | str, ...] = (
            *_event_arrays(rows, moves),
            *pair_arrays(effects),
            str(self._ledger.half_life_h * 3600),
            announced(np.unique(effects.product_id).tolist()),
            _counts(requests),
            array_of(np.array([row.place for row in rows], dtype=np.int32), INT4),
        )
        self._done = done
        connection = self._connection.pgconn
        try:
            connection.send_query_prepared(
                STATEMENT,
                [bind.data if isinstance(bind, PgArray) else bind.encode() for bind in binds],
                [int(isinstance(bind, PgArray)) for bind in binds],
                0,
            )
            self._flush()
        except psycopg.OperationalError as error:
            self._lose(error)

    def _flush(self) -> None:
        assert self._connection is not None  # noqa: S101 - called with a connection only
        assert self._loop is not None  # noqa: S101 - opened before
        if self._connection.pgconn.flush():
            self._loop.add_writer(self._descriptor, self._go_on_flushing)

    def _go_on_flushing(self) -> None:
        if self._connection is None or self._loop is None:
            return
        self._loop.remove_writer(self._descriptor)
        try:
            self._flush()
        except psycopg.OperationalError as error:
            self._lose(error)

    def _read(self) -> None:
        if self._connection is None:
            return
        connection = self._connection.pgconn
        committed = True
        try:
            connection.consume_input()
            if connection.is_busy():
                return
            while (result := connection.get_result()) is not None:
                committed = committed and result.status == ExecStatus.TUPLES_OK
            while connection.notifies() is not None:
                continue  # our own NOTIFY is for others
        except psycopg.OperationalError as error:
            self._lose(error)
            return
        if self._done is not None:
            done, self._done = self._done, None
            done(committed)

    def _lose(self, error: Exception) -> None:
        log("fast_lane_away", error=str(error).strip())
        self.close()
        if self._loop is not None:
            self._loop.call_later(RECONNECT_AFTER_S, self._reopen)

    def _reopen(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._opening = self._loop.create_task(self.open())


def _connect(url: str) -> "psycopg.Connection[Any]":
    connection = psycopg.connect(
        url,
        autocommit=True,
        options="-c timezone=UTC -c jit=off -c plan_cache_mode=force_generic_plan -c lock_timeout=10s",
    )
    result = connection.pgconn.prepare(STATEMENT, sql("ingest/record_plain").encode())
    if result.status != ExecStatus.COMMAND_OK:
        connection.close()
        raise psycopg.errors.error_from_result(result)
    return connection


def _moves(rows: Sequence[Row]) -> Moves:
    return Moves(
        np.array([row.product_id for row in rows], dtype=np.int32),
        np.array([row.location_id for row in rows], dtype=np.int32),
        np.array([row.quantity_milli for row in rows], dtype=np.int64),
        np.array([row.at for row in rows], dtype=np.int64),
        np.array([FLAGS[row.event.kind] for row in rows], dtype=np.int8),
    )


def _event_arrays(rows: Sequence[Row], moves: Moves) -> tuple[PgArray, ...]:
    events = [row.event for row in rows]
    return (
        array_of(np.array([row.source_id for row in rows], dtype=np.int32), INT4),
        text_array_of([event.event_id.encode() for event in events]),
        text_array_of([event.kind.encode() for event in events]),
        array_of(moves.product_id, INT4),
        array_of(moves.location_id, INT4),
        array_of(moves.quantity_milli, INT8),
        array_of(moves.at, TIMESTAMPTZ),
        nullable_ints_of([event.price_micros for event in events], INT8),
        nullable_text_array_of([event.currency for event in events]),
        nullable_text_array_of([event.order_id for event in events]),
        nullable_ints_of([event.order_line for event in events], INT4),
        nullable_text_array_of([event.customer_id for event in events]),
        nullable_text_array_of([event.channel for event in events]),
    )


def _counts(requests: Sequence[FeedRequest]) -> str:
    counts: dict[str, list[Any]] = {}
    for request in requests:
        newest = max(item.occurred_at for item in request.parsed)  # type: ignore[union-attr]  # no fault is plain
        held = counts.setdefault(request.feed, [0, newest])
        held[0] += len(request.parsed)
        held[1] = max(held[1], newest)
    return json.dumps(
        [
            {"feed": feed, "accepted": count, "newest_occurred_at": newest.isoformat()}
            for feed, (count, newest) in counts.items()
        ]
    )
