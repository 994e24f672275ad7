"""The frame of forecasts and refreshes: one at a time, recorded in table runs, and each step shown as it begins."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from forecasting.forecast_finish import Progress, silent
from stocktide.foundation.errors import Conflict
from stocktide.foundation.runs import Run, note_progress, recorded_run, single_flight
from stocktide.foundation.telemetry import log

# A step is shown as it begins: the last one is not yet over.
SHARE_MAX = 0.99


@dataclass
class RunProgress:
    """Reports each step to the caller and to the pages, with the share of the steps that are done."""

    engine: sa.Engine
    run: Run
    progress: Progress
    steps: int
    done: int = 0

    def __call__(self, step: str) -> None:
        """Report that a step begins."""
        note_progress(self.engine, self.run, step, min(self.done / self.steps, SHARE_MAX))
        self.done += 1
        self.progress(step)


@contextmanager
def recorded_alone(
    engine: sa.Engine, job: Literal["forecast", "refresh"], progress: Progress | None, *, steps: int
) -> Iterator[RunProgress]:
    """Record a run while no other forecast or refresh runs; log its detail at the end.

    progress: called with each step (None: not called). steps: how many there are. Raises Conflict (`forecast_running`).
    """
    with single_flight(engine, "forecast") as free:
        if not free:
            raise Conflict(
                "forecast_running",
                "A forecast run is under way; wait for it, or see `stocktide status`.",
            )
        with recorded_run(engine, job) as run:
            yield RunProgress(engine, run, progress or silent, steps)
    log(f"{job}_finished", **run.detail)
