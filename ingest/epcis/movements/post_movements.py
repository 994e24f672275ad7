"""Captured events to the ledger. Idempotent: a movement's id follows from its event, so what was done is not redone.

An event is captured in one transaction and its movements are recorded in the next. Between the two it is pending:
whoever finds it so, also after a crash, makes its movements.
"""

import threading
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from ingest.epcis.movements.lines import Line
from ingest.epcis.movements.plan import PendingEvent, plan_events, plan_reversal
from ingest.epcis.movements.settled import give_up, write_settled
from ingest.ledger.ledger import Outcome
from ingest.parsing.permission import permitted
from ingest.recording.recording import Recorder
from stocktide.foundation.database import statement
from stocktide.foundation.database_errors import is_retryable
from stocktide.foundation.halves import by_halves
from stocktide.foundation.keys import Key, keys_named
from stocktide.foundation.telemetry import log

CLOUD_EVENT = "application/cloudevents+json"
# A pending event that nobody has touched for so long belongs to a process that died.
STALE_S = 60.0
# How often the recovery looks for such.
EVERY_S = 30.0
# Events taken up at once, by number and by bytes, and movements recorded in one transaction: the ledger takes 32,768.
CHUNK = 500
CHUNK_BYTES_MAX = 8_000_000
LINES_AT_ONCE = 5_000
# What movements tell of their feed that its events did not: that they cannot be.
REFUSALS = ("conflict", "rejected")
# Events that one call puts back in the queue; the next call goes on with others.
RETRY_MAX = 5_000


def post_movements(
    recorder: Recorder, *, capture_id: UUID | None = None, stale_s: float = STALE_S
) -> int:
    """Make the movements of pending events: those of a capture, or else those that nobody works on any more.

    Returns how many events were settled. An event that cannot be settled is rejected with its reason, and takes no
    other with it. Raises Transient or the driver's error if the database is away; the rest stays pending.
    """
    settled = 0
    while done := _post(recorder, _claim(recorder.engine, capture_id, stale_s)):
        settled += done
    return settled


def retry_rejected(engine: sa.Engine) -> int:
    """Put events whose movements were refused back in the queue, at most RETRY_MAX, those tried longest ago first.

    Returns how many; the recovery makes their movements.
    """
    query = statement("ingest/epcis/retry_rejected")
    with engine.begin() as connection:
        return connection.execute(query, {"count": RETRY_MAX}).rowcount


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


def _claim(engine: sa.Engine, capture_id: UUID | None, stale_s: float) -> list[Any]:
    which: dict[str, Any] = {"count": CHUNK, "bytes_max": CHUNK_BYTES_MAX}
    if capture_id is None:
        query, which = "ingest/epcis/claim_stale", which | {"stale_s": stale_s}
    else:
        query, which = "ingest/epcis/claim_capture", which | {"capture_id": capture_id}
    with engine.begin() as connection:
        rows = connection.execute(statement(query), which)
        return sorted(rows, key=lambda row: row.event_no)


def _post(recorder: Recorder, rows: Sequence[Any]) -> int:
    """Settle events together; where that fails, by halves, until the one is found that cannot be settled."""

    def refused(row: Any, error: Exception) -> list[int]:
        log("epcis_not_settled", identity=row.identity, error=repr(error))
        give_up(recorder.engine, row, error)
        return [1]

    return sum(
        by_halves(
            rows,
            lambda some: [_post_together(recorder, some)],
            refused,
            is_of_one=lambda error: not is_retryable(error),
        )
    )


def _post_together(recorder: Recorder, rows: Sequence[Any]) -> int:
    work = [PendingEvent.of(row) for row in rows]
    plain = [item for item in work if not item.row.declares_error]
    declarations = [item for item in work if item.row.declares_error]
    if plain:
        with recorder.engine.connect() as connection:
            plan_events(connection, plain)
        _record(recorder, plain)
    # declarations come last: what they reverse may have been recorded just now
    if declarations:
        with recorder.engine.connect() as connection:
            for item in declarations:
                plan_reversal(connection, item)
        _record(recorder, declarations)
    return sum(item.state != "pending" for item in work)


def _record(recorder: Recorder, work: Sequence[PendingEvent]) -> None:
    """Record what events move, and note it. What is tried again does not count as the feed's."""
    lines: dict[tuple[str, bool], list[Line]] = {}
    for item in work:
        again = item.row.settled_at is not None
        lines.setdefault((item.row.feed, again), []).extend(item.lines)
    with recorder.engine.connect() as connection:
        keys = keys_named(connection, {feed for feed, _again in lines})
    outcomes: dict[str, Outcome] = {}
    for feed, again in sorted(lines):
        counted = () if again else REFUSALS
        outcomes |= _tell_ledger(recorder, feed, keys.get(feed), lines[feed, again], counted)
    for item in work:
        item.finish(outcomes)
    write_settled(recorder.engine, work)


def _tell_ledger(
    recorder: Recorder,
    feed: str,
    key: Key | None,
    lines: Sequence[Line],
    counted: Collection[str],
) -> dict[str, Outcome]:
    """Record lines, so many at once as the ledger takes. Returns outcomes by the lines' ids.

    counted: outcomes that count as the feed's. What is accepted does not: its events did when they were captured.
    """
    outcomes: dict[str, Outcome] = {}
    for start in range(0, len(lines), LINES_AT_ONCE):
        some = lines[start : start + LINES_AT_ONCE]
        raws = [line.raw for line in some]
        parsed = recorder.epcis_parser.parse_all(raws)
        told = [line.fault or item for line, item in zip(some, parsed, strict=True)]
        allowed = told if key is None else [permitted(key, item) for item in told]
        recorded = recorder.record_parsed(feed, CLOUD_EVENT, raws, allowed, counted=counted)
        outcomes |= dict(zip((line.event_id for line in some), recorded, strict=True))
    return outcomes
