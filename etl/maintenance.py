"""The lake kept in shape: small files merged, files of old versions deleted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import sqlalchemy as sa
from deltalake import DeltaTable

from etl.delta import generation_of, open_table, version_of, watermark_of
from etl.history import note_history
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.runs import single_flight

TABLES: tuple[LakeTable, ...] = get_args(LakeTable)
HOURS_A_DAY = 24
# Delta's property of how long a log is kept, and the days that it is kept without it.
LOG_KEPT, LOG_DAYS = "delta.logRetentionDuration", 30
TIDIED = (
    "UPDATE lake_versions SET version = :now WHERE table_name = :name"
    " AND CAST(CAST(xid_before AS text) AS bigint) = :xid"
)
TIDIED_SERVED = (
    "UPDATE served_tables SET version = :now"
    " WHERE table_name = 'daily_demand' AND version = :before AND generation = :generation"
)


@dataclass(frozen=True)
class Tidied:
    """Files of a table that were merged, that were made of them, and that were deleted."""

    merged: int
    made: int
    deleted: int


def tidy_lake(
    engine: sa.Engine, lake: Lake, *, history_days: int, say: Callable[[str], None]
) -> dict[str, Tidied]:
    """Merge small files and delete those of versions older than `history_days`, table by table.

    No ETL runs meanwhile: both write commits. Raises Conflict (`etl_running`).
    """
    with single_flight(engine, "etl") as free:
        if not free:
            raise Conflict("etl_running", "An ETL run is under way; try again when it has ended.")
        served = version_of(open_table(lake, "daily_demand"))
        done: dict[str, Tidied] = {}
        for name in TABLES:
            tidied = _tidy(lake, name, history_days)
            if tidied is not None:
                done[name] = tidied
                say(
                    f"{name}: {tidied.merged:,} files merged into {tidied.made:,}, {tidied.deleted:,} old ones deleted"
                )
        _note(engine, lake, served)
        note_history(engine, lake)
        return done


def _note(engine: sa.Engine, lake: Lake, served: int) -> None:
    """Note the versions that hold the same rows in merged files, also for the copy that was made of the one before."""
    with engine.begin() as connection:
        for name in ("movements", "daily_demand"):
            table = open_table(lake, name)
            if table is not None:
                mark = {"name": name, "now": version_of(table), "xid": watermark_of(table)}
                connection.execute(sa.text(TIDIED), mark)
        if table is not None:
            before = {"before": served, "generation": generation_of(table)}
            connection.execute(sa.text(TIDIED_SERVED), {"now": version_of(table), **before})


def _tidy(lake: Lake, name: LakeTable, history_days: int) -> Tidied | None:
    table = open_table(lake, name)
    if table is None:
        return None
    _keep_log(table, history_days)
    metrics = table.optimize.compact()
    # a reader of an old version loses its files: a run pins one for hours, `forecast assume` for days
    deleted = table.vacuum(
        retention_hours=history_days * HOURS_A_DAY, enforce_retention_duration=False, dry_run=False
    )
    table.create_checkpoint()
    table.cleanup_metadata()
    return Tidied(int(metrics["numFilesRemoved"]), int(metrics["numFilesAdded"]), len(deleted))


def _keep_log(table: DeltaTable, history_days: int) -> None:
    """Keep a table's log as long as the files of its old versions: without it they cannot be read."""
    kept = {LOG_KEPT: f"interval {history_days + 1} days"}
    if history_days >= LOG_DAYS and table.metadata().configuration.get(LOG_KEPT) != kept[LOG_KEPT]:
        table.alter.set_table_properties(kept)
