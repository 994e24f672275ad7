"""Run statements of people: checked, shut in, bounded."""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from query.jail.keeper import Jail
from query.jail.orders import Limits, Result
from query.snapshots import Snapshots
from query.sources import Sources
from query.views import all_views
from stocktide.foundation.errors import TooLarge
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings

STATEMENT_CHARACTERS_MAX = 100_000


class Console:
    """Runs statements over a lake and a database, as many at a time as the settings say."""

    def __init__(self, engine: sa.Engine, settings: Settings, *, jail: Jail | None = None) -> None:
        self.engine = engine
        self.settings = settings
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

    def run(
        self,
        statement: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        complete: bool = False,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Run a statement; the caller closes the result. complete: all rows or an error, none left out.

        Raises Invalid, TooLarge, Conflict, Transient.
        """
        if len(statement) > STATEMENT_CHARACTERS_MAX:
            raise TooLarge(
                "query_length",
                f"The statement has {len(statement):,} characters, more than {STATEMENT_CHARACTERS_MAX:,}. Shorten it.",
            )
        sources = Sources(self.snapshots, self.lake, self.settings.query_tail_rows_max)
        tables = {view.name: view.text for view in all_views()}
        limits = limits_of(self.settings, complete=complete)
        result = self.jail.run(
            statement, dict(parameters or {}), tables, sources.supply, limits, is_cancelled
        )
        result.said = sources.as_of
        return result


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
