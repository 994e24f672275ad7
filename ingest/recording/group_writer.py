"""The writer: one thread and one connection a process that record whatever waits, in groups."""

import asyncio
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from ingest.ledger.outcomes import Outcome
from ingest.ledger.rows import Row
from ingest.recording.recording import Recorder
from ingest.recording.requests import FeedRequest

# More in one transaction gains nothing, and makes the next caller wait longer.
GROUP_EVENTS_MAX = 8_000
STOP_S_MAX = 30.0


@dataclass
class Waiting:
    """A request whose caller waits for its outcomes. rows: of its events, where the fast lane may take it."""

    request: FeedRequest
    future: "asyncio.Future[list[Outcome]]"
    loop: asyncio.AbstractEventLoop
    rows: Sequence[Row] | None = None


class GroupWriter:
    """Records waiting requests. `start` before, `stop` after use; `put` from any thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
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

    def _record(self, group: Sequence[Waiting]) -> None:
        answers: Sequence[list[Outcome] | Exception]
        try:
            answers = self._recorder.record_together(self._begin, [w.request for w in group])
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to the callers, not to this thread
            answers = [error] * len(group)
        by_loop: dict[
            asyncio.AbstractEventLoop, list[tuple[Waiting, list[Outcome] | Exception]]
        ] = {}
        for waiting, answer in zip(group, answers, strict=True):
            by_loop.setdefault(waiting.loop, []).append((waiting, answer))
        for loop, answered in by_loop.items():
            # one call wakes all callers of a group
            loop.call_soon_threadsafe(answer_all, answered)

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


def answer_all(answered: Sequence[tuple[Waiting, list[Outcome] | Exception]]) -> None:
    """Give callers their outcomes or their error; on their own loop."""
    for waiting, answer in answered:
        if waiting.future.done():  # the caller went away
            continue
        if isinstance(answer, Exception):
            waiting.future.set_exception(answer)
        else:
            waiting.future.set_result(answer)
