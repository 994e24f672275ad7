"""Command `sql`: ask the lake and the live rows in SQL."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from stocktide.entrypoints.cli.access import command_line_user
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.errors import Invalid

if TYPE_CHECKING:
    from query import Result
    from query.formats import Format

OWNER = "stocktide sql"


@click.command("sql")
@click.argument("statement", required=False)
@click.option("--metric", help="Compute a named metric instead of a statement of your own.")
@click.option("--saved", help="Run a saved query, by its name or number.")
@click.option("--param", "-p", multiple=True, metavar="NAME=VALUE", help="Value of $NAME; repeat.")
@click.option(
    "--as-of",
    default="",
    metavar="MOMENT",
    help="Read the lake as it was: a day (its end, UTC) or an instant. Rows recorded since are not read.",
)
@click.option("--json", "form", flag_value="json", help="Print one JSON document.")
@click.option("--csv", "form", flag_value="csv", help="Print all rows as CSV.")
@click.option(
    "--parquet",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write all rows to this file.",
)
@click.option("--list", "list_", is_flag=True, help="List tables with their columns, and metrics.")
def sql(
    statement: str | None,
    metric: str | None,
    saved: str | None,
    param: tuple[str, ...],
    as_of: str,
    form: str | None,
    parquet: Path | None,
    list_: bool,
) -> None:
    """Run STATEMENT, one SELECT over the lake and what was recorded a second ago. It cannot change anything."""
    if list_:
        _list(as_json=form == "json")
        return
    _choose_one(statement, metric, saved)
    complete = parquet is not None or form == "csv"
    settings = load_settings()
    with services_for(settings, OWNER) as (engine, _):
        from query import Console
        from query.report_past import moment_of

        given: dict[str, Any] = _parameters(param)
        text, values = str(statement), given
        if metric is not None:
            text = _metric(metric)
        elif saved is not None:
            text, values = _saved(engine, saved, given)
        console = Console(engine, settings)
        try:
            result = console.ask(
                text,
                values,
                asked_by=command_line_user(),
                complete=complete,
                as_of=moment_of(as_of),
            )
        finally:
            console.close()
    with result.spool:
        _show(result, form, parquet)


def _choose_one(*given: str | None) -> None:
    """Raise Invalid unless one way is given to say what to run."""
    if sum(one is not None for one in given) != 1:
        raise Invalid(
            "sql",
            "Give a statement, --metric NAME or --saved NAME; `stocktide sql --list` shows tables and metrics.",
        )


def _metric(name: str) -> str:
    from query.metrics import metric

    return metric(name).text


def _saved(engine: Any, name: str, given: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Return the statement of a saved query, own or shared, and the values of its parameters."""
    from query.saved import find, find_named, values_for

    user = command_line_user()
    with engine.connect() as connection:
        found = (
            find(connection, user, int(name))
            if name.isdecimal()
            else find_named(connection, user, name)
        )
    return str(found["statement"]), values_for(found["parameters"], given)


def _parameters(given: tuple[str, ...]) -> dict[str, str]:
    """Return parameters by name. Raises Invalid."""
    parted = [one.partition("=") for one in given]
    for name, equals, _value in parted:
        if not equals or not name.isidentifier():
            raise Invalid(
                "param", f"--param {name!r}: write NAME=VALUE, for $NAME in the statement."
            )
    return {name: value for name, _equals, value in parted}


def _show(result: "Result", form: str | None, parquet: Path | None) -> None:
    if parquet is not None:
        with parquet.open("wb") as file:
            _copy(result, "parquet", file)
        say(f"{result.rows:,} rows in {parquet}.")
        _say_past(result.said)
    elif form is not None:
        _copy(result, "csv" if form == "csv" else "json", sys.stdout.buffer)
    else:
        _table(result)
        _say_past(result.said)


def _copy(result: "Result", form: "Format", file: BinaryIO) -> None:
    from query.formats import written

    with written(result, form) as source:
        shutil.copyfileobj(source, file)
    if form == "json":
        file.write(b"\n")


def _table(result: "Result") -> None:
    table = result.reader().read_all()
    columns = [column.to_pylist() for column in table.columns]
    print_table("", table.column_names, [list(row) for row in zip(*columns, strict=True)])
    if result.found is None:
        say(
            f"The first {result.rows:,} rows; there are more than could be counted. All: --csv, --parquet."
        )
    elif result.cut:
        say(f"{result.rows:,} of {result.found:,} rows. All of them: --csv or --parquet FILE.")
    else:
        say(f"{result.rows:,} rows in {result.seconds:.2f} s.")


def _say_past(said: dict[str, Any]) -> None:
    if "past" in said:
        say(
            f"Over the lake as run {said['run_id']} left it at {said['past']}; what was recorded since is not in it."
        )


def _list(*, as_json: bool) -> None:
    from query import all_views
    from query.metrics import all_metrics

    if as_json:
        tables: list[dict[str, Any]] = [
            {"name": view.name, "description": view.description, "columns": view.columns}
            for view in all_views()
        ]
        metrics = [{"name": one.name, "definition": one.definition} for one in all_metrics()]
        print_json({"tables": tables, "metrics": metrics})
        return
    for view in all_views():
        print_table(
            f"{view.name}: {view.description}", ["column", "what it is"], [*view.columns.items()]
        )
    print_table(
        "Metrics", ["metric", "definition"], [[one.name, one.definition] for one in all_metrics()]
    )
