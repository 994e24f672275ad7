"""One ETL run: land movements, update daily demand, land products and locations, verify."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import sqlalchemy as sa

from etl.clear_ids import forget_clear_ids, lake_has_clear_ids
from etl.daily_demand import Demand, update_daily_demand
from etl.delta import open_table, version_of, watermark_of
from etl.dimensions import land_dimensions, products_retold, read_dimensions, with_new
from etl.held_pairs import NamedPair, all_held, named_pairs
from etl.history import note_history
from etl.movements import Landed, land_movements
from etl.serving import serve_demand
from etl.serving_feeds import serve_feed_days
from etl.sql_engine import OpenEngine, duck_engine
from etl.sums import LedgerSums, verify_lake
from etl.tables.update import update_tables
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict
from stocktide.foundation.lake import Lake
from stocktide.foundation.runs import recorded_run, single_flight
from stocktide.foundation.telemetry import log


@dataclass(frozen=True)
class EtlReport:
    """Report of a run. `rows_total` is the number of rows in the lake, equal to the ledger's but for pairs held out.

    tables: rows written of each further table that changed. pairs_held_out: products at places on which a step fails.
    held_out: the newest of them.
    """

    landed: Landed
    demand: Demand
    tables: Mapping[str, int]
    rows_total: int
    seconds: float
    pairs_held_out: int = 0
    held_out: Sequence[NamedPair] = ()


def run_etl(
    engine: sa.Engine,
    lake: Lake,
    *,
    whole: bool = False,
    again: date | None = None,
    tell: Callable[[str], None] = lambda _: None,
    by: OpenEngine = duck_engine,
) -> EtlReport:
    """Update the lake to the ledger, or make it again from the whole ledger (`whole`), and with it what is served.

    again: what is made of movements is made again from this day on. tell: is told of each step as it begins.
    by: opens what computes; what lands, commits and proves is the same for all.
    A product at a place on which a step fails is held out, and tried again by the next run; all others go on.
    Raises Conflict if another run is under way, Fatal if the two differ after it, or if one of them carries transaction
    numbers of another database.
    """
    with single_flight(engine, "etl") as free:
        if not free:
            raise Conflict(
                "etl_running", "An ETL run is under way; wait for it, or see `stocktide status`."
            )
        with recorded_run(engine, "etl") as run:
            started = time.monotonic()
            # read first: a time zone that changes meanwhile is seen by the next run
            dimensions = read_dimensions(engine)
            tell("rows of the ledger that are new")
            has_clear_ids = lake_has_clear_ids(engine)
            landed = land_movements(engine, lake, dimensions, whole=whole or has_clear_ids)
            # what became known since, and may be in the rows that landed
            dimensions = with_new(dimensions, read_dimensions(engine))
            retold = products_retold(lake, dimensions)
            land_dimensions(lake, dimensions, without=retold)
            tell("daily demand")
            folded = update_daily_demand(
                engine, lake, xid_before=landed.xid_before, retold=retold, again=again, by=by
            )
            # before the copy: it lets pairs go that were held out, and these are to be found here too
            tables = update_tables(
                engine,
                lake,
                dimensions,
                xid_before=landed.xid_before,
                retold=retold,
                again=again,
                tell=tell,
                by=by,
            )
            tell("what pages read")
            serve_feed_days(engine, lake)
            serve_demand(engine, lake, folded.changed.spools, since=folded.since)
            # after their days: a run that is killed before that finds again that they mean something else by now
            land_dimensions(lake, dimensions)
            tell("lake and ledger compared")
            sums, ledger = verify_lake(
                engine, lake, xid_before=landed.xid_before, again=landed.whole
            )
            note_versions(engine, lake, ledger)
            note_history(engine, lake, run_id=run.run_id)
            if has_clear_ids:
                forget_clear_ids(engine, lake)
            held = all_held(engine)
            seconds = time.monotonic() - started
            named = named_pairs(engine) if held else ()
            report = EtlReport(landed, folded.demand, tables, sums.rows, seconds, len(held), named)
            run.detail.update(asdict(report))
    log("etl_finished", **run.detail)
    return report


def note_versions(engine: sa.Engine, lake: Lake, ledger: LedgerSums) -> None:
    """Note the version that each table of the lake has, how far it has come, and what the ledger has until there."""
    noted = {
        **asdict(ledger.sums),
        "recorded_through": ledger.recorded_through,
        "proven": ledger.all_read,
    }
    with engine.begin() as connection:
        for name in ("movements", "daily_demand"):
            table = open_table(lake, name)
            if table is not None:
                mark = {"name": name, "version": version_of(table), "xid": watermark_of(table)}
                connection.execute(statement("etl/note_version"), {**mark, **noted})
