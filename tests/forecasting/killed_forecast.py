"""A real retraining in a process of its own, for tests that kill it: … killed_forecast URL LAKE HOME STOP.

It tells each step as it begins, and waits for ever in step number STOP (from 0; -1: in none).
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from forecasting import ForecastSpec, run_forecast
from stocktide.database import create_engine
from stocktide.lake import Lake

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = ForecastSpec(
    levels=((), ("location",), ("location", "product")),
    horizon_days=7,
    candidates=("WLSS additive", "seasonal_naive"),
    backtest_origins=1,
)


def main(database_url: str, lake: str, home: str, stop: str) -> None:
    told = 0

    def tell(step: str) -> None:
        nonlocal told
        sys.stdout.write(f"{step}\n")
        sys.stdout.flush()
        while told == int(stop):
            time.sleep(0.01)
        told += 1

    run_forecast(
        create_engine(database_url), Lake(lake), SPEC, now=NOW, progress=tell, home=Path(home)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
