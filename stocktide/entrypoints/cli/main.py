"""The command line. Every command: exit 0 done, 1 failed, 2 wrong use or state, 3 try again; one clear line."""

import json
import logging
import os
import sys
from pathlib import Path

import click

from stocktide.entrypoints.cli.access import as_json, keys, users
from stocktide.entrypoints.cli.alerts import alerts
from stocktide.entrypoints.cli.calendar import calendar
from stocktide.entrypoints.cli.context import load_config, load_settings, services_for
from stocktide.entrypoints.cli.demand import demand
from stocktide.entrypoints.cli.feeds import broker, check_mqtt, mqtt, watch
from stocktide.entrypoints.cli.forecast import forecast
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.entrypoints.cli.rejects import rejects
from stocktide.foundation.errors import Invalid, StocktideError
from stocktide.foundation.lake import Lake
from stocktide.foundation.private_files import PRIVATE_UMASK
from stocktide.foundation.server_address import without_passwords
from stocktide.foundation.telemetry import configure_logs


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stocktide")
def cli() -> None:
    """Stocktide: stock events in, forecasts and decisions out."""
    # the parts that a command starts, and those that are started by hand, write under HOME
    os.umask(PRIVATE_UMASK)


@cli.command()
def up() -> None:
    """Start everything: database, cache, API, worker, dashboard. Ctrl-C stops it."""
    from stocktide.entrypoints.up import Supervisor
    from stocktide.entrypoints.worker import check_crons

    settings = load_settings()
    check_crons(settings)
    load_config(settings)
    check_mqtt(settings)
    Supervisor(settings, say).run()


@cli.command()
@as_json
def status(as_json: bool) -> None:
    """Show what runs, how far the data has come, and what went wrong last. Exit 3 when nothing runs here."""
    from stocktide.entrypoints.status import describe
    from stocktide.foundation.home import read_state

    settings = load_settings()
    state = read_state(settings.home)
    if state is None:
        if as_json:
            print_json({"running": False, "home": str(settings.home)})
        else:
            say(f"Not running in {settings.home}. Start it: stocktide up")
        sys.exit(3)
    described = describe(state)
    if as_json:
        print_json(described)
        return
    print_table("Parts", ["part", "state", "pid", "restarts"], described["parts"])
    print_table(
        "Data", ["what", "value"], [[name, value] for name, value in described["data"].items()]
    )
    print_table("Last runs", ["job", "status", "started", "seconds", "error"], described["runs"])


@cli.command()
@click.option(
    "--once", is_flag=True, help="In a temporary home: do it once, print the table, and stop."
)
@click.option("--days", default=730, show_default=True, help="Days of history to simulate.")
def demo(once: bool, days: int) -> None:
    """Run the sample chain through everything, then keep it moving with a live feed."""
    import signal
    import tempfile

    from stocktide.entrypoints.demo import free_port, run_demo

    def stop(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    if not once:
        run_demo(load_settings(), once=False, days=days)
        return
    with tempfile.TemporaryDirectory(prefix="stocktide-demo-") as home:
        settings = load_settings(home=Path(home), api_port=free_port(), dashboard_port=free_port())
        run_demo(settings, once=True, days=days)


@cli.command(hidden=True)
@click.option("--fd", type=int, help="Descriptor of a socket that listens already.")
@click.option("--probe-fd", type=int, help="The same, of one that no other process accepts from.")
def api(fd: int | None, probe_fd: int | None) -> None:
    """Serve the API; `stocktide up` does this for you."""
    from stocktide.entrypoints.serving import serve_api

    settings = load_settings()
    configure_logs()
    serve_api(
        settings,
        database_url=_required(settings.database_url, "DATABASE_URL"),
        redis_url=_required(settings.redis_url, "REDIS_URL"),
        descriptor=fd,
        probe_descriptor=probe_fd,
    )


@cli.command(hidden=True)
def worker() -> None:
    """Run queued jobs; `stocktide up` does this for you."""
    from stocktide.entrypoints.worker import check_crons, run_worker
    from stocktide.foundation.database import create_engine

    settings = load_settings()
    configure_logs()
    check_crons(settings)
    url = create_engine(_required(settings.database_url, "DATABASE_URL")).url.set(
        drivername="postgresql"
    )
    run_worker(url.render_as_string(hide_password=False), settings)


@cli.command(hidden=True)
def dashboard() -> None:
    """Serve the dashboard; `stocktide up` does this for you."""
    import uvicorn

    settings = load_settings()
    configure_logs()
    _required(settings.read_database_url, "READ_DATABASE_URL")
    from dashboard.server import create_dashboard

    uvicorn.run(
        create_dashboard(settings),
        host=settings.api_host,
        port=settings.dashboard_port,
        log_level="warning",
        access_log=False,
    )


def _required(value: str | None, name: str) -> str:
    if not value:
        raise Invalid(
            "setting_missing", f"Set STOCKTIDE_{name}, or let `stocktide up` start this part."
        )
    return value


@cli.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--mapping",
    required=True,
    help="A mapping file, or the name of one we ship (online_retail, m5).",
)
@click.option(
    "--dry-run", is_flag=True, help="Show the first rows as events and the counts; record nothing."
)
@as_json
def import_(file: Path, mapping: str, dry_run: bool, as_json: bool) -> None:
    """Import events from a CSV, Parquet or NDJSON file. Run it as often as you like: nothing is recorded twice."""
    from ingest.files.importing import dry_run_file, import_file, open_mapping
    from ingest.recording.recording import Recorder
    from stocktide.entrypoints.cli.output import progress

    settings = load_settings()
    plan = open_mapping(mapping)
    if dry_run:
        sample, tally = dry_run_file(file, plan, settings)
        if as_json:
            print_json({"events": sample, **tally.as_dict()})
            return
        for event in sample:
            click.echo(json.dumps(event, ensure_ascii=False))
        print_table("Dry run", ["outcome", "rows"], tally.rows())
        return
    with (
        services_for(settings, "stocktide import") as (engine, _),
        progress("importing", "rows") as advance,
    ):
        tally = import_file(file, plan, Recorder(engine, settings), advance)
    if as_json:
        print_json(tally.as_dict())
    else:
        print_table(f"Import of {file.name}", ["outcome", "rows"], tally.rows())


