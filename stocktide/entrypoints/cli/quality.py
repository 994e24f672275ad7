"""The command that checks the quality of what came in."""

import click

from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, print_table, say
from stocktide.foundation.lake import Lake


@click.command()
@as_json
def quality(as_json: bool) -> None:
    """Check the newest days of the lake by the rules of quality, and keep what was found for the page Quality."""
    from etl.quality import check_quality
    from stocktide.foundation.runs import recorded_run

    settings = load_settings()
    with (
        services_for(settings, "stocktide quality") as (engine, _),
        recorded_run(engine, "quality") as run,
    ):
        found = check_quality(engine, Lake(settings.lake_root))
        run.detail.update({one.rule: one.failed for one in found})
    if as_json:
        print_json({"rules": [vars(one) for one in found]})
        return
    if not found:
        say("Nothing to check: no day is loaded yet. Run `stocktide etl`.")
        return
    rows = [[one.rule, one.severity, one.failed, one.rows, one.what] for one in found]
    print_table("Quality", ["rule", "severity", "fail", "of", "what fails"], rows)
