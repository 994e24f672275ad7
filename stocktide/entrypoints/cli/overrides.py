"""Commands of overrides: from and to files, what is in force, and what they were worth."""

from pathlib import Path
from typing import Any

import click

from stocktide.domain.exact_numbers import in_full
from stocktide.entrypoints.cli.access import as_json, command_line_user
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.entrypoints.cli.versions import ROWS_MAX, said_of, shown

OWNER = "stocktide overrides"
VALUE = ("by", "name", "overrides", "periods", "came", "error_before", "error_after", "gain")


@click.group()
def overrides() -> None:
    """Manage overrides: what planners change of the forecast."""


@overrides.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def overrides_import(file: Path, as_json: bool) -> None:
    """Record the overrides of a CSV, Parquet or NDJSON file, and adjust the forecast; as often as you like."""
    from ingest.overrides import KIND, put_rows_file
    from stocktide.entrypoints.overriding import adjust_and_warn

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        done = put_rows_file(connection, KIND, file, by=command_line_user())
        done = done._replace(warnings=[*done.warnings, *adjust_and_warn(connection)])
    if as_json:
        print_json(done.answer())
    else:
        say(said_of("overrides", done))


@overrides.command("list")
@click.option("--history", is_flag=True, help="Also what was changed or withdrawn.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the CSV that `import` reads.")
@as_json
def overrides_list(history: bool, as_csv: bool, as_json: bool) -> None:
    """List overrides in the order in which they apply."""
    from ingest.overrides import KIND, list_rows, rows_csv

    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        listed = list_rows(connection, KIND, history=history, limit=ROWS_MAX)
    if as_csv:
        click.echo(rows_csv(KIND, listed), nl=False)
    elif as_json:
        print_json(listed)
    else:
        columns = ["id", "for", "change", "from", "to", "reason", "expires_on", "recorded_by"]
        columns += ["withdrawn_at"] if history else []
        told = [
            {**row, "for": _scope(row), "change": f"{row['change']} {in_full(row['value'])}"}
            for row in listed
        ]
        print_table("Overrides", columns, [[shown(row[name]) for name in columns] for row in told])


def _scope(row: dict[str, Any]) -> str:
    """Return what an override is for in words."""
    from ingest.overrides.shapes import SCOPE

    return " ".join(f"{key} {row[key]}" for key in SCOPE if row[key] is not None) or "everything"


@overrides.command("withdraw")
@click.argument("override")
def overrides_withdraw(override: str) -> None:
    """Withdraw an OVERRIDE by its id, and adjust the forecast."""
    from ingest.overrides import KIND, withdraw_row
    from stocktide.entrypoints.overriding import adjust_forecast

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        withdraw_row(connection, KIND, override, by=command_line_user())
        adjust_forecast(connection)
    say(f"{override} is withdrawn.")


@overrides.command("value")
@as_json
def overrides_value(as_json: bool) -> None:
    """Print what overrides were worth, by planner, reason and level: the forecast's error before them and with them."""
    from catalog.overrides import override_values

    with services_for(load_settings(), OWNER) as (engine, _):
        found = override_values(engine)
    rows = found.astype(object).where(found.notna(), None).to_dict("records")
    if as_json:
        print_json(rows)
        return
    groups = [row for row in rows if row["by"] != "override"]
    print_table(
        "Forecast value added", [*VALUE], [[shown(row[name]) for name in VALUE] for row in groups]
    )
