"""Open alert streams of one API process: one listener, a bounded queue a client, and no gap for who comes back."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import msgspec
import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from alerts.evaluation import ALERTS_CHANGED
from alerts.events import cloud_event
from alerts.listing import newest_event_id
from stocktide.database import statement
from stocktide.errors import Transient
from stocktide.settings import Settings
from stocktide.telemetry import log

# A client that is further behind than this is let go: it comes back with Last-Event-ID.
QUEUE_MAX = 1_000
PAGE = 500
POLL_S = 5.0
RECONNECT_S = 1.0


@dataclass(frozen=True)
class Frame:
    """One event, rendered once for all clients."""

    event_id: int
    rule: str
    location: str | None
    text: bytes


@dataclass(eq=False)
class Client:
    """One open stream: what waits for it, from which event on, and whether it was let go."""

    joined_at: int
    wants: Callable[[Frame], bool]
    queue: "asyncio.Queue[Frame]" = field(default_factory=lambda: asyncio.Queue(QUEUE_MAX))
    dropped: bool = False


class AlertStreams:
    """Hands new events to the open streams of this process. Used from its event loop alone."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self.heartbeat_s = settings.alert_stream_heartbeat_s
        self._engine = engine
        self._source = settings.alert_source
        self._clients_max = settings.alert_stream_clients_max
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._position: int | None = None
        self._clients: set[Client] = set()
        # of its own: events do not wait behind long transactions of the shared pool
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="alert-streams")

    async def run(self) -> None:
        """Follow the events until cancelled; after a lost database go on where it was."""
        try:
            while True:
                try:
                    await self._follow()
                except (psycopg.OperationalError, DBAPIError) as error:
                    log("alert_streams_lost_database", error=str(error).strip().splitlines()[0])
                    await asyncio.sleep(RECONNECT_S)
        finally:
            for client in self._clients:
                client.dropped = True
            self._readers.shutdown(wait=False, cancel_futures=True)

    def join(self, wants: Callable[[Frame], bool]) -> Client:
        """Open a stream that gets what comes from now on. Raises Transient: too many, or no database yet."""
        if self._position is None:
            raise Transient("streams_starting", "The stream is not ready; try again.")
        if len(self._clients) >= self._clients_max:
            raise Transient(
                "streams_full",
                f"{self._clients_max} streams are open here, the most allowed; try again, or another API.",
                retry_after_s=10,
            )
        client = Client(self._position, wants)
        self._clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """Close a stream."""
        self._clients.discard(client)

    async def page_after(self, event_id: int) -> list[Frame]:
        """Read the events after one, at most PAGE of them."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read_after, event_id)

    async def _follow(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {ALERTS_CHANGED}")
            if self._position is None:
                loop = asyncio.get_running_loop()
                self._position = await loop.run_in_executor(self._readers, self._read_newest)
            while True:
                await self._hand_out(self._position)
                async for _ in connection.notifies(timeout=POLL_S, stop_after=1):
                    pass

    async def _hand_out(self, position: int) -> None:
        """Give every client what is new. The position moves with the queues, in one step: who joins misses nothing."""
        while frames := await self.page_after(position):
            position = self._position = frames[-1].event_id
            for client in self._clients:
                self._queue(client, frames)
            if len(frames) < PAGE:
                return

    def _queue(self, client: Client, frames: Sequence[Frame]) -> None:
        for frame in frames:
            if not client.wants(frame):
                continue
            if client.queue.full():
                client.dropped = True
                return
            client.queue.put_nowait(frame)

    def _read_newest(self) -> int:
        with self._engine.connect() as connection:
            return newest_event_id(connection)

    def _read_after(self, event_id: int) -> list[Frame]:
        with self._engine.connect() as connection:
            rows = connection.execute(
                statement("alerts/events_after"), {"after": event_id, "limit": PAGE}
            ).mappings()
            return [_frame(row, self._source) for row in rows]


def _frame(row: sa.RowMapping, source: str) -> Frame:
    event = cloud_event(row, source)
    text = b"id: %d\nevent: %s\ndata: %s\n\n" % (
        row["event_id"],
        event["type"].encode(),
        msgspec.json.encode(event),
    )
    return Frame(row["event_id"], row["rule"], row["location"], text)
