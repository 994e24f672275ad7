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
@click.option("--param", "-p", multiple=True, metavar="NAME=VALUE", help="Value of $NAME; repeat.")
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
    param: tuple[str, ...],
    form: str | None,
    parquet: Path | None,
    list_: bool,
) -> None:
    """Run STATEMENT, one SELECT over the lake and what was recorded a second ago. It cannot change anything."""
    if list_:
        _list(as_json=form == "json")
        return
    text = _chosen(statement, metric)
    complete = parquet is not None or form == "csv"
    settings = load_settings()
    with services_for(settings, OWNER) as (engine, _):
        from query import Console

        console = Console(engine, settings)
        try:
            result = console.ask(
                text, _parameters(param), asked_by=command_line_user(), complete=complete
            )
        finally:
            console.close()
    with result.spool:
        _show(result, form, parquet)


def _chosen(statement: str | None, metric: str | None) -> str:
    if (statement is None) == (metric is None):
        raise Invalid(
            "sql", "Give a statement or --metric NAME; `stocktide sql --list` shows both."
        )
    if metric is None:
        return str(statement)
    from query.metrics import metric as find

    return find(metric).text


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
    elif form is not None:
        _copy(result, "csv" if form == "csv" else "json", sys.stdout.buffer)
    else:
        _table(result)


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
