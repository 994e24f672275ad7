"""Commands about demand: days that are beyond a pair's own history, and what somebody says of them."""

from datetime import datetime

import click

from stocktide.entrypoints.cli.access import as_json, command_line_user
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say

OWNER = "stocktide demand"
SHOWN = ("day", "product", "location", "sold", "usual", "state", "decided_by", "reason")
day_argument = click.argument("day", type=click.DateTime(["%Y-%m-%d"]))
reason_option = click.option("--reason", required=True, help="Reason, saved with the decision.")


@click.group()
def demand() -> None:
    """Look at days of unusual demand, and say whether they are true."""


@demand.command("unusual")
@click.option("--state", type=click.Choice(["open", "confirmed", "excluded"]), help="Only these.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 10_000))
@as_json
def demand_unusual(state: str | None, limit: int, as_json: bool) -> None:
    """List days that sold far more than their product ever did there. Open ones are held out of training."""
    from catalog.unusual_days import list_unusual_days

    with services_for(load_settings(), OWNER) as (engine, _):
        rows, found = list_unusual_days(engine, state=state, limit=limit)
    if as_json:
        print_json({"days": rows, "found": found})
        return
    if not rows:
        say("No day is flagged as unusual.")
        return
    print_table("Days of unusual demand", SHOWN, [[row[name] for name in SHOWN] for row in rows])
    say(f"{len(rows):,} of {found:,}. Say what they are: stocktide demand confirm, or exclude.")


@demand.command("confirm")
@click.argument("product")
@click.argument("location")
@day_argument
@reason_option
def demand_confirm(product: str, location: str, day: datetime, reason: str) -> None:
    """Confirm that the demand of DAY (YYYY-MM-DD) is true: the next forecast learns from it."""
    _decide(product, location, day, "confirmed", reason)


@demand.command("exclude")
@click.argument("product")
@click.argument("location")
@day_argument
@reason_option
def demand_exclude(product: str, location: str, day: datetime, reason: str) -> None:
    """Exclude the demand of DAY (YYYY-MM-DD): it is an error, and no forecast learns from it."""
    _decide(product, location, day, "excluded", reason)


def _decide(product: str, location: str, day: datetime, decision: str, reason: str) -> None:
    from etl.unusual_days import decide_unusual_day

    with services_for(load_settings(), OWNER) as (engine, _), engine.begin() as connection:
        decide_unusual_day(
            connection,
            product,
            location,
            day.date(),
            "confirmed" if decision == "confirmed" else "excluded",
            by=command_line_user(),
            reason=reason,
        )
    say(f"{day:%Y-%m-%d} of {product} at {location} is {decision}. The next forecast takes it so.")