@cli.command()
@click.option("--wait", is_flag=True, help="Wait for a run under way first.")
@as_json
def etl(as_json: bool, wait: bool) -> None:
    """Copy new events to the lake, and check that lake and ledger are equal."""
    from dataclasses import asdict

    import etl as stage
    from stocktide.foundation.runs import RUN_S_MAX, when_free

    settings = load_settings()
    with services_for(settings, "stocktide etl") as (engine, _):
        lake = Lake(settings.lake_root)
        patience = RUN_S_MAX if wait else 0.0
        report = asdict(when_free(lambda: stage.run_etl(engine, lake), patience_s=patience))
    if as_json:
        print_json(report)
        return
    rows = [
        ["rows copied", report["landed"]["rows"]],
        ["rows in the lake = ledger", report["rows_total"]],
        ["daily_demand rows changed", report["demand"]["rows_changed"]],
        ["days touched", report["demand"]["days_changed"]],
        [
            "lake versions",
            f"movements {report['landed']['version']}, daily_demand {report['demand']['version']}",
        ],
        ["seconds", round(report["seconds"], 1)],
    ]
    print_table("ETL", ["what", "value"], rows)


@cli.command()
@as_json
def check(as_json: bool) -> None:
    """Check that stock equals the sum of its movements, and the lake the ledger. Exit 1 if not."""
    from etl.check import check_all

    settings = load_settings()
    with services_for(settings, "stocktide check") as (engine, _):
        result = check_all(engine, Lake(settings.lake_root))
    if as_json:
        print_json(result.as_dict())
    else:
        print_table("Check", ["invariant", "holds", "figures"], result.rows())
    sys.exit(0 if result.holds else 1)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
def products(file: Path) -> None:
    """Create or change products from a CSV, Parquet or NDJSON file: a column a field, sku needed."""
    from ingest.files.dimension_files import put_products_file

    with (
        services_for(load_settings(), "stocktide products") as (engine, _),
        engine.begin() as connection,
    ):
        count = put_products_file(connection, file)
    say(f"{count:,} products created or changed.")


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
def locations(file: Path) -> None:
    """Create or change locations from a CSV, Parquet or NDJSON file: a column a field, code needed."""
    from ingest.files.dimension_files import put_locations_file

    with (
        services_for(load_settings(), "stocktide locations") as (engine, _),
        engine.begin() as connection,
    ):
        count = put_locations_file(connection, file)
    say(f"{count:,} locations created or changed.")


cli.add_command(broker)
cli.add_command(alerts)
cli.add_command(calendar)
cli.add_command(demand)
cli.add_command(forecast)
cli.add_command(mqtt)
cli.add_command(rejects)
cli.add_command(keys)
cli.add_command(users)
cli.add_command(watch)


def main() -> None:
    """Run the command line; our own errors become one line and an exit code."""
    # prophet says on every import that plotly, which we do not use, is not there
    logging.getLogger("prophet.plot").setLevel(logging.CRITICAL)
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        say("Stopped.")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except StocktideError as error:
        say(without_passwords(f"Error: {error.message}"), error=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
