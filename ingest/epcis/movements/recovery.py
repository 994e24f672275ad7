"""Finishes, beside the service, what a killed process left undone."""

import threading

from ingest.epcis.movements.post_movements import post_movements
from ingest.recording.recording import Recorder
from stocktide.foundation.telemetry import log

EVERY_S = 30.0


class Recovery:
    """A thread that settles pending events at the start, from time to time and when it is woken.

    settled, failed: how many events it settled, and how often it could not go on.
    """

    def __init__(self, recorder: Recorder, *, every_s: float = EVERY_S) -> None:
        self.settled = 0
        self.failed = 0
        self._recorder = recorder
        self._every_s = every_s
        self._stopping = threading.Event()
        self._due = threading.Event()
        self._thread = threading.Thread(target=self._run, name="epcis-recovery", daemon=True)

    def __enter__(self) -> "Recovery":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._due.set()
        self._thread.join()

    def wake(self) -> None:
        """Settle what is pending now."""
        self._due.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                settled = post_movements(self._recorder)
                self.settled += settled
                if settled:
                    log("epcis_settled", events=settled)
            except Exception as error:  # noqa: BLE001 - counted, and tried again
                self.failed += 1
                log("epcis_recovery", failed=self.failed, error=repr(error))
            self._due.wait(self._every_s)
            self._due.clear()
