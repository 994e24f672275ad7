"""Compute reports in this process: our own statements, read-only, bounded in time and memory, a database a call."""

import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import redis
import sqlalchemy as sa
from deltalake.exceptions import DeltaError

from query.asked_reports import AskedReport, AskedReports
from query.jail.execution import BATCH_ROWS, open_database
from query.jail.orders import Result
from query.jail.statement import check
from query.lake_files import PREDICTED_INPUTS
from query.report_bound import bounded_database
from query.report_cache import ReportCache, key_of
from query.report_inputs import Versions, lay_out, newest_versions
from query.report_past import files_gone, past_versions
from query.reports import Report, Value, filled, find_report, values_of
from query.snapshots import Snapshots
from query.views import NAMES, inputs_of, read_view
from stocktide.foundation.database import statement
from stocktide.foundation.errors import StocktideError, TooLarge, TooManyRequests, Transient
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

FORECASTS = "forecasts"
# A page asks for a few reports at once: they wait for one another, but not longer than a reader does.
WAIT_S = 10.0
RETRY_AFTER_S = 5
# Files of a version may be cleaned away between the list of them and the read: then there is a newer one.
TRIES_MAX = 3


class Reports:
    """Computes reports over a lake and a database, as many at a time as the settings say of statements."""

    def __init__(
        self, engine: sa.Engine, settings: Settings, cache: "redis.Redis | None" = None
    ) -> None:
        self.settings = settings
        self._engine = engine
        self.lake = Lake(settings.lake_root)
        self._snapshots = Snapshots(engine, answer_s=settings.query_seconds_max)
        self._cache = ReportCache(cache, ttl_s=settings.cache_ttl_s)
        self._asked = AskedReports(cache)
        self._places = threading.BoundedSemaphore(settings.query_processes_max)

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._snapshots.close()

    def answer(
        self, name: str, given: Mapping[str, str], *, as_of: datetime | None = None
    ) -> Result:
        """Compute a report, or take it from the cache; the caller closes the result, which is complete.

        given: values of parameters as texts. as_of: the moment (aware) whose lake it reads, None for now. Raises
        NotFound, Invalid, TooLarge, TooManyRequests, Transient.
        """
        report = find_report(name)
        values = values_of(report, given)
        begun = time.monotonic()
        result = self._tried(report, values, as_of)
        result.seconds = time.monotonic() - begun
        if as_of is None:
            asked = AskedReport(name, dict(given))
            self._asked.note(asked, seconds=result.seconds, cached=result.said["cached"])
        return result

    def renew(self) -> int:
        """Compute the slow reports that were asked for of late again, for the cache; returns how many could be."""
        renewed = 0
        for name, given in self._asked.of_late():
            try:
                report = find_report(name)
                self._tried(report, values_of(report, given), None, recompute=True).spool.close()
            except (StocktideError, duckdb.Error) as error:
                # whoever asks for it is told why
                log("report_not_renewed", report=name, error=str(error))
            else:
                renewed += 1
        return renewed

    def _tried(
        self,
        report: Report,
        values: Mapping[str, Value],
        as_of: datetime | None,
        *,
        recompute: bool = False,
    ) -> Result:
        for _ in range(TRIES_MAX):
            try:
                return self._answer(report, values, as_of, recompute=recompute)
            except (duckdb.IOException, FileNotFoundError) as error:
                if as_of is not None:
                    raise files_gone(as_of, self.settings.lake_history_days) from error
                continue
            except (OSError, DeltaError, pa.ArrowException) as error:
                raise Transient(
                    "report_inputs",
                    f"What the report reads could not be laid out: {str(error).splitlines()[0]} Check the lake's "
                    "folder, and try again.",
                ) from error
        raise Transient(
            "report_lake_moves", "The lake is being written. Try again in a few seconds."
        )

    def _answer(
        self,
        report: Report,
        values: Mapping[str, Value],
        as_of: datetime | None,
        *,
        recompute: bool,
    ) -> Result:
        reads = tables_of(report)
        inputs = inputs_of(reads)
        versions = self._versions(inputs, as_of)
        past = None if versions.past is None else versions.past.noted_at.isoformat()
        forecast = self._forecast(inputs)
        key = key_of(report.name, report.text, versions.numbers, values, past, forecast)
        found = None if recompute else self._cache.find(key)
        if found is not None:
            return _result(*found, reads, cached=True)
        with self.place():
            said, rows = self._compute(report, values, reads, versions)
        # it may have changed while the report was computed
        if self._forecast(inputs) == forecast:
            self._cache.keep(key, said, rows)
        return _result(said, rows, reads, cached=False)

    def _forecast(self, inputs: set[str]) -> list[Any] | None:
        """Return what tells the forecast in force from others; None where a report reads none, or there is none."""
        if FORECASTS not in inputs:
            return None
        with self._engine.connect() as connection:
            found = connection.execute(statement("query/forecast_in_force")).first()
        return None if found is None else list(found)

    def _versions(self, inputs: set[str], as_of: datetime | None) -> Versions:
        if as_of is None:
            return newest_versions(self.lake, inputs)
        with self._engine.connect() as connection:
            return past_versions(
                connection, self.lake, inputs, as_of, days_kept=self.settings.lake_history_days
            )

    def _compute(
        self, report: Report, values: Mapping[str, Value], reads: list[str], versions: Versions
    ) -> tuple[dict[str, Any], bytes]:
        with bounded_database(self.settings) as database:
            lineage = lay_out(database, self._snapshots, versions, inputs_of(reads))
            for table in reads:
                database.execute(f'CREATE TEMP VIEW "{table}" AS {read_view(table).text}')
            relation = database.sql(report.text, params=dict(values) or None)
            rows = _written(relation.to_arrow_reader(BATCH_ROWS), self.settings.query_result_mb)
        said = {
            "report": report.name,
            "definition": report.definition,
            "statement": filled(report, values),
            **_lineage(versions, lineage),
        }
        return said, rows

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take one of the places for reports that are computed. Raises TooManyRequests."""
        if not self._places.acquire(timeout=WAIT_S):
            raise TooManyRequests(
                "report_busy",
                f"{self.settings.query_processes_max} reports are being computed, as many as may at once. Try again "
                "soon, or raise STOCKTIDE_QUERY_PROCESSES_MAX.",
                retry_after_s=RETRY_AFTER_S,
            )
        try:
            yield
        finally:
            self._places.release()


@cache
def tables_of(report: Report) -> list[str]:
    """Return the documented tables that a report reads, as the console finds them in a statement."""
    with open_database({"threads": "1"}) as database:
        return check(database, report.text, set(NAMES))


def _written(reader: pa.RecordBatchReader, megabytes_max: int) -> bytes:
    """Write rows as a stream of Arrow. Raises TooLarge."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, reader.schema) as stream:
        for batch in reader:
            stream.write_batch(batch)
            if sink.tell() > megabytes_max * 2**20:
                raise TooLarge(
                    "report_too_large",
                    f"The report has more than {megabytes_max} MB. Ask for fewer days, or raise "
                    "STOCKTIDE_QUERY_RESULT_MB.",
                )
    return bytes(sink.getvalue())


