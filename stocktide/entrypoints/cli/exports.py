"""Command `exports`: write the files of saved queries that are due."""

from datetime import UTC, datetime

import click

from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, say


@click.command()
@as_json
def exports(as_json: bool) -> None:
    """Write the exports of saved queries that are due, under HOME/exports. The worker does it by their schedules."""
    from query import Console
    from query.exports import export_due
    from stocktide.foundation.runs import recorded_run, single_flight

    settings = load_settings()
    with (
        services_for(settings, "stocktide exports") as (engine, _),
        single_flight(engine, "exports") as free,
    ):
        if not free:
            say("Exports are being written already.")
            return
        console = Console(engine, settings)
        try:
            with recorded_run(engine, "exports") as run:
                done = export_due(
                    console, datetime.now(UTC), (lambda _line: None) if as_json else say
                )
                run.detail.update(done)
        finally:
            console.close()
    if as_json:
        print_json(done)
    else:
        say(f"{done['written']:,} files written, {done['failed']:,} failed.")
