"""The fast lane: small groups of plain new sales, recorded in one round trip from the event loop itself.

A till posts one sale and waits. Handing it to the writer's thread and back costs more than recording it, since the
two share Python's lock; so what is plain goes from the loop straight to the socket of a connection of its own, one
group at a time, and what arrives meanwhile is the next group. A group is a pipeline of statements, which is one
transaction. Whatever is not plain (a repeat, a product seen for the first time, something from before a count) is
refused here as a whole, and goes the general way.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import ExecStatus

from ingest.ledger.binary import PgArray
from ingest.ledger.ledger import Statement
from stocktide.foundation.database import sql
from stocktide.foundation.telemetry import log

STATEMENTS = ("ingest/no_erasure", "ingest/append_plain", "ingest/move_stock", "ingest/count_feeds")
# A larger group is better off with COPY.
EVENTS_MAX = 256
RECONNECT_AFTER_S = 1.0
# A group that has no answer by then goes the general way, which may find it recorded.
ANSWER_S = 5.0
SILENT = "the database did not answer"
DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.PIPELINE_SYNC)
Done = Callable[[bool], None]


class FastLane:
    """Records groups on the event loop that `open` was called from; one is under way at a time."""

    def __init__(self, engine: sa.Engine) -> None:
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: psycopg.Connection[Any] | None = None
        # kept, for a lost connection does not tell it any more
        self._descriptor = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._done: Done | None = None
        self._is_committed = True
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def is_open(self) -> bool:
        """Return True if there is a connection."""
        return self._connection is not None

    @property
    def busy(self) -> bool:
        """Return True if a group is under way."""
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
        self._end_deadline()
        if self._done is not None:
            done, self._done = self._done, None
            done(False)

    def record(self, statements: Sequence[Statement], done: Done) -> None:
        """Record by statements in one transaction; `done` is told whether it is committed.

        Only when open and not busy.
        """
        assert self._connection is not None  # noqa: S101 - the caller asks whether it is open
        self._done = done
        self._is_committed = True
        connection = self._connection.pgconn
        try:
            for name, binds in statements:
                connection.send_query_prepared(
                    name.encode(),
                    [bind if isinstance(bind, PgArray) else str(bind).encode() for bind in binds],
                    [int(isinstance(bind, PgArray)) for bind in binds],
                    0,
                )
            connection.pipeline_sync()
            self._flush()
            assert self._loop is not None  # noqa: S101 - opened before
            self._deadline = self._loop.call_later(ANSWER_S, self._lose, TimeoutError(SILENT))
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
        is_synced = False
        nothing_in_a_row = 0
        try:
            connection.consume_input()
            # of each statement the results, then None; at the end the commit. None twice: nothing is under way
            while not is_synced and nothing_in_a_row < 2 and not connection.is_busy():
                result = connection.get_result()
                nothing_in_a_row = nothing_in_a_row + 1 if result is None else 0
                if result is not None:
                    self._is_committed &= result.status in DONE
                    is_synced = result.status == ExecStatus.PIPELINE_SYNC
            while connection.notifies() is not None:
                continue  # our own NOTIFY is for others
        except psycopg.OperationalError as error:
            self._lose(error)
            return
        if is_synced and self._done is not None:
            done, self._done = self._done, None
            self._end_deadline()
            done(self._is_committed)

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

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
        options="-c timezone=UTC -c jit=off -c plan_cache_mode=force_generic_plan -c lock_timeout=500ms",
    )
    for name in STATEMENTS:
        result = connection.pgconn.prepare(name.encode(), sql(name).encode())
        if result.status != ExecStatus.COMMAND_OK:
            connection.close()
            raise psycopg.errors.error_from_result(result)
    connection.pgconn.enter_pipeline_mode()
    return connection
