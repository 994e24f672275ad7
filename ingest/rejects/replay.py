"""Rejects recorded again: unchanged or edited, one or all of a reason, for trial or for good."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from ingest.ledger.ledger import Ledger
from ingest.ledger.outcomes import Outcome, rejected
from ingest.parsing.events import Event, Fault
from ingest.recording.recording import Recorder, is_of_one, not_storable
from ingest.recording.retrying import invalidate_on_disconnect, reaching, retried
from ingest.rejects.attempts import (
    Attempt,
    Audit,
    Edit,
    Overtaken,
    Report,
    attempts_of,
    close_rejects,
    is_own,
)
from ingest.rejects.changes import changes_of, newest_change
from ingest.rejects.payload import HOW_TO_FIX, edited, kind_of
from ingest.rejects.rejects import Wanted, checked_reason, open_reject, payload_of
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid
from stocktide.foundation.halves import by_halves

# Rejects in one call, and in one of its transactions.
CALL_MAX = 10_000
CHUNK_MAX = 1_000
# A larger payload is no event that anybody would replay; the other is what a call holds in memory.
EVENT_BYTES_MAX = 2**20
CHUNK_BYTES_MAX = 16 * 2**20
TRIAL_REFUSED = (
    "The database refuses a value of one of these events. Replay: it is found, and left open."
)
REPLAY_AGAIN = "Replay again: recorded events stay recorded."
# A whole event, or values of its fields.
Sent = bytes | Mapping[str, Any]
Allowed = Callable[[Event | Fault], Event | Fault]


class Replayer:
    """Records rejects through the parser and ledger of a process's recorder. Counts of feeds stay as they are.

    allowed: turns an event that whoever asks may not send into a Fault.
    """

    def __init__(self, recorder: Recorder, allowed: Allowed = lambda item: item) -> None:
        self._recorder = recorder
        self._allowed = allowed

    def replay(
        self,
        wanted: Wanted,
        ids: Sequence[int] | None,
        edit: Edit | None,
        audit: Audit,
        *,
        after: int = 0,
    ) -> dict[str, Any]:
        """Record open rejects, some at a time, each time with their outcome: what is committed stays committed.

        Raises Invalid, and Transient if the database is away; the same call again goes on with what is open. `next`
        is the `after` of the call that goes on where this one stopped; None: it took all.
        """
        audit = audit._replace(reason=checked_reason(audit.reason))
        report = Report()
        taken = 0
        while taken < CALL_MAX:
            limit = min(CHUNK_MAX, CALL_MAX - taken)
            rows = self._take(wanted, ids, after=after, limit=limit)
            if not rows:
                return {"taken": taken, **report.answer(), "next": None}
            taken += len(rows)
            after = rows[-1].reject_id
            attempts = list(attempts_of(rows, edit, report))
            report.add(attempts, self._record(attempts, audit))
        return {"taken": taken, **report.answer(), "next": after}

    def try_out(
        self, wanted: Wanted, ids: Sequence[int] | None, edit: Edit | None, *, after: int = 0
    ) -> dict[str, Any]:
        """Tell what `replay` would do, by doing it in a transaction that is rolled back. Raises as `replay`."""
        report = Report()
        rows = self._take(wanted, ids, after=after, limit=CALL_MAX)
        changes = self._try(list(attempts_of(rows, edit, report)), report)
        more = rows and self._take(wanted, ids, after=rows[-1].reject_id, limit=1)
        after_these = rows[-1].reject_id if more else None
        return {"taken": len(rows), **report.answer(), **changes, "next": after_these}

    def fix(
        self, reject_id: int, sent: Sent, audit: Audit, *, dry_run: bool = False
    ) -> dict[str, Any]:
        """Record one reject with other bytes or edited fields. Raises NotFound, Conflict, Invalid, Transient."""
        with self._recorder.engine.connect() as connection:
            row = open_reject(connection, reject_id)
            raw, fixed = payload_of(connection, reject_id)
        event = sent if isinstance(sent, bytes) else edited(fixed or raw, sent)
        if kind_of(event, feed="", content_type="") != "event":
            kind = kind_of(event, feed=row["feed"], content_type=row["content_type"])
            raise Invalid("not_an_event", f"Only a CloudEvent can be recorded. {HOW_TO_FIX[kind]}")
        own = is_own(row["source"], row["reason"])
        attempts = [Attempt(reject_id, event, event != raw, own)]
        report = Report()
        if dry_run:
            changes = self._try(attempts, report)
            return {"taken": 1, **report.answer(), **changes, "next": None}
        audit = audit._replace(reason=checked_reason(audit.reason))
        report.add(attempts, self._record(attempts, audit))
        if report.counts["closed"]:
            with self._recorder.engine.connect() as connection:
                open_reject(connection, reject_id)  # says who closed it
        return {"taken": 1, **report.answer(), "next": None}

    def _take(
        self, wanted: Wanted, ids: Sequence[int] | None, *, after: int, limit: int
    ) -> Sequence[Any]:
        limits = {"event_bytes_max": EVENT_BYTES_MAX, "bytes_max": CHUNK_BYTES_MAX, "limit": limit}
        named = None if ids is None else list(ids)
        binds = {**vars(wanted), "ids": named, "after": after, **limits}
        with reaching(REPLAY_AGAIN), self._recorder.engine.connect() as connection:
            return connection.execute(statement("ingest/reject_take"), binds).all()

    def _parsed(self, attempts: Sequence[Attempt]) -> list[Event | Fault]:
        recorder = self._recorder
        parsers = (
            recorder.epcis_parser if attempt.is_own else recorder.parser for attempt in attempts
        )
        return [
            self._allowed(parser.parse(attempt.sent))
            for parser, attempt in zip(parsers, attempts, strict=True)
        ]

    def _record(self, attempts: Sequence[Attempt], audit: Audit) -> list[Outcome | None]:
        """Record attempts with what becomes of their rejects, again where another was in the way.

        None: somebody else closed that reject first, so nothing of it was recorded.
        """
        return by_halves(
            attempts,
            lambda some: self._record_together(some, audit),
            lambda attempt, error: self._left_open(attempt, audit, error),
            is_of_one=is_of_one,
        )

    def _record_together(self, attempts: Sequence[Attempt], audit: Audit) -> list[Outcome | None]:
        try:
            return [*retried(lambda: self._record_once(attempts, audit), hint=REPLAY_AGAIN)]
        except Overtaken as overtaken:
            return self._without(attempts, overtaken.still_open, audit)

    def _record_once(self, attempts: Sequence[Attempt], audit: Audit) -> list[Outcome]:
        """Append to the ledger and close the rejects, both or neither. Raises Overtaken."""
        with self._recorder.engine.begin() as connection, invalidate_on_disconnect(connection):
            outcomes = self._recorder.ledger.append(connection, self._parsed(attempts))
            # after the ledger, as ingest does it: both lock in this order
            close_rejects(connection, attempts, outcomes, audit)
            return outcomes

    def _without(
        self, attempts: Sequence[Attempt], still_open: Collection[int], audit: Audit
    ) -> list[Outcome | None]:
        """Record those that nobody else has closed; each time there are fewer, so that this ends."""
        mine = [attempt for attempt in attempts if attempt.reject_id in still_open]
        outcomes = iter(self._record(mine, audit))
        return [next(outcomes) if a.reject_id in still_open else None for a in attempts]

    def _left_open(self, attempt: Attempt, audit: Audit, error: Exception) -> list[Outcome | None]:
        """Leave an event open that the database refuses alone, with its new reason."""
        outcomes = [rejected(not_storable(error))]
        try:
            with reaching(REPLAY_AGAIN), self._recorder.engine.begin() as connection:
                close_rejects(connection, [attempt], outcomes, audit)
        except Overtaken:
            return [None]
        return [*outcomes]

    def _try(self, attempts: Sequence[Attempt], report: Report) -> dict[str, Any]:
        # a ledger of its own: it may remember keys of rows that are rolled back
        real = self._recorder.ledger
        ledger = Ledger(real.customers.fresh(), real.half_life_h, real.create_on_first_sight)
        with (
            reaching(REPLAY_AGAIN),
            self._recorder.engine.connect() as connection,
            invalidate_on_disconnect(connection),
        ):
            before = newest_change(connection)
            try:
                report.add(attempts, ledger.append(connection, self._parsed(attempts)))
            except Exception as error:
                if not is_of_one(error):
                    raise
                raise Invalid("not_storable", TRIAL_REFUSED) from error
            changes = changes_of(connection, self._recorder.engine, after=before)
            connection.rollback()
        return changes
