"""Commands of rates between currencies."""

from datetime import datetime
from pathlib import Path

import click

from stocktide.entrypoints.cli.access import as_json, command_line_user
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say

OWNER = "stocktide rates"
SHOWN = ("base", "quote", "day", "rate", "recorded_by")
day_argument = click.argument("day", type=click.DateTime(["%Y-%m-%d"]))


@click.group()
def rates() -> None:
    """Manage what currencies are worth in each other, by day."""


@rates.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
def rates_import(file: Path, as_json: bool) -> None:
    """Record the rates of a CSV, Parquet or NDJSON file: columns base, quote, day, rate."""
    from ingest.rates import put_rates_file

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        done = put_rates_file(connection, file, by=command_line_user())
    if as_json:
        print_json(done._asdict())
        return
    say(f"{done.recorded:,} rates recorded, {done.unchanged:,} known before.")


@rates.command("set")
@click.argument("base")
@click.argument("quote")
@day_argument
@click.argument("rate")
def rates_set(base: str, quote: str, day: datetime, rate: str) -> None:
    """Record that one BASE is worth RATE of QUOTE from DAY (YYYY-MM-DD) on: EUR JPY 2026-11-01 162.5."""
    from ingest.rates import put_rates, rate_of

    said = rate_of(base=base, quote=quote, day=day.date(), rate=rate)
    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        put_rates(connection, [said], by=command_line_user())
    say(f"1 {base} is {rate} {quote} from {day:%Y-%m-%d} on.")


@rates.command("list")
@click.option("--base", help="Only of this currency.")
@click.option("--quote", help="Only in this currency.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@as_json
def rates_list(base: str | None, quote: str | None, limit: int, as_json: bool) -> None:
    """List rates, the newest first, and currencies for which one is missing."""
    from ingest.rates import list_rates, missing_rates

    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        rows = list_rates(connection, base=base, quote=quote, limit=limit)
        missing = missing_rates(connection)
    if as_json:
        print_json({"rates": rows, "missing": missing})
        return
    if rows:
        print_table("Rates", SHOWN, [[str(row[name]) for name in SHOWN] for row in rows])
    else:
        say("No rates yet. Record one: stocktide rates set EUR JPY 2026-11-01 162.5")
    for gap in missing:
        say(
            f"No rate of {gap['base']} in {gap['quote']} for {gap['day']}: the cost of {gap['goods']:,} deliveries is "
            "in no average. Record one: stocktide rates set."
        )


@rates.command("remove")
@click.argument("base")
@click.argument("quote")
@day_argument
def rates_remove(base: str, quote: str, day: datetime) -> None:
    """Take the rate of BASE in QUOTE of DAY back; the one before it holds again."""
    from ingest.rates import remove_rate

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        remove_rate(connection, base, quote, day.date())
    say(f"The rate of {base} in {quote} of {day:%Y-%m-%d} is gone.")
