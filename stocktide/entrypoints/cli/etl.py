"""The command that brings the lake up to the ledger."""

from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid
from stocktide.foundation.lake import Lake

if TYPE_CHECKING:
    import sqlalchemy as sa

    from etl.pending import Pending
    from etl.run import EtlReport
    from stocktide.foundation.home import Services
    from stocktide.foundation.settings import Settings


@click.command()
@click.option("--wait", is_flag=True, help="Wait for a run under way first.")
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Also make again what the lake has of this day and later ones.",
)
@click.option("--rebuild", is_flag=True, help="Make the lake again from the whole ledger.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@as_json
def etl(as_json: bool, wait: bool, since: datetime | None, rebuild: bool, dry_run: bool) -> None:
    """Copy new events to the lake, and check that lake and ledger are equal."""
    from etl.pending import count_pending

    if rebuild and since is not None:
        raise Invalid("etl_options", "Give --since or --rebuild: a rebuild is of all days.")
    settings = load_settings()
    with services_for(settings, "stocktide etl") as (engine, services):
        if dry_run:
            pending = count_pending(engine, Lake(settings.lake_root))
            _show_pending(pending, as_json=as_json)
            return
        again = None if since is None else since.date()
        report = land(engine, services, settings, wait=wait, again=again, whole=rebuild)
    _show(asdict(report), as_json=as_json)


def land(
    engine: "sa.Engine",
    services: "Services",
    settings: "Settings",
    *,
    wait: bool,
    again: date | None = None,
    whole: bool = False,
) -> "EtlReport":
    """Bring the lake up to the ledger. Raises Conflict while another run does, unless it is to be waited for."""
    from etl import run_etl
    from etl.sql_engine import chosen_engine
    from stocktide.foundation.runs import RUN_S_MAX, when_free

    lake = Lake(settings.lake_root)
    with chosen_engine(settings) as by:
        report = when_free(
            lambda: run_etl(engine, lake, whole=whole, again=again, tell=_tell, by=by),
            patience_s=RUN_S_MAX if wait else 0.0,
        )
    if services.redis_url:
        _tell("reports that people wait for")
        _renew_reports(engine, settings, services.redis_url)
    return report


def _renew_reports(engine: "sa.Engine", settings: "Settings", redis_url: str) -> None:
    """Compute the slow reports of pages over the new lake before somebody asks for them."""
    from query.report_engine import Reports
    from stocktide.foundation.cache_server import connect_cache

    reports = Reports(engine, settings, connect_cache(redis_url))
    reports.renew()
    reports.close()


def _tell(step: str) -> None:
    say(f"… {step}", error=True)


def _show_pending(found: "Pending", *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(found))
        return
    days = "none" if found.first_day is None else f"{found.first_day} to {found.last_day}"
    rows: list[list[Any]] = [
        ["rows to copy", found.rows],
        ["products at places that they tell of", found.pairs],
        ["days", days],
        ["lake made again", found.whole],
        ["products at places held out, to be tried", found.pairs_held_out],
    ]
    print_table("ETL would do", ["what", "value"], rows)


def _show(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    versions = (
        f"movements {report['landed']['version']}, daily_demand {report['demand']['version']}"
    )
    rows: list[list[Any]] = [
        ["rows copied", report["landed"]["rows"]],
        ["rows in the lake = ledger", report["rows_total"]],
        ["daily_demand rows changed", report["demand"]["rows_changed"]],
        ["days touched", report["demand"]["days_changed"]],
        *([f"{name} rows written", count] for name, count in report["tables"].items()),
        ["lake versions", versions],
        ["products at places held out", report["pairs_held_out"]],
        ["seconds", round(report["seconds"], 1)],
    ]
    print_table("ETL", ["what", "value"], rows)
    if report["pairs_held_out"]:
        columns = ["product", "location", "stage", "runs", "error"]
        print_table("Held out", columns, [list(pair.values()) for pair in report["held_out"]])
