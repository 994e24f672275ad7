"""Commands of files: import events by a mapping, begin and check a mapping, products and locations from files."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stocktide.entrypoints.cli import shopify
from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, progress, say
from stocktide.foundation.errors import Invalid

if TYPE_CHECKING:
    from ingest.files.tally import Tally

FILE = click.argument("file", type=click.Path(path_type=Path))


@click.command("import")
@click.argument("files", nargs=-1, metavar="FILE…", type=click.Path(path_type=Path))
@click.option(
    "--mapping",
    help="A mapping file, or the name of one we ship (online_retail, m5). Exports of Shopify and Stocky need none.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show how the file is read, the first rows as events, and the counts; record nothing.",
)
@click.option("--timezone", help="Exports: of days and times without an offset. Default UTC.")
@click.option("--online", help="Exports: the location from which online sales leave.")
@click.option(
    "--counted-at",
    type=shopify.MOMENT,
    help="Exports: when the inventory was exported; default: when its file was written.",
)
@click.option("--shop", help="Exports: a name that tells the orders of several shops apart.")
@click.option("--etl/--no-etl", default=True, help="Exports: bring the lake up to date, too.")
@as_json
def import_(
    files: tuple[Path, ...],
    mapping: str | None,
    dry_run: bool,
    timezone: str | None,
    online: str | None,
    counted_at: datetime | None,
    shop: str | None,
    etl: bool,
    as_json: bool,
) -> None:
    """Import events from a CSV, TSV, Parquet or NDJSON file. Run it as often as you like: nothing is recorded twice.

    With a mapping it is one FILE. Exports of Shopify and Stocky are recognised by their headers: any number of files
    and folders, such as `stocktide import shopify exports/`.

    Exit 1 when nothing could be recorded.
    """
    if not files:
        raise click.UsageError("Missing argument 'FILE'.")
    if mapping is not None:
        if len(files) > 1:
            raise click.UsageError("With --mapping give one FILE.")
        _import_mapped(files[0], mapping, dry_run=dry_run, as_json=as_json)
        return
    is_named = files[0] == Path(shopify.NAME) and len(files) > 1
    paths = files[1:] if is_named else files
    if not is_named and not shopify.are_exports(paths):
        raise click.UsageError(
            "Missing option '--mapping': this is no export of Shopify or Stocky, which need none."
        )
    options = shopify.options_of(timezone, online, counted_at, shop)
    if not shopify.import_exports(paths, options, dry_run=dry_run, etl=etl, as_json=as_json):
        _nothing_recorded()


def _nothing_recorded() -> None:
    say("Nothing could be recorded.", error=True)
    sys.exit(1)


def _import_mapped(file: Path, mapping: str, *, dry_run: bool, as_json: bool) -> None:
    from ingest.files.importing import dry_run_file, import_file, open_mapping
    from ingest.recording.recording import Recorder

    settings = load_settings()
    plan = open_mapping(mapping)
    sample: list[dict[str, Any]] = []
    if dry_run:
        sample, tally = dry_run_file(file, plan, settings)
    else:
        with (
            services_for(settings, "stocktide import") as (engine, _),
            progress("importing", "rows") as advance,
        ):
            tally = import_file(file, plan, Recorder(engine, settings), advance)
    title = "Dry run" if dry_run else f"Import of {file.name}"
    if as_json:
        print_json(
            {**({"events": sample} if dry_run else {}), **tally.as_dict(), **tally.findings()}
        )
    else:
        _tell(title, sample, tally)
    if tally.all_rejected:
        _nothing_recorded()


def _tell(title: str, sample: list[dict[str, Any]], tally: "Tally") -> None:
    from ingest.files.dialect import words

    if tally.dialect is not None:
        say(f"Read as: {words(tally.dialect)}")
    for event in sample:
        click.echo(json.dumps(event, ensure_ascii=False))
    print_table(title, ["outcome", "rows"], tally.rows())
    for reason, message in tally.examples.items():
        say(f"{reason}, for example: {message}")
    for warning in tally.warnings:
        say(f"Warning: {warning}")


@click.group()
def mapping() -> None:
    """Begin a mapping from a file, and check one."""


@mapping.command("new")
@FILE
@click.option("--encoding", help="Of the file where it is not UTF-8, such as cp1252.")
@click.option("--delimiter", help="Of the file where it is not found.")
def mapping_new(file: Path, encoding: str | None, delimiter: str | None) -> None:
    """Print a first mapping for FILE, with the roles of its columns guessed for you to confirm.

    Save it: stocktide mapping new sales.csv > sales.toml
    """
    from ingest.files.dialect import FileOptions, option_faults
    from ingest.files.mapping_draft import draft_mapping

    options = FileOptions(encoding=encoding, delimiter=delimiter)
    for fault in option_faults(options):
        raise Invalid("usage", f"--{fault}")
    click.echo(draft_mapping(file, options), nl=False)


@mapping.command("check")
@click.argument("mapping")
@click.argument("file", required=False, type=click.Path(path_type=Path))
def mapping_check(mapping: str, file: Path | None) -> None:
    """Check a MAPPING by itself, or with FILE as its dry run does. Exit 1 when a row would be rejected."""
    from ingest.files.importing import dry_run_file, open_mapping
    from ingest.files.mapping_check import check_expressions

    plan = open_mapping(mapping)
    check_expressions(plan)
    if file is None:
        say(f"{mapping}: sound. Check it with a file: stocktide mapping check {mapping} FILE")
        return
    sample, tally = dry_run_file(file, plan, load_settings())
    _tell(f"{mapping} on {file.name}", sample, tally)
    if tally.rejected:
        sys.exit(1)


@click.command()
@FILE
def products(file: Path) -> None:
    """Create or change products from a CSV, TSV, Parquet or NDJSON file: a column a field, sku needed."""
    from ingest.files.dimension_files import put_products_file

    with (
        services_for(load_settings(), "stocktide products") as (engine, _),
        engine.begin() as connection,
    ):
        count = put_products_file(connection, file)
    say(f"{count:,} products created or changed.")


@click.command()
@FILE
def locations(file: Path) -> None:
    """Create or change locations from a CSV, TSV, Parquet or NDJSON file: a column a field, code needed."""
    from ingest.files.dimension_files import put_locations_file

    with (
        services_for(load_settings(), "stocktide locations") as (engine, _),
        engine.begin() as connection,
    ):
        count = put_locations_file(connection, file)
    say(f"{count:,} locations created or changed.")
