"""Commands of lead times: learn them, and list what was learnt."""

from datetime import UTC, datetime

import click

from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.entrypoints.cli.versions import ROWS_MAX

OWNER = "stocktide lead-times"


@click.group("lead-times")
def lead_times() -> None:
    """Learn how long suppliers take from order to receipt, and list it."""


@lead_times.command("learn")
@as_json
def lead_times_learn(as_json: bool) -> None:
    """Learn the lead times of all that was ordered. The worker does it every night."""
    from purchasing.lead_times import JOB, learn_and_keep
    from stocktide.foundation.lake import Lake
    from stocktide.foundation.runs import recorded_run

    settings = load_settings()
    with services_for(settings, OWNER) as (engine, _), recorded_run(engine, JOB) as run:
        done = learn_and_keep(engine, Lake(settings.lake_root), today=datetime.now(UTC).date())
        run.detail.update(done)
    if as_json:
        print_json(done)
    elif done["pairs"]:
        say(f"{done['pairs']:,} lead times learnt from {done['lines']:,.0f} order lines.")
    else:
        say(f"Nothing was learnt: {done['why']}.")


@lead_times.command("list")
@click.option("--supplier", help="Only of this supplier.")
@click.option("--product", help="Only of this product.")
@as_json
def lead_times_list(supplier: str | None, product: str | None, as_json: bool) -> None:
    """List lead times in days, by supplier and product."""
    from purchasing.lead_times import list_lead_times

    with services_for(load_settings(), OWNER) as (engine, _), engine.connect() as connection:
        rows = list_lead_times(connection, supplier=supplier, product=product, limit=ROWS_MAX)
    if as_json:
        print_json(rows)
        return
    columns = ["supplier", "product", "lines", "open_lines", "mean_days", "p10", "p50", "p90"]
    shown = [[_rounded(row[name]) for name in columns] for row in rows]
    print_table("Lead times, days from order to receipt", columns, shown)


def _rounded(value: float | str | None) -> float | str | None:
    return round(value, 1) if isinstance(value, float) else value
