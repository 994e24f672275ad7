"""A real retraining in a process of its own, for tests that kill it.

It tells each step as it begins, and waits forever in step number `stop` (from 0; -1: in none).
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from forecasting import ForecastSpec, run_forecast
from stocktide.foundation.database import create_engine
from stocktide.foundation.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = ForecastSpec(
    levels=((), ("location",), ("location", "product")),
    horizon_days=7,
    candidates=("WLSS additive", "seasonal_naive"),
    backtest_origins=1,
)


def main(told: Callable[[str], None], database_url: str, lake: str, home: str, stop: int) -> None:
    """Retrain, and tell each step to `told`."""
    begun = 0

    def tell(step: str) -> None:
        nonlocal begun
        told(step)
        while begun == stop:
            time.sleep(0.01)
        begun += 1

    run_forecast(
        create_engine(database_url), Lake(lake), SPEC, now=NOW, progress=tell, home=Path(home)
    )
