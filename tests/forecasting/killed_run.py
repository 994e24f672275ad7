"""A run in a process of its own, for tests that kill it.

It keeps two steps, then publishes. It tells each step as it begins to make it, and waits forever in the one that
`stop` names.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from forecasting.publishing.checkpoint import Checkpoint
from forecasting.publishing.publish import store_run
from stocktide.foundation.database import create_engine
from stocktide.foundation.runs import recorded_run, single_flight
from tests.forecasting.publications import with_parts

STEPS = ("origin-1", "final")


def main(told: Callable[[str], None], database_url: str, home: str, stop: str) -> None:
    """Run, and tell each step to `told`."""
    engine = create_engine(database_url)
    kept = Checkpoint(Path(home), "one and the same run")

    def tell(step: str) -> None:
        told(step)
        while step == stop:
            time.sleep(0.01)

    with single_flight(engine, "forecast") as free:
        assert free
        with recorded_run(engine, "forecast") as run:
            for number, step in enumerate(STEPS):

                def make(step: str = step, number: int = number) -> dict[str, object]:
                    tell(step)
                    return {"mean": np.full((4, 2), float(number)), "step": step}

                made = kept.load_or_make(step, make)
                assert made["step"] == step
            tell("publish")
            store_run(engine, with_parts(), run_id=run.run_id)
            tell("published")
    kept.finish()
