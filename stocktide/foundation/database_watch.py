"""Whether the database answers: asked once a second, so that while it hangs nobody else waits for it in vain."""

import threading
import time

import psycopg
import sqlalchemy as sa

from stocktide.foundation.bounded_connection import BoundedConnection
from stocktide.foundation.database_errors import first_line
from stocktide.foundation.errors import Transient
from stocktide.foundation.telemetry import log

EVERY_S = 1.0
# After a failure it is asked again so soon.
AGAIN_S = 0.2
ANSWER_S = 2.0
# One slow answer is no hang; this many in a row are.
FAILURES_MIN = 2
RETRY_AFTER_S = 2


class DatabaseWatch:
    """Asks the database on a connection of its own. `start` before, `stop` after use; `check` from any thread."""

    def __init__(self, engine: sa.Engine) -> None:
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: BoundedConnection | None = None
        self._failures = 0
        self._answered_at = float("-inf")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="database watch", daemon=True)

    @property
    def answers(self) -> bool:
        """Return False while the database has not answered several times in a row."""
        return self._failures < FAILURES_MIN

    @property
    def ready(self) -> bool:
        """Return True if the database answered when it was last asked, which was a moment ago."""
        return self._failures == 0 and time.monotonic() - self._answered_at < ANSWER_S + 2 * EVERY_S

    def check(self) -> None:
        """Raise Transient at once where the database is known not to answer."""
        if not self.answers:
            raise Transient(
                "database_away",
                "The database does not answer; try again. `stocktide status` shows which part is down.",
                retry_after_s=RETRY_AFTER_S,
            )

    def start(self) -> None:
        """Ask for the first time, then start asking."""
        self._ask()
        self._thread.start()

    def stop(self) -> None:
        """Stop asking."""
        self._stopping.set()
        self._thread.join(ANSWER_S + EVERY_S)

    def _run(self) -> None:
        while not self._stopping.wait(AGAIN_S if self._failures else EVERY_S):
            self._ask()
        if self._connection is not None:
            self._connection.close()

    def _ask(self) -> None:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = BoundedConnection.connect(
                    self._url, autocommit=True, connect_timeout=int(ANSWER_S)
                )
                self._connection.answer_s = ANSWER_S
            self._connection.execute("SELECT 1")
        except psycopg.Error as error:
            self._failures += 1
            if self._failures == FAILURES_MIN:
                log("database_does_not_answer", error=first_line(error))
            return
        if not self.answers:
            log("database_answers_again")
        self._failures, self._answered_at = 0, time.monotonic()
