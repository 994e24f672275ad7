"""The command line. Every command: exit 0 done, 1 failed, 2 wrong use or state, 3 try again; one clear line."""

import logging
import os
import sys
from pathlib import Path

import click

from stocktide.entrypoints.cli.access import as_json, keys, users
from stocktide.entrypoints.cli.alerts import alerts
from stocktide.entrypoints.cli.calendar import calendar
from stocktide.entrypoints.cli.context import load_config, load_settings
from stocktide.entrypoints.cli.customers import customers
from stocktide.entrypoints.cli.demand import demand
from stocktide.entrypoints.cli.etl import etl
from stocktide.entrypoints.cli.exports import exports
from stocktide.entrypoints.cli.feeds import broker, check_mqtt, mqtt, watch
from stocktide.entrypoints.cli.files import import_, locations, mapping, products
from stocktide.entrypoints.cli.forecast import forecast
from stocktide.entrypoints.cli.lead_times import lead_times
from stocktide.entrypoints.cli.maintain import maintain
from stocktide.entrypoints.cli.orders import orders
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.entrypoints.cli.overrides import overrides
from stocktide.entrypoints.cli.proof import check, rebuild
from stocktide.entrypoints.cli.quality import quality
from stocktide.entrypoints.cli.rates import rates
from stocktide.entrypoints.cli.rejects import rejects
from stocktide.entrypoints.cli.removal import remove
from stocktide.entrypoints.cli.replay import replay
from stocktide.entrypoints.cli.sql import sql
from stocktide.entrypoints.cli.terms import terms
from stocktide.entrypoints.cli.trace import trace
from stocktide.foundation.errors import Invalid, StocktideError
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


cli.add_command(broker)
cli.add_command(alerts)
cli.add_command(calendar)
cli.add_command(quality)
cli.add_command(rates)
cli.add_command(check)
cli.add_command(customers)
cli.add_command(demand)
cli.add_command(etl)
cli.add_command(forecast)
cli.add_command(import_)
cli.add_command(locations)
cli.add_command(maintain)
cli.add_command(exports)
cli.add_command(mapping)
cli.add_command(mqtt)
cli.add_command(products)
cli.add_command(rebuild)
cli.add_command(rejects)
cli.add_command(remove)
cli.add_command(replay)
cli.add_command(sql)
cli.add_command(lead_times)
cli.add_command(orders)
cli.add_command(terms)
cli.add_command(overrides)
cli.add_command(trace)
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
