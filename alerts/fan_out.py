"""Open alert streams of one API process: one listener, a bounded queue a client, and no gap for who comes back."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import FrameType

import msgspec
import psycopg
import sqlalchemy as sa

from alerts.cloud_event import cloud_event
from alerts.listing import newest_event_id
from stocktide.foundation.database import create_engine, statement
from stocktide.foundation.database_errors import first_line, is_retryable
from stocktide.foundation.database_names import ALERTS_CHANGED
from stocktide.foundation.errors import Transient
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

# A client that is further behind than this is let go: it comes back with Last-Event-ID.
QUEUE_MAX = 1_000
PAGE = 500
POLL_S = 5.0
RECONNECT_S = 1.0
# A stream that is asked for while the service starts waits this long for the first look at the database.
START_S_MAX, START_LOOK_S = 2.0, 0.02
READERS = 2


@dataclass(frozen=True)
class Frame:
    """One event, rendered once for all clients."""

    event_id: int
    rule: str
    location: str | None
    text: bytes


WriteFrame = Callable[[sa.RowMapping, str], Frame]


@dataclass(eq=False)
class Subscription:
    """One open stream: what waits for it, from which event on, and whether it was let go."""

    joined_at: int
    wants: Callable[[Frame], bool]
    queue: "asyncio.Queue[Frame]" = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    dropped: bool = False


class FanOut:
    """Hands new events to the open streams of this process. Used from its event loop alone."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self.heartbeat_s = settings.alert_stream_heartbeat_s
        self._source = settings.alert_source
        self._clients_max = settings.alert_stream_clients_max
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        # of their own, threads and connections: events do not wait behind long transactions of the shared pool
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="alert-streams")
        self._engine = create_engine(
            self._url, pool_size=READERS, answer_s=settings.database_answer_s
        )
        self._position: int | None = None
        self._subscriptions: set[Subscription] = set()
        self.closing = False

    async def run(self) -> None:
        """Follow the events until cancelled, whatever happens: nobody would see it if this ended."""
        try:
            while True:
                await self._follow_while_it_goes()
                await asyncio.sleep(RECONNECT_S)
        finally:
            self._drop_all()
            await asyncio.to_thread(self._close)

    async def _follow_while_it_goes(self) -> None:
        """Go on where it was after a lost database; after anything else start again, and have the clients come back."""
        try:
            await self._follow()
        except Exception as error:  # noqa: BLE001 - a stream that beats and brings nothing is worse than one that ends
            if is_retryable(error):
                log("alert_streams_lost_database", level=logging.WARNING, error=first_line(error))
                return
            log("alert_streams_failed", level=logging.ERROR, error=repr(error))
            self._position = None
            self._drop_all()

    def _drop_all(self) -> None:
        for subscription in self._subscriptions:
            subscription.dropped = True

    def _close(self) -> None:
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._engine.dispose()

    def close_on_signals(self) -> None:
        """End the streams when the process is told to stop: a server waits for its answers to end, and these never do.

        Wraps the handlers that the server has set by then; outside the main thread there are none to wrap.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            self._close_on(number)

    def _close_on(self, number: signal.Signals) -> None:
        before = signal.getsignal(number)

        def handle(told: int, frame: FrameType | None) -> None:
            self.closing = True
            if callable(before):
                before(told, frame)

        signal.signal(number, handle)

    async def started(self) -> None:
        """Wait a moment until streams can join: the first request of a service must not be refused for its haste."""
        looks = int(START_S_MAX / START_LOOK_S)
        while self._position is None and not self.closing and (looks := looks - 1) > 0:
            await asyncio.sleep(START_LOOK_S)

    def join(self, wants: Callable[[Frame], bool]) -> Subscription:
        """Open a stream that gets what comes from now on. Raises Transient: too many, or no database yet."""
        if self._position is None:
            raise Transient("streams_starting", "The stream is not ready; try again.")
        if self.closing:
            raise Transient("stopping", "This API stops; try again, or another one.")
        if len(self._subscriptions) >= self._clients_max:
            raise Transient(
                "streams_full",
                f"{self._clients_max} streams are open here, the most allowed; try again, or another API.",
                retry_after_s=10,
            )
        subscription = Subscription(self._position, wants)
        self._subscriptions.add(subscription)
        return subscription

    def leave(self, subscription: Subscription) -> None:
        """Close a stream."""
        self._subscriptions.discard(subscription)

    async def page_after(self, event_id: int) -> list[Frame]:
        """Read the events after one, at most PAGE of them; one that cannot be written is a comment."""
        return await self._page(event_id, _frame_or_note)

    async def _page(self, event_id: int, write: WriteFrame) -> list[Frame]:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read_after, event_id, write)

    async def newest(self) -> int:
        """Read the number of the newest event that the database has, 0 before the first."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read_newest)

    async def _follow(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {ALERTS_CHANGED}")
            position = self._position = self._begin(await self.newest())
            while True:
                position = await self._hand_out(position)
                async for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                    pass

    def _begin(self, newest: int) -> int:
        """Go on where it was; where the database never was, for a backup was restored, begin at its newest event."""
        if self._position is not None and self._position <= newest:
            return self._position
        if self._position is not None:
            log(
                "alert_streams_went_back", level=logging.WARNING, seen=self._position, newest=newest
            )
            self._drop_all()
        return newest

    async def _hand_out(self, position: int) -> int:
        """Give every client what is new. The position moves with the queues, in one step: who joins misses nothing."""
        while frames := await self._page(position, _frame):
            position = self._position = frames[-1].event_id
            for subscription in self._subscriptions:
                self._queue(subscription, frames)
            if len(frames) < PAGE:
                break
        return position

    def _queue(self, subscription: Subscription, frames: Sequence[Frame]) -> None:
        for frame in frames:
            if not subscription.wants(frame):
                continue
            if subscription.queue.full():
                subscription.dropped = True
                return
            subscription.queue.put_nowait(frame)

    def _read_newest(self) -> int:
        with self._engine.connect() as connection:
            return newest_event_id(connection)

    def _read_after(self, event_id: int, write: WriteFrame) -> list[Frame]:
        with self._engine.connect() as connection:
            rows = connection.execute(
                statement("alerts/events_after"), {"after": event_id, "limit": PAGE}
            ).mappings()
            return [write(row, self._source) for row in rows]


def _frame(row: sa.RowMapping, source: str) -> Frame:
    event = cloud_event(row, source)
    text = b"id: %d\nevent: %s\ndata: %s\n\n" % (
        row["event_id"],
        event["type"].encode(),
        msgspec.json.encode(event),
    )
    return Frame(row["event_id"], row["rule"], row["location"], text)


def _frame_or_note(row: sa.RowMapping, source: str) -> Frame:
    """Write an event, or a comment where that fails: who asks for what was before would fail on it again and again."""
    try:
        return _frame(row, source)
    except Exception as error:  # noqa: BLE001 - logged, and its own frame says so
        number = row["event_id"]
        log("alert_frame_failed", level=logging.ERROR, event_id=number, error=repr(error))
        text = b"id: %d\n: this change could not be written; the log says why\n\n" % number
        return Frame(number, row["rule"], row["location"], text)
