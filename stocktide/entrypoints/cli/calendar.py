"""Commands of what is known ahead: plans from and to files, and what is planned."""

from datetime import date
from pathlib import Path

import click

from stocktide.entrypoints.cli.access import as_json, command_line_user
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.entrypoints.cli.versions import ROWS_MAX, said_of, shown
from stocktide.foundation.errors import Invalid

OWNER = "stocktide calendar"


@click.group()
def calendar() -> None:
    """Manage what is known ahead: events, prices, promotions, closures, regressors."""


@calendar.command("import")
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def calendar_import(kind: str, file: Path, as_json: bool) -> None:
    """Record the plans of a KIND from a CSV, Parquet or NDJSON file. Run it again as often as you like."""
    from ingest.calendar import put_plans_file

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        done = put_plans_file(connection, kind, file, by=command_line_user())
    if as_json:
        print_json(done.answer())
        return
    say(said_of(kind, done))


@calendar.command("list")
@click.argument("kind")
@click.option("--since", help="Only plans that end on this day or later, such as 2027-03-01.")
@click.option("--until", help="Only plans that begin by this day.")
@click.option("--history", is_flag=True, help="Also what was changed or withdrawn.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the CSV that `import` reads.")
@as_json
def calendar_list(
    kind: str, since: str | None, until: str | None, history: bool, as_csv: bool, as_json: bool
) -> None:
    """List the plans of a KIND that are in force."""
    from ingest.calendar import KINDS, Wanted, list_plans, plans_csv

    wanted = Wanted(since=_day(since, "--since"), until=_day(until, "--until"), history=history)
    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        listed = list_plans(connection, kind, wanted, limit=ROWS_MAX)
    if as_csv:
        click.echo(plans_csv(kind, listed), nl=False)
    elif as_json:
        print_json(listed)
    else:
        columns = [name for name in KINDS[kind].fields if name != "known_since"]
        columns += ["recorded_by", *(["withdrawn_at"] if history else [])]
        print_table(
            kind.capitalize(),
            columns,
            [[shown(plan[name]) for name in columns] for plan in listed],
        )


@calendar.command("withdraw")
@click.argument("kind")
@click.argument("plan")
def calendar_withdraw(kind: str, plan: str) -> None:
    """Withdraw the PLAN of a KIND, by its id. Backtests of the days before still know it."""
    from ingest.calendar import withdraw_plan

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        withdraw_plan(connection, kind, plan, by=command_line_user())
    say(f"{plan} is withdrawn.")


def _day(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("bad_option", f"{option} {text!r}: give a date such as 2027-03-01.") from None
