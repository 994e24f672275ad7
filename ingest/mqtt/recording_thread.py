"""Recording thread: takes one batch at a time, waits out a database that is away, and says what is done."""

import contextlib
import queue
import socket
import threading
from collections.abc import Callable, Sequence

from ingest.mqtt.message import Message
from stocktide.foundation.database_errors import is_retryable
from stocktide.foundation.telemetry import log

RETRY_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)

Batch = Sequence[Message]


class RecordingThread:
    """A thread that runs `record` on one batch at a time. `done_signal` becomes readable when one is done."""

    def __init__(self, record: Callable[[Batch], None]) -> None:
        self._record = record
        self._given: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        # of the thread that gives
        self._busy = False
        self._done: Batch | None = None
        self._failure: Exception | None = None
        self._stopping = threading.Event()
        self.done_signal, self._ring = socket.socketpair()
        self.done_signal.setblocking(False)
        self._ring.setblocking(False)
        # a daemon, so that a database that never answers cannot keep the process from ending
        self._thread = threading.Thread(target=self._work, name="mqtt-recorder", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def idle(self) -> bool:
        """Return True if a batch may be given."""
        return not self._busy

    def give(self, batch: Batch) -> None:
        """Hand over a batch; only when idle."""
        self._busy = True
        self._given.put(batch)

    def done(self) -> Batch:
        """Return the messages of the batch that was committed since the last call; it is idle then.

        Raises what `record` raised, if it cannot go on.
        """
        self._drain()
        if self._failure is not None:
            raise self._failure
        if self._done is None:
            return ()
        batch, self._done, self._busy = self._done, None, False
        return batch

    def wake(self) -> None:
        """Make `done_signal` readable. It takes no lock: a signal's handler may call it."""
        # where it cannot be sent, the signal is readable already, or nobody listens any more
        with contextlib.suppress(OSError):
            self._ring.send(b"!")

    def stop(self, seconds: float) -> None:
        """End the thread; a batch that still waits for the database is given up, and will be delivered again."""
        self._stopping.set()
        self._given.put(None)
        if self._thread.ident is not None:
            self._thread.join(seconds)
        self.done_signal.close()
        self._ring.close()

    def _drain(self) -> None:
        try:
            while self.done_signal.recv(4096):
                pass
        except BlockingIOError:
            return

    def _work(self) -> None:
        while (batch := self._given.get()) is not None:
            try:
                if self._record_when_possible(batch):
                    self._done = batch
            except Exception as error:  # noqa: BLE001 - raised again by done(), in the thread that can end the process
                self._failure = error
            if self._stopping.is_set():
                return
            self.wake()

    def _record_when_possible(self, batch: Batch) -> bool:
        """Record a batch, as often as it takes. Returns False when stopped before the database came back."""
        tries = 0
        while not self._stopping.is_set() or tries == 0:
            try:
                self._record(batch)
            except Exception as error:
                if not is_retryable(error):
                    raise
                wait_s = RETRY_S[min(tries, len(RETRY_S) - 1)]
                tries += 1
                log("mqtt_database_away", tries=tries, retry_s=wait_s, error=str(error)[:200])
                self._stopping.wait(wait_s)
                continue
            if tries:
                log("mqtt_database_back", tries=tries)
            return True
        return False
