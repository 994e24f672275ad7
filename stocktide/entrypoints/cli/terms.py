"""Commands of the terms of buying: from and to files, and what is in force."""

from pathlib import Path

import click

from stocktide.entrypoints.cli.access import as_json, command_line_user
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.entrypoints.cli.versions import ROWS_MAX, said_of, shown

OWNER = "stocktide terms"


@click.group()
def terms() -> None:
    """Manage the terms of buying: suppliers, what they sell, targets, costs, limits, budgets."""


@terms.command("import")
@click.argument("kind")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def terms_import(kind: str, file: Path, as_json: bool) -> None:
    """Record the terms of a KIND from a CSV, Parquet or NDJSON file. Run it again as often as you like."""
    from ingest.terms import kind_of, put_rows_file

    of = kind_of(kind)
    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        done = put_rows_file(connection, of, file, by=command_line_user())
    if as_json:
        print_json(done.answer())
    else:
        say(said_of(kind, done))


@terms.command("list")
@click.argument("kind")
@click.option("--history", is_flag=True, help="Also what was changed or withdrawn.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the CSV that `import` reads.")
@as_json
def terms_list(kind: str, history: bool, as_csv: bool, as_json: bool) -> None:
    """List the terms of a KIND that are in force."""
    from ingest.terms import kind_of, list_rows, rows_csv

    of = kind_of(kind)
    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        listed = list_rows(connection, of, history=history, limit=ROWS_MAX)
    if as_csv:
        click.echo(rows_csv(of, listed), nl=False)
    elif as_json:
        print_json(listed)
    else:
        columns = ["id", *(name for name in of.fields if name != "known_since"), "recorded_by"]
        columns += ["withdrawn_at"] if history else []
        rows = [[shown(row[name]) for name in columns] for row in listed]
        print_table(kind.replace("-", " ").capitalize(), columns, rows)


@terms.command("withdraw")
@click.argument("kind")
@click.argument("term")
def terms_withdraw(kind: str, term: str) -> None:
    """Withdraw the TERM of a KIND, by its id. What was decided before still knows it."""
    from ingest.terms import kind_of, withdraw_row

    of = kind_of(kind)
    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        withdraw_row(connection, of, term, by=command_line_user())
    say(f"{term} is withdrawn.")
