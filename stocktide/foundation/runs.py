"""The record of runs: each job writes when it started, how it ended and what it did."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.database_names import job_lock
from stocktide.foundation.errors import Conflict, StocktideError

# Longer than any run but a first one on years of events: a wait beyond it should be explained.
RUN_S_MAX = 600.0
ASK_AGAIN_S = 0.5
T = TypeVar("T")

STALE_RUN = "the process ended without a result (killed, or the machine stopped)"


@dataclass
class Run:
    """A run under way. What is put into `detail` is stored as JSON when it ends."""

    run_id: int
    detail: dict[str, Any] = field(default_factory=dict)


@contextmanager
def recorded_run(engine: sa.Engine, job: str) -> Iterator[Run]:
    """Record one run of `job` in table runs; an exception marks it failed and goes on to the caller.

    Each run under way holds a lock of its own, so that several of a job may run at once: one that is still marked
    running and whose lock is free is dead, and closed.
    """
    with _begun(engine, job) as run:
        try:
            yield run
        except BaseException as error:
            message = (
                error.message
                if isinstance(error, StocktideError)
                else f"{type(error).__name__}: {error}"
            )
            _finish(engine, run, "failed", message)
            raise
        _finish(engine, run, "succeeded", None)


@contextmanager
def _begun(engine: sa.Engine, job: str) -> Iterator[Run]:
    """Close the dead runs of a job and begin one, under its lock."""
    with engine.connect() as connection:
        # closed at the end, not returned to the pool: that frees the lock, even if the database went down meanwhile
        connection.detach()
        connection.execute(statement("stocktide/close_dead_runs"), {"job": job, "why": STALE_RUN})
        run_id = connection.execute(statement("stocktide/begin_run"), {"job": job}).scalar_one()
        connection.commit()
        yield Run(run_id)


def _finish(engine: sa.Engine, run: Run, status: str, error: str | None) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE runs SET status = :status, finished_at = now(), error = :error, detail = :detail"
                " WHERE run_id = :run_id"
            ),
            {
                "status": status,
                "error": error,
                "detail": json.dumps(run.detail, default=str),
                "run_id": run.run_id,
            },
        )


def note_progress(
    engine: sa.Engine, run: Run, step: str, share: float, **more: int | str | None
) -> None:
    """Write down at once how far a run is, for pages to show. share: of the whole run, 0 to 1. more: beside it."""
    run.detail["progress"] = {"step": step, "share": round(share, 3), **more}
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE runs SET detail = detail || CAST(:detail AS jsonb) WHERE run_id = :run_id"
            ),
            {"detail": json.dumps({"progress": run.detail["progress"]}), "run_id": run.run_id},
        )


@contextmanager
def single_flight(engine: sa.Engine, job: str) -> Iterator[bool]:
    """Hold the job's advisory lock; yields False where another process holds it."""
    with engine.connect() as connection:
        key = {"key": job_lock(job)}
        taken = connection.execute(
            sa.text("SELECT pg_try_advisory_lock(hashtextextended(:key, 0))"), key
        ).scalar_one()
        connection.commit()
        try:
            yield bool(taken)
        finally:
            if taken:
                connection.execute(
                    sa.text("SELECT pg_advisory_unlock(hashtextextended(:key, 0))"), key
                )
                connection.commit()


def when_free(work: Callable[[], T], *, patience_s: float) -> T:
    """Do work that only one may do at a time; while another does it, try again for up to `patience_s`.

    Raises the Conflict of the last try, and at once whatever else `work` raises.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return work()
        except Conflict:
            if time.monotonic() >= deadline:
                raise
            time.sleep(ASK_AGAIN_S)
