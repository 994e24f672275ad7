"""The command of maintenance: what may go goes, and the lake is kept in shape."""

from dataclasses import asdict
from functools import partial
from typing import Any

import click

from stocktide.entrypoints.cli.access import as_json
from stocktide.entrypoints.cli.context import load_settings, services_for
from stocktide.entrypoints.cli.output import print_json, say


@click.command()
@as_json
def maintain(as_json: bool) -> None:
    """Delete what is older than the settings keep, merge the lake's small files. The worker does it every night."""
    from etl.maintenance import Tidied, tidy_lake
    from forecasting.customer_values import forget_erased
    from forecasting.publishing.experiment import TrackingStore
    from forecasting.publishing.experiments_kept import prune_experiments
    from ingest.customers.erasure import purge_erased
    from query.exports import remove_orphans
    from stocktide.entrypoints.overriding import adjust_again
    from stocktide.foundation.lake import Lake
    from stocktide.foundation.retention import delete_aged, shorten_logs
    from stocktide.foundation.runs import recorded_run
    from stocktide.foundation.steps import Steps

    settings = load_settings()

    def tell(line: str) -> None:
        if not as_json:
            say(line)

    done: dict[str, Any] = {}
    with (
        services_for(settings, "stocktide maintain") as (engine, _),
        recorded_run(engine, "maintain") as run,
    ):
        steps = Steps()
        done["rows"] = delete_aged(engine, settings, tell, steps)
        logs, lake = settings.home / "logs", Lake(settings.lake_root)

        def purge() -> int:
            # first, for a customer is purged once nothing is left
            forget_erased(engine, lake)
            return purge_erased(engine, tell)

        done["customers"] = steps.do("customers", purge, int)
        shorten = partial(shorten_logs, logs, settings.log_bytes_max, tell)
        done["logs"] = steps.do("logs", shorten, dict)
        tidy = partial(tidy_lake, engine, lake, history_days=settings.lake_history_days, say=tell)
        tidied = steps.do("lake", tidy, dict[str, Tidied])
        done["lake"] = {name: asdict(table) for name, table in tidied.items()}
        store, kept = TrackingStore.of(settings), settings.experiments_kept
        prune = partial(prune_experiments, store, engine, kept=kept)
        done["experiments"] = steps.do("experiments", prune, int)
        orphans = partial(remove_orphans, engine, settings.home)
        done["exports"] = steps.do("exports", orphans, int)
        # those that expired yesterday count no more
        done["overridden"] = steps.do("overrides", partial(adjust_again, engine), int)
        run.detail.update(done)
        steps.end()
    if as_json:
        print_json(done)
        return
    say(
        f"Done: {sum(done['rows'].values()):,} rows and {done['experiments']:,} experiments deleted."
    )
