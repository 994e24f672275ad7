"""The job queue in Postgres (procrastinate): how work is asked for. The worker's entry point runs it."""

from typing import Literal, get_args

import sqlalchemy as sa
from procrastinate import App, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued

from stocktide.foundation.errors import NotFound

Job = Literal[
    "etl",
    "forecast",
    "refresh",
    "drift",
    "quality",
    "maintain",
    "exports",
    "customer_values",
    "lead_times",
    "orders",
    "replay",
    "notices",
]
JOBS: tuple[Job, ...] = get_args(Job)
# What the worker runs for a job, behind `stocktide`.
COMMANDS: dict[Job, tuple[str, ...]] = {
    "etl": ("etl",),
    "forecast": ("forecast",),
    "refresh": ("forecast", "refresh"),
    "drift": ("forecast", "drift"),
    "quality": ("quality",),
    "maintain": ("maintain",),
    "exports": ("exports",),
    "customer_values": ("customers", "values"),
    "lead_times": ("lead-times", "learn"),
    "orders": ("orders", "propose"),
    "replay": ("replay",),
    "notices": ("orders", "notify"),
}

# A job runs under its own lock, but for one that must not run beside another: a refresh is a forecast, too.
LOCKS: dict[Job, str] = {
    "etl": "etl",
    "forecast": "forecast",
    "refresh": "forecast",
    "drift": "drift",
    "quality": "quality",
    "maintain": "maintain",
    "exports": "exports",
    "customer_values": "customer_values",
    "lead_times": "lead_times",
    "orders": "orders",
    "replay": "replay",
    "notices": "notices",
}


def defer_job(engine: sa.Engine, job: str) -> bool:
    """Queue a job unless one of its kind waits already; returns whether it was queued. Raises NotFound."""
    found = next((one for one in JOBS if one == job), None)
    if found is None:
        raise NotFound("unknown_job", f"There is no job {job!r}; there are {', '.join(JOBS)}.")
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with App(connector=SyncPsycopgConnector(conninfo=url)).open() as queue:
        try:
            queue.configure_task(found, lock=LOCKS[found], queueing_lock=found).defer()
        except AlreadyEnqueued:
            return False
    return True
