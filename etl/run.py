"""One ETL run: land movements, update daily demand, land products and locations, verify."""

import time
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from etl.check import verify_lake
from etl.daily_demand import Demand, update_daily_demand
from etl.delta import open_table, version_of, watermark_of
from etl.dimensions import land_dimensions
from etl.movements import Landed, land_movements
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake
from stocktide.foundation.runs import recorded_run, single_flight
from stocktide.foundation.telemetry import log


@dataclass(frozen=True)
class EtlReport:
    """Report of a run. `rows_total` is the number of rows in the lake, equal to the ledger's."""

    landed: Landed
    demand: Demand
    rows_total: int
    seconds: float


def run_etl(engine: sa.Engine, lake: Lake) -> EtlReport:
    """Update the lake to the ledger. Raises Conflict if another run is under way, Fatal if the two differ after."""
    with single_flight(engine, "etl") as free:
        if not free:
            raise Conflict(
                "etl_running", "An ETL run is under way; wait for it, or see `stocktide status`."
            )
        with recorded_run(engine, "etl") as run:
            started = time.monotonic()
            landed = land_movements(engine, lake)
            land_dimensions(engine, lake)
            demand = update_daily_demand(engine, lake, xid_before=landed.xid_before)
            sums = verify_lake(engine, lake, xid_before=landed.xid_before)
            _note_versions(engine, lake, sums.rows)
            report = EtlReport(landed, demand, sums.rows, time.monotonic() - started)
            run.detail.update(asdict(report))
    log("etl_finished", **run.detail)
    return report


def _note_versions(engine: sa.Engine, lake: Lake, rows_total: int) -> None:
    with engine.begin() as connection:
        for name in ("movements", "daily_demand"):
            table = open_table(lake, name)
            if table is None:
                continue
            connection.execute(
                sa.text(
                    "INSERT INTO lake_versions AS v (table_name, version, xid_before, rows_total, recorded_through)"
                    " VALUES (:name, :version, CAST(CAST(:xid AS text) AS xid8), :rows,"
                    " (SELECT max(recorded_at) FROM ledger WHERE CAST(CAST(xid AS text) AS bigint)"
                    "  < CAST(CAST(:xid AS text) AS bigint)))"
                    " ON CONFLICT (table_name) DO UPDATE SET version = excluded.version,"
                    " xid_before = excluded.xid_before, rows_total = excluded.rows_total,"
                    " recorded_through = excluded.recorded_through, updated_at = now()"
                ),
                {
                    "name": name,
                    "version": version_of(table),
                    "xid": str(watermark_of(table)),
                    "rows": rows_total,
                },
            )
