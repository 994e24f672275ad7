"""Run statements of people: checked, shut in, bounded."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from query.audit import RETRY_AFTER_S, Entry, cancelled, recorded
from query.jail.keeper import Jail
from query.jail.orders import Limits, Result
from query.past_sources import PastSources
from query.snapshots import Snapshots
from query.sources import Sources
from query.views import all_views
from stocktide.foundation.errors import Invalid, TooManyRequests
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from stocktide.foundation.stored_text import is_storable

STATEMENT_CHARACTERS_MAX = 100_000


class Console:
    """Runs statements over a lake and a database, as many at a time as the settings say."""

    def __init__(self, engine: sa.Engine, settings: Settings, *, jail: Jail | None = None) -> None:
        self.engine = engine
        self.settings = settings
        self._places = threading.BoundedSemaphore(settings.query_processes_max)
        self.snapshots = Snapshots(engine, answer_s=settings.query_seconds_max)
        self.lake = Lake(settings.lake_root)
        self.jail = jail or Jail(settings.home / "query")

    def why_off(self) -> str | None:
        """Return why no statement can be run here, None where it can."""
        return self.jail.why_off()

    def close(self) -> None:
        """End the processes of statements, and the connections that they read by."""
        self.snapshots.close()
        self.jail.close()

    def ask(
        self,
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        asked_by: str,
        statement_id: UUID | None = None,
        complete: bool = False,
        as_of: datetime | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Run a statement for a user, and record who asked and what came of it; the caller closes the result.

        complete: all rows or an error, none left out. as_of: the moment (aware) whose lake it reads, None for now and
        all that is recorded. Raises as `run`, and TooManyRequests.
        """
        entry = Entry(statement_id or uuid4())
        ended = cancelled(self.engine, entry)
        most, seconds = self.settings.query_user_max, self.settings.query_seconds_max
        noted = text if as_of is None else f"-- as of {as_of.isoformat()}\n{text}"
        record = recorded(self.engine, entry, asked_by, noted, most=most, seconds=seconds)
        with self._place(), record:
            result = self.run(
                text,
                parameters,
                complete=complete,
                as_of=as_of,
                is_cancelled=lambda: is_cancelled() or ended(),
            )
            entry.rows = result.rows
        return result

    @contextmanager
    def _place(self) -> Iterator[None]:
        """Take one of the places for statements that run. Raises TooManyRequests."""
        if not self._places.acquire(blocking=False):
            raise TooManyRequests(
                "query_busy",
                f"{self.settings.query_processes_max} statements are running, as many as may at once. Try again soon, "
                "or raise STOCKTIDE_QUERY_PROCESSES_MAX.",
                retry_after_s=RETRY_AFTER_S,
            )
        try:
            yield
        finally:
            self._places.release()

    def run(
        self,
        text: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        complete: bool = False,
        as_of: datetime | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Run a statement without a record; the caller closes the result.

        Raises Invalid, TooLarge, Conflict, Transient, and NotFound for a past that is not kept.
        """
        if len(text) > STATEMENT_CHARACTERS_MAX or not is_storable(text):
            raise Invalid(
                "query_text",
                f"A statement has at most {STATEMENT_CHARACTERS_MAX:,} characters and no zero bytes; this one has "
                f"{len(text):,} characters.",
            )
        sources = self._sources(as_of)
        tables = {view.name: view.text for view in all_views()}
        limits = limits_of(self.settings, complete=complete)
        result = self.jail.run(
            text, dict(parameters or {}), tables, sources.supply, limits, is_cancelled
        )
        result.said = sources.as_of
        return result

    def _sources(self, as_of: datetime | None) -> Sources | PastSources:
        if as_of is None:
            return Sources(self.snapshots, self.lake, self.settings.query_tail_rows_max)
        return PastSources(self.engine, self.snapshots, self.lake, self.settings, as_of)


def limits_of(settings: Settings, *, complete: bool) -> Limits:
    """Return the limits of a statement as the settings have them."""
    return Limits(
        seconds=settings.query_seconds_max,
        memory_bytes=settings.query_memory_mb * 2**20,
        spill_bytes=settings.query_spill_mb * 2**20,
        threads=settings.query_threads,
        result_bytes=settings.query_result_mb * 2**20,
        rows=None if complete else settings.query_rows_kept,
    )
