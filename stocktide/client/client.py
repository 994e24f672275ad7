"""The client: events go into a store; a thread delivers them in batches, in order, until each has an outcome."""

import logging
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import msgspec

from stocktide.client.errors import Refused, SpoolUnsupported, StoreFull, Undelivered
from stocktide.client.events import IdMaker, Outcome, encode_event
from stocktide.client.sending import CutSmaller, Delivered, NotWanted, TryAgain, send_batch
from stocktide.client.stores import MemoryStore, Store

logger = logging.getLogger("stocktide.client")
BATCH_BYTES_MAX = 4 * 2**20
# What was refused is kept for `flush` to return; beyond this the oldest are dropped.
REFUSED_KEPT = 10_000
# No single wait is longer: threads of some systems do not support more.
WAIT_S_MAX = 3_600.0


class Client:
    """Sends events of one source. Use it as a context manager, from any number of threads; one process a spool.

    send() returns at once; with a spool the event is on disk by then, and outlives this process and any outage. The
    same event is sent with the same id until the server has answered its outcome: none is lost, and none counted twice.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        source: str,
        spool: Path | None = None,
        batch_events: int = 500,
        batch_age_s: float = 1.0,
        spool_bytes_max: int = 256 * 2**20,
        memory_events_max: int = 10_000,
        retry_first_s: float = 0.5,
        retry_max_s: float = 60.0,
        timeout_s: float = 30.0,
        close_s: float = 10.0,
        on_outcome: Callable[[Outcome], None] | None = None,
    ) -> None:
        """Start the sending thread; nothing connects yet. Raises SpoolInUse, SpoolUnsupported, OSError for a bad spool.

        on_outcome is called in the sending thread, once for each event and in order; what it raises is logged.
        """
        self.source = source
        self.counts: Counter[str] = Counter()
        self._ids = IdMaker()
        self._batch_events, self._batch_age_s = batch_events, batch_age_s
        self._retry_first_s, self._retry_max_s = retry_first_s, retry_max_s
        self._close_s = close_s
        self._on_outcome = on_outcome
        self._store: Store = (
            MemoryStore(memory_events_max) if spool is None else _open_spool(spool, spool_bytes_max)
        )
        self._refused: deque[Outcome] = deque(maxlen=REFUSED_KEPT)
        self._changed = threading.Condition()
        self._flushing = 0
        self._closed = False
        self._hurry = False
        self._trouble: TryAgain | NotWanted | None = None
        self._limit = batch_events
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout_s
        )
        self._thread = threading.Thread(target=self._work, name="stocktide-client", daemon=True)
        self._thread.start()

    def send(
        self,
        kind: str,
        data: Any,
        *,
        id: str | None = None,
        time: datetime | str | None = None,
    ) -> str:
        """Take one event for delivery and return its id. kind: sale, receipt, …; time: when it happened, default now.

        Pass an id of your own if you have one, such as receipt and line: your repeats are then duplicates, too.
        Raises StoreFull, and ValueError, TypeError if it is not an event, or when the client is closed.
        """
        event_id = self._ids.make() if id is None else id
        self._store.append(encode_event(kind, data, self.source, event_id, time))
        with self._changed:
            self._changed.notify_all()
        return event_id

    def waiting(self) -> int:
        """Return how many events have no outcome yet."""
        return self._store.waiting()

    def trouble(self) -> str | None:
        """Return why events wait, as of the last attempt; None if nothing is wrong."""
        trouble = self._trouble
        return None if trouble is None else trouble.why

    def flush(self, timeout_s: float | None = None) -> list[Outcome]:
        """Deliver everything now; returns the conflicts and rejects since the last flush.

        Raises Undelivered if that did not finish in time, Refused when the server refuses the sender.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            self._flushing += 1
            if isinstance(self._trouble, NotWanted):
                # the server may accept it by now: ask before reporting that it does not
                self._trouble, self._hurry = None, True
            self._changed.notify_all()
            try:
                while self._store.waiting():
                    left = None if deadline is None else deadline - time.monotonic()
                    if isinstance(self._trouble, NotWanted):
                        raise Refused(self._trouble.why, self._store.waiting())
                    if left is not None and left <= 0:
                        raise Undelivered(self._why_waiting(), self._store.waiting())
                    self._wait(left)
            finally:
                self._flushing -= 1
            refused = list(self._refused)
            self._refused.clear()
        return refused

    def close(self) -> None:
        """Deliver what is left, then stop. With a spool the rest stays for the next start.

        Raises Undelivered if events are left and there is no spool: they are lost.
        """
        if not self._store.seal():
            return
        try:
            self.flush(self._close_s)
        except Undelivered:
            if isinstance(self._store, MemoryStore):
                raise
        finally:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
            self._thread.join()
            self._http.close()
            self._store.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _why_waiting(self) -> str:
        why = self.trouble() or "there was no time"
        return f"{self._store.waiting()} events are not delivered: {why}"

    def _work(self) -> None:
        failures = 0
        while self._wait_for_batch():
            trouble = self._try_to_deliver()
            if trouble is None:
                failures = 0
                continue
            self._note_trouble(trouble)
            wait_s = min(self._retry_max_s, self._retry_first_s * 2**failures)
            wait_s *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter, so that a hundred tills do not come at once
            failures = min(failures + 1, 30)
            self._pause(max(wait_s, getattr(trouble, "after_s", None) or 0.0))

    def _try_to_deliver(self) -> TryAgain | NotWanted | None:
        """Send the oldest batch; whatever goes wrong with it is a reason to try again, never the end of this thread."""
        try:
            return self._deliver()
        except (OSError, StoreFull) as error:
            return TryAgain(f"the spool: {error}")
        except Exception as error:
            logger.exception("sending failed; it is tried again")
            return TryAgain(f"{type(error).__name__}: {error}")

    def _deliver(self) -> TryAgain | NotWanted | None:
        """Send the oldest batch; None where there is no reason to wait."""
        lines = self._store.peek(self._limit, BATCH_BYTES_MAX)
        answer = send_batch(self._http, lines) if lines else Delivered([])
        if isinstance(answer, CutSmaller):
            if len(lines) > 1:
                self._limit = max(1, len(lines) // 2)
                return None
            answer = self._give_up(lines[0], answer)
        if isinstance(answer, Delivered):
            self._take_outcomes(answer)
            return None
        return answer

    def _give_up(self, line: bytes, answer: CutSmaller) -> Delivered | TryAgain:
        """Reject an event that Stocktide will never take; one that something on the way refuses waits on."""
        if not answer.final:
            return TryAgain(
                f"not answered by a Stocktide server: {answer.reason}, {answer.message}"
            )
        self._store.give_up(line, answer.reason, answer.message)
        event_id = msgspec.json.decode(line).get("id")
        logger.warning("event %s is given up: %s, %s", event_id, answer.reason, answer.message)
        return Delivered([Outcome(event_id, "rejected", answer.reason, None, answer.message)])

    def _wait_for_batch(self) -> bool:
        """Wait until a batch is full, or old enough, or asked for. False when closed."""
        with self._changed:
            while not self._closed and not self._store.waiting():
                self._changed.wait()
            due = time.monotonic() + self._batch_age_s
            while (
                not self._closed
                and not self._flushing
                and self._store.waiting() < self._batch_events
                and (left := due - time.monotonic()) > 0
            ):
                self._wait(left)
            return not self._closed

    def _take_outcomes(self, delivered: Delivered) -> None:
        """Report the outcomes first, forget the events then: killed in between, they are reported again."""
        for outcome in delivered.outcomes:
            self.counts[outcome.outcome] += 1
            if not outcome.recorded:
                self._refused.append(outcome)
            if self._on_outcome is not None:
                try:
                    self._on_outcome(outcome)
                except Exception:
                    logger.exception("on_outcome failed for event %s", outcome.event_id)
        self._store.done()
        with self._changed:
            self._limit = min(self._batch_events, self._limit * 2)
            self._trouble = None
            self._changed.notify_all()

    def _note_trouble(self, answer: TryAgain | NotWanted) -> None:
        logger.warning("%d events wait: %s", self._store.waiting(), answer.why)
        with self._changed:
            self._trouble = answer
            self._changed.notify_all()

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self._changed:
            while not self._closed and not self._hurry and (left := until - time.monotonic()) > 0:
                self._wait(left)
            self._hurry = False

    def _wait(self, left: float | None) -> None:
        """Wait for a change, for `left` seconds at most; whoever calls looks again."""
        self._changed.wait(WAIT_S_MAX if left is None else min(left, WAIT_S_MAX))


def _open_spool(folder: Path, bytes_max: int) -> Store:
    """Open a spool. Raises SpoolUnsupported where the system has no locks of files as it needs them."""
    try:
        from stocktide.client.spool import SpoolStore
    except ImportError as error:
        raise SpoolUnsupported(f"A spool needs a POSIX system: {error}.") from error
    return SpoolStore(folder, bytes_max)
