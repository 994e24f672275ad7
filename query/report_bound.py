"""Bounds of a report: DuckDB is interrupted once it takes too long, or writes aside more than it may."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from query.jail.execution import open_database
from query.jail.watch import folder_bytes
from stocktide.foundation.errors import TooLarge
from stocktide.foundation.settings import Settings

LOOK_S = 0.05
# How DuckDB's errors begin that are about memory.
MEMORY = "Out of Memory"


@dataclass
class Bound:
    """What a database may take: seconds, and bytes in the folder of its spills. reason: why it was ended."""

    database: duckdb.DuckDBPyConnection
    seconds: float
    spills: Path
    spill_bytes: int
    reason: TooLarge | None = None
    _done: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep to the bounds what happens inside. Raises TooLarge."""
        watching = threading.Thread(target=self._watch, daemon=True)
        watching.start()
        try:
            yield
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            # while rows are streamed, DuckDB's errors come through Arrow
            if self.reason is not None:
                raise self.reason from None
            if MEMORY in str(error):
                raise _too_much(error) from None
            raise
        finally:
            self._done.set()
            watching.join()

    def _watch(self) -> None:
        until = time.monotonic() + self.seconds
        while not self._done.wait(LOOK_S):
            if self.reason is None and time.monotonic() > until:
                self.reason = _too_long(self.seconds)
            if self.reason is None and folder_bytes(self.spills) > self.spill_bytes:
                self.reason = _spilled_too_much(self.spill_bytes)
            if self.reason is not None:
                # again and again: between two statements of a database it is forgotten
                self.database.interrupt()


@contextmanager
def bounded_database(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Provide an empty database, which is interrupted when it takes too long or too much. Raises TooLarge."""
    spill_bytes = settings.query_spill_mb * 2**20
    folder = settings.home / "query"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="report-", dir=folder) as spills:
        limits = {
            "threads": str(settings.query_threads),
            "memory_limit": f"{settings.query_memory_mb * 2**20}B",
            "temp_directory": spills,
            "max_temp_directory_size": f"{spill_bytes}B",
        }
        with open_database(limits) as database:
            bound = Bound(database, settings.query_seconds_max, Path(spills), spill_bytes)
            with bound.kept():
                yield database


def _too_long(seconds: float) -> TooLarge:
    return TooLarge(
        "report_time",
        f"The report took longer than {seconds:g} s. Ask for fewer days, or raise STOCKTIDE_QUERY_SECONDS_MAX.",
    )


def _spilled_too_much(spill_bytes: int) -> TooLarge:
    return TooLarge(
        "report_spill",
        f"The report wrote aside more than {spill_bytes // 2**20} MB. Ask for fewer days, or raise "
        "STOCKTIDE_QUERY_SPILL_MB.",
    )


def _too_much(error: Exception) -> TooLarge:
    return TooLarge(
        "report_memory",
        "The report needs more memory than it may have. Ask for fewer days, or raise STOCKTIDE_QUERY_MEMORY_MB. "
        f"The database said: {error}",
    )
