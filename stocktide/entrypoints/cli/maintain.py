"""The command of maintenance: what may go goes, and the lake is kept in shape."""

from dataclasses import asdict
from typing import Any

import click

from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, say


@click.command()
@as_json
def maintain(as_json: bool) -> None:
    """Delete what is older than the settings keep, merge the lake's small files. The worker does it every night."""
    from etl.maintenance import tidy_lake
    from forecasting.publishing.experiment import TrackingStore
    from forecasting.publishing.experiments_kept import prune_experiments
    from stocktide.foundation.lake import Lake
    from stocktide.foundation.retention import delete_aged, shorten_logs
    from stocktide.foundation.runs import recorded_run

    settings = load_settings()

    def tell(line: str) -> None:
        if not as_json:
            say(line)

    done: dict[str, Any] = {}
    with (
        services_for(settings, "stocktide maintain") as (engine, _),
        recorded_run(engine, "maintain") as run,
    ):
        done["rows"] = delete_aged(engine, settings, tell)
        done["logs"] = shorten_logs(settings.home / "logs", settings.log_bytes_max, tell)
        lake = Lake(settings.lake_root)
        tidied = tidy_lake(engine, lake, history_days=settings.lake_history_days, say=tell)
        done["lake"] = {name: asdict(table) for name, table in tidied.items()}
        store = TrackingStore.of(settings)
        done["experiments"] = prune_experiments(store, engine, kept=settings.experiments_kept)
        run.detail.update(done)
    if as_json:
        print_json(done)
        return
    say(
        f"Done: {sum(done['rows'].values()):,} rows and {done['experiments']:,} experiments deleted."
    )
