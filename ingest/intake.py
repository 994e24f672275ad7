"""Group commit: what many callers hand in at once is committed in one transaction, and each gets its own outcomes.

One thread and one connection a process write. Whatever waits when the writer comes back from a commit is the next
group: an idle service commits at once, a busy one in large groups, and no timer decides.
"""

import asyncio
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from ingest.events import Event, Fault
from ingest.outcomes import Outcome
from ingest.recording import Recorder
from ingest.requests import FeedRequest
from stocktide.errors import Transient

# More in one transaction gains nothing, and makes the next caller wait longer.
GROUP_EVENTS_MAX = 8_000
STOP_S_MAX = 30.0


@dataclass
class _Waiting:
    request: FeedRequest
    future: "asyncio.Future[list[Outcome]]"
    loop: asyncio.AbstractEventLoop


class Intake:
    """Takes requests from coroutines and records them in groups. `start` before, `stop` after use."""

    def __init__(self, recorder: Recorder, *, events_waiting_max: int) -> None:
        self._recorder = recorder
        self._events_waiting_max = events_waiting_max
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._events_waiting = 0
        self._connection: sa.Connection | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the writer."""
        self._thread = threading.Thread(target=self._write, name="ledger writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Record what waits, then end the writer."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(STOP_S_MAX)

    async def submit(
        self, feed: str, content_type: str, raws: Sequence[bytes], parsed: Sequence[Event | Fault]
    ) -> list[Outcome]:
        """Record inputs; when this returns, everything accepted is committed and every reject kept.

        Raises Transient when more waits than may (nothing was recorded: send it again), or the database is away.
        """
        if self._events_waiting and self._events_waiting + len(parsed) > self._events_waiting_max:
            raise Transient(
                "too_busy",
                f"{self._events_waiting} events wait to be recorded, which is all that may. Send it again soon.",
                retry_after_s=1,
            )
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Outcome]] = loop.create_future()
        self._events_waiting += len(parsed)
        self._queue.put(_Waiting(FeedRequest(feed, content_type, raws, parsed), future, loop))
        try:
            return await future
        finally:
            self._events_waiting -= len(parsed)

    def _write(self) -> None:
        going_on = True
        while going_on:
            first = self._queue.get()
            group: list[_Waiting] = []
            size = 0
            while first is not None:
                group.append(first)
                size += len(first.request.parsed)
                if size >= GROUP_EVENTS_MAX:
                    break
                try:
                    first = self._queue.get_nowait()
                except queue.Empty:
                    break
            going_on = first is not None
            if group:
                self._record(group)
        self._drop_connection()

    def _record(self, group: Sequence[_Waiting]) -> None:
        answers: Sequence[list[Outcome] | Exception]
        try:
            answers = self._recorder.record_together(self._begin, [w.request for w in group])
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers, not to this thread
            answers = [error] * len(group)
        by_loop: dict[
            asyncio.AbstractEventLoop, list[tuple[_Waiting, list[Outcome] | Exception]]
        ] = {}
        for waiting, answer in zip(group, answers, strict=True):
            by_loop.setdefault(waiting.loop, []).append((waiting, answer))
        for loop, answered in by_loop.items():
            # one call wakes all callers of a group
            loop.call_soon_threadsafe(_answer, answered)

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        if self._connection is None or self._connection.invalidated or self._connection.closed:
            self._drop_connection()
            self._connection = self._recorder.engine.connect()
            # the same few statements for ever, over arrays of any size: planning them anew gains nothing
            self._connection.execute(sa.text("SET plan_cache_mode = force_generic_plan"))
            self._connection.commit()
        with self._connection.begin():
            yield self._connection

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _answer(answered: Sequence[tuple[_Waiting, list[Outcome] | Exception]]) -> None:
    for waiting, answer in answered:
        if waiting.future.done():  # the caller went away
            continue
        if isinstance(answer, Exception):
            waiting.future.set_exception(answer)
        else:
            waiting.future.set_result(answer)
