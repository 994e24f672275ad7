"""A writer in a process of its own, for tests that kill it: python -m tests.forecasting.killed_paths LAKE RUN.

It writes the first of two blocks of a chain's paths, tells so, and waits in the second.
"""

import sys
import time
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

import forecasting.path_files
from forecasting import write_paths
from stocktide.foundation.lake import Lake
from tests.forecasting.stored_paths import DAYS, LEAVES, WHOLE, drawn, lineage


def main(root: str, run: int) -> None:
    forecasting.path_files.NUMBERS_HELD = 1

    def periods() -> Iterator[NDArray[np.float32]]:
        for number, period in enumerate(drawn(run)):
            if number == 2:
                sys.stdout.write("half written\n")
                sys.stdout.flush()
                time.sleep(600)
            yield period

    write_paths(Lake(root), lineage(run), LEAVES, DAYS, periods(), WHOLE)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