def _lineage(versions: Versions, noted: list[dict[str, Any]]) -> dict[str, Any]:
    """Return as of when a report is. as_of: rows recorded until then are in it; null where the run did not end yet.

    past: when a run left these versions; None for the newest ones, of which each table is as of what was noted of its
    watermark, for whichever table that was noted.
    """
    if versions.past is not None:
        return {**versions.past.said, "lake": versions.numbers}
    marks = {
        table.watermark for name, table in versions.tables.items() if name not in PREDICTED_INPUTS
    }
    of = [one for one in noted if one["xid_before"] in marks]
    recorded = [one["recorded_through"] for one in of if one["recorded_through"] is not None]
    ended = {one["xid_before"] for one in of} == marks
    runs = [one["run_id"] for one in of if one["run_id"] is not None]
    return {
        "as_of": min(recorded, default=None) if ended else None,
        "lake": versions.numbers,
        "run_id": max(runs, default=None),
        "past": None,
    }


def _result(said: dict[str, Any], rows: bytes, reads: list[str], *, cached: bool) -> Result:
    """Put an answer where the writers of formats take it from."""
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    spool.write(rows)
    count = sum(batch.num_rows for batch in pa.ipc.open_stream(rows))
    return Result(spool, count, count, reads=reads, said={**said, "cached": cached})
