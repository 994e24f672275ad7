"""The job queue in Postgres (procrastinate): how work is asked for. The worker's entry point runs it."""

from typing import Literal, get_args

import sqlalchemy as sa
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from stocktide.errors import NotFound

Job = Literal["etl", "forecast", "drift"]
JOBS: tuple[Job, ...] = get_args(Job)
# What the worker runs for a job, behind `stocktide`.
COMMANDS: dict[Job, tuple[str, ...]] = {
    "etl": ("etl",),
    "forecast": ("forecast",),
    "drift": ("forecast", "drift"),
}


def defer_job(engine: sa.Engine, job: str) -> bool:
    """Queue a job, unless one of its kind waits already; tells whether it was queued. Raises NotFound."""
    if job not in JOBS:
        raise NotFound("unknown_job", f"There is no job {job!r}; there are {', '.join(JOBS)}.")
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with App(connector=SyncPsycopgConnector(conninfo=url)).open() as queue:
        try:
            queue.configure_task(job, lock=job, queueing_lock=job).defer()
        except AlreadyEnqueued:
            return False
    return True
