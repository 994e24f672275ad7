"""Finishes, beside the service, what a killed process left undone."""

import threading
from types import TracebackType

from sqlalchemy.exc import SQLAlchemyError

from ingest.epcis.settle import settle
from ingest.recording.recording import Recorder
from stocktide.errors import StocktideError
from stocktide.telemetry import log

EVERY_S = 30.0


class Finisher:
    """A thread that settles pending events at the start and from time to time. `settled` counts them."""

    def __init__(self, recorder: Recorder, *, every_s: float = EVERY_S) -> None:
        self.settled = 0
        self._recorder = recorder
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="epcis-finisher", daemon=True)

    def __enter__(self) -> "Finisher":
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                settled = settle(self._recorder)
                self.settled += settled
                if settled:
                    log("epcis_settled", events=settled)
            except (StocktideError, SQLAlchemyError) as error:
                # the database is away: it is tried again
                log("epcis_finisher", error=str(error))
            self._stopping.wait(self._every_s)
