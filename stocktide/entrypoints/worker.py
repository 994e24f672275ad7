"""The worker: runs jobs from the queue in Postgres, by cron and on request, each in a process of its own."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa
from procrastinate import App, PsycopgConnector
from procrastinate.jobs import Status

from query.exports import is_due
from stocktide.entrypoints.notices import channels_of, night_to_tell
from stocktide.foundation.database import create_engine
from stocktide.foundation.errors import Invalid
from stocktide.foundation.heartbeat import EVERY_S, beat
from stocktide.foundation.jobs import COMMANDS, JOBS, LOCKS, Job
from stocktide.foundation.runs import single_flight
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

# An ETL may run beside a retraining; a job's own lock keeps a second one of its kind waiting.
CONCURRENCY = 2
SHUTDOWN_GRACE_S = 5
# A worker that was killed leaves its job "doing", and the job's lock taken. Workers beat every 10 s.
DEAD_AFTER_S = 30
LOOK_FOR_DEAD_EVERY_S = 15


class JobFailed(Exception):
    """A job's process ended with an error; what was wrong stands in table runs."""


def run_worker(url: str, settings: Settings) -> None:
    """Work until SIGTERM or SIGINT. Raises Invalid if a cron line is not valid."""
    app = make_app(url, settings)

    async def work() -> None:
        async with app.open_async():
            await _free_dead_jobs(app)
            sweeper = asyncio.create_task(_keep_freeing_dead_jobs(app))
            beating = asyncio.create_task(_keep_beating())
            try:
                await app.run_worker_async(
                    concurrency=CONCURRENCY,
                    shutdown_graceful_timeout=SHUTDOWN_GRACE_S,
                    delete_jobs="successful",
                )
            finally:
                sweeper.cancel()
                beating.cancel()

    asyncio.run(work())


def make_app(url: str, settings: Settings) -> App:
    """Build the queue's app: one task a job, each with its cron."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=4))
    crons = crons_of(settings)
    for job in JOBS:
        task = app.task(name=job, lock=LOCKS[job], queueing_lock=job)(_runner(url, job, settings))
        # a replay is asked for, never due
        if job in crons:
            app.periodic(cron=crons[job])(task)
    return app


def crons_of(settings: Settings) -> dict[Job, str]:
    """Return the schedule of each job that has one."""
    return {
        "etl": settings.etl_cron,
        "forecast": settings.forecast_cron,
        "refresh": settings.refresh_cron,
        "drift": settings.drift_cron,
        "quality": settings.quality_cron,
        "maintain": settings.maintain_cron,
        "exports": settings.exports_cron,
        "customer_values": settings.customer_values_cron,
        "lead_times": settings.lead_times_cron,
        "orders": settings.orders_cron,
        "notices": settings.notices_cron,
    }


def check_crons(settings: Settings) -> None:
    """Raise Invalid that names the setting whose cron line is not valid, or by which notices cannot be sent."""
    from croniter import croniter

    for job, line in crons_of(settings).items():
        if not croniter.is_valid(line):
            name = f"STOCKTIDE_{job.upper()}_CRON"
            raise Invalid(
                "cron", f"{name} {line!r} is not a cron line such as */5 * * * *.", setting=name
            )
    channels_of(settings)


def _runner(url: str, job: Job, settings: Settings) -> Callable[[int], None]:
    def run(timestamp: int = 0) -> None:
        """Run the job's command: its memory ends with it, and a crash of it is not a crash of the worker."""
        del (
            timestamp
        )  # the queue passes when a periodic job was due; it is run as soon as a worker is free
        engine = create_engine(url, pool_size=1)
        idle = _is_idle(engine, job, settings)
        with single_flight(engine, LOCKS[job]) as free:
            pass
        engine.dispose()
        if idle:
            return
        if not free:
            log("job_skipped", job=job, why="a run started by hand is under way")
            return
        command = [sys.executable, "-m", "stocktide.entrypoints.cli", *COMMANDS[job], "--json"]
        done = subprocess.run(command, check=False)  # noqa: S603 - our own words
        log("job_finished", job=job, exit_code=done.returncode)
        if done.returncode != 0:
            raise JobFailed(
                f"stocktide {' '.join(COMMANDS[job])} ended with exit code {done.returncode}"
            )

    return run


def _is_idle(engine: sa.Engine, job: Job, settings: Settings) -> bool:
    """Return True for a job that looks often and has nothing to do: a process of its own would cost seconds."""
    now = datetime.now(UTC)
    if job == "exports":
        return not is_due(engine, now)
    if job == "notices":
        return not channels_of(settings) or night_to_tell(engine, settings, now) is None
    return False


async def _free_dead_jobs(app: App) -> None:
    """Fail the jobs of workers whose heartbeat stopped: the next run of their kind may then start."""
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER_S):
        log("job_of_dead_worker", job=job.task_name, job_id=job.id)
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=False)


async def _keep_beating() -> None:
    while True:
        beat()
        await asyncio.sleep(EVERY_S)


async def _keep_freeing_dead_jobs(app: App) -> None:
    while True:
        await asyncio.sleep(LOOK_FOR_DEAD_EVERY_S)
        await _free_dead_jobs(app)
