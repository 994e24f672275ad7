"""The writer: one thread and one connection a process that record whatever waits, in groups."""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa

from ingest.ledger.outcomes import Outcome
from ingest.recording.recording import FeedRequest, Recorder
from ingest.recording.retrying import Locked
from stocktide.foundation.bounded_connection import is_ended

# More in one transaction gains nothing, and makes the next caller wait longer.
GROUP_EVENTS_MAX = 8_000
STOP_S_MAX = 30.0
# Where a lock held up a group, each of its requests may wait so long for one.
LOCK_MS_ALONE = 100


Future = asyncio.Future[list[Outcome]]
# A request, and the future of its caller, who waits for its outcomes.
Waiting = tuple[FeedRequest, Future]
Answer = tuple[Future, list[Outcome] | Exception]


class GroupWriter:
    """Records waiting requests. `start` before, `stop` after use; `put` from any thread."""

    def __init__(self, recorder: Recorder, check: Callable[[], None]) -> None:
        self._recorder = recorder
        self._check = check
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._connection: sa.Connection | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._write, name="ledger writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Record what waits, then end the thread."""
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join(STOP_S_MAX)

    def put(self, waiting: Waiting) -> None:
        """Hand in a request; its future gets the outcomes, or the error."""
        self._queue.put(waiting)

    def _write(self) -> None:
        going_on = True
        while going_on:
            first = self._queue.get()
            group: list[Waiting] = []
            size = 0
            while first is not None:
                group.append(first)
                size += len(first[0].parsed)
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

    def _record(self, group: Sequence[Waiting]) -> None:
        answers = self._answers([request for request, _ in group])
        by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
        for (_, future), answer in zip(group, answers, strict=True):
            by_loop.setdefault(future.get_loop(), []).append((future, answer))
        for loop, answered in by_loop.items():
            # one call wakes all callers of a group
            loop.call_soon_threadsafe(answer_all, answered)

    def _answers(self, requests: Sequence[FeedRequest]) -> Sequence[list[Outcome] | Exception]:
        """Record requests together; where a lock keeps them waiting, each alone, for it concerns few of them."""
        try:
            self._check()
            return self._recorder.record_together(self._begin, requests)
        except Locked as error:
            if len(requests) == 1:
                return [error]
            return [self._answer_of(request) for request in requests]
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers, not to this thread
            return [error] * len(requests)

    def _answer_of(self, request: FeedRequest) -> list[Outcome] | Exception:
        try:
            self._check()
            return self._recorder.record_together(self._begin_briefly, [request])[0]
        except Exception as error:  # noqa: BLE001 - the same
            return error

    @contextmanager
    def _begin_briefly(self) -> Iterator[sa.Connection]:
        """Begin a transaction that gives way to a lock at once: others wait behind it."""
        with self._begin() as connection:
            connection.execute(sa.text(f"SET LOCAL lock_timeout = {LOCK_MS_ALONE}"))
            yield connection

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        connection = self._kept()
        if connection is None:
            self._drop_connection()
            connection = self._connection = self._recorder.engine.connect()
            # the same few statements, over arrays of any size: planning them again gains nothing
            connection.execute(sa.text("SET plan_cache_mode = force_generic_plan"))
            connection.commit()
        with connection.begin():
            yield connection

    def _kept(self) -> sa.Connection | None:
        """Return the connection, None if it cannot be used: the database may have ended it while nothing came."""
        kept = self._connection
        if kept is None or kept.invalidated or kept.closed:
            return None
        driver = kept.connection.driver_connection
        if isinstance(driver, psycopg.Connection) and is_ended(driver):
            kept.invalidate()
            return None
        return kept

    def _drop_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def answer_all(answered: Sequence[Answer]) -> None:
    """Give callers their outcomes or their error; on their own loop."""
    for future, answer in answered:
        if future.done():  # the caller went away
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
