"""A small chain's paths, made from a seed: 3 locations with 4, 3 and 1 products, 5 days, 30 paths."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting import PathLineage

LEAVES = pd.DataFrame(
    {"location": [*"AAAABBB", "C/1 ü"], "product": ["p", "q", "r", "s", "p", "q", "r", "p"]}
)
DAYS = pd.date_range("2026-01-01", periods=5)
WHOLE = np.array([True, True, False, True, True, False, True, False])
COUNT = 30


def lineage(run: int) -> PathLineage:
    return PathLineage(run, "2025-12-31", 17, "D", 0, len(DAYS))


def drawn(run: int) -> Iterator[NDArray[np.float32]]:
    """Draw whole units for the leaves that sell them, thousandths for the others."""
    rng = np.random.default_rng(run)
    for _ in DAYS:
        milli = rng.integers(0, 90_000, (len(LEAVES), COUNT)) / 1000
        yield np.where(WHOLE[:, None], np.rint(milli), milli).astype(np.float32)
