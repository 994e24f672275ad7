"""A million lines with 200 joint paths of 28 days: from the file of paths to whole packs within a budget.

Paths are drawn from a seed and written first, untimed: Poisson demand with a random level, whole units in 16 bits,
day by day, as forecasts are drawn. Timed are reading, orders, and the budget. `--lines N` for fewer; `--folder DIR`
for the file.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
from numpy.typing import NDArray

from benchmarks._claims import at_most, figure
from replenishment import (
    LeadTimes,
    Lines,
    Policy,
    Proposal,
    fixed_lead_times,
    lead_times_of,
    make_lines,
    make_policy,
    propose_orders,
    within_budget,
)

LINES, PATHS, DAYS = 1_000_000, 200, 28
SECONDS_MAX, MEMORY_GB_MAX = 60, 8
REVIEW_DAYS, SERVICE = 7, 0.95
# Distinct futures that lines are dealt from: drawing all of them would take longer than the benchmark.
DRAWN = 4_000


def main() -> None:
    """Write the paths, then order, and print the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        file = Path(folder) / "paths.int16"
        mean = write_paths(file, given.lines)
        lines = draw_lines(mean)
        print(f"{given.lines} lines, {file.stat().st_size / 1e9:.1f} GB of paths")
        policy = make_policy("order_up_to", given.lines, review=REVIEW_DAYS, cycle_service=SERVICE)
        # each line has its own, of nine
        known = fixed_lead_times(np.random.default_rng(2).integers(2, 11, given.lines))
        before = time.process_time()
        seconds = order(file, lines, known, policy)
        at_most("million_lines_seconds", seconds, SECONDS_MAX)
        # what it takes of cores, however many others there are
        figure("million_lines_cpu_seconds", time.process_time() - before)
        at_most("million_lines_gb", peak_gb(), MEMORY_GB_MAX)
        random = lead_times_of([0, 0, 0, 0, *[1 / 7] * 7])
        figure("million_lines_random_lead_seconds", order(file, lines, random, policy))
        by_cost = make_policy("least_cost", given.lines, review=REVIEW_DAYS)
        figure("million_lines_least_cost_seconds", order(file, lines, known, by_cost))
    figure("peak_gb", peak_gb())


def write_paths(file: Path, n: int) -> NDArray[np.float64]:
    """Write paths (DAYS, n, PATHS), 16 bits a number, and return each line's mean a day: (n,)."""
    rng = np.random.default_rng(0)
    mean = rng.lognormal(-0.3, 1.2, DRAWN)
    level = rng.gamma(8, 1 / 8, (DRAWN, PATHS, 1))
    drawn = rng.poisson(mean[:, None, None] * level * np.ones(DAYS)).astype(np.int16)
    line = rng.integers(0, DRAWN, n)
    with file.open("wb") as out:
        for day in range(DAYS):
            of_day = np.ascontiguousarray(drawn[:, :, day])
            for start in range(0, n, 100_000):
                out.write(of_day[line[start : start + 100_000]].tobytes())
    return np.asarray(mean[line])


def draw_lines(mean: NDArray[np.float64]) -> Lines:
    """Draw the lines' stock, packs, minimums and money."""
    n = mean.size
    rng = np.random.default_rng(1)
    cost = rng.uniform(0.5, 20, n)
    return make_lines(
        rng.poisson(mean * 9),
        reserved=rng.binomial(2, 0.05, n),
        on_order=rng.poisson(0.3 * mean[:, None] * (rng.random((n, DAYS)) < 0.1)),
        pack=rng.choice([1, 6, 12, 24], n),
        minimum=rng.choice([0, 12, 48], n, p=[0.7, 0.2, 0.1]),
        capacity=np.maximum(60 * mean, 60),
        unit_cost=cost,
        price=cost * rng.uniform(1.2, 2, n),
        holding=0.001 * cost,
    )


class StoredPaths:
    """The file's paths, read when a slice of lines is asked for: a map of all of it would count as memory held."""

    def __init__(self, file: Path, n: int) -> None:
        self.shape = (n, PATHS, DAYS)
        self.file = file.open("rb")

    def __enter__(self) -> "StoredPaths":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __getitem__(self, rows: slice) -> NDArray[np.int16]:
        """Read the days of some lines one after another; view them as lines x paths x days."""
        block = np.empty((DAYS, rows.stop - rows.start, PATHS), dtype=np.int16)
        for day in range(DAYS):
            at = (day * self.shape[0] + rows.start) * PATHS * block.itemsize
            read = os.preadv(self.file.fileno(), [memoryview(block[day]).cast("B")], at)
            assert read == block[day].nbytes
        return block.transpose(1, 2, 0)


def order(file: Path, lines: Lines, leads: LeadTimes, policy: Policy) -> float:
    """Order and return the seconds from the file to orders that half of what they cost pays for."""
    started = time.perf_counter()
    with StoredPaths(file, len(lines)) as paths:
        proposal = propose_orders(lines, paths, leads, policy)
    budget = float(lines.unit_cost @ proposal.quantity) / 2
    bought = within_budget(proposal, lines, budget)
    seconds = time.perf_counter() - started
    check(lines, proposal, bought.quantity, budget)
    return seconds


def check(lines: Lines, proposal: Proposal, bought: NDArray[np.float64], budget: float) -> None:
    """Look that packs, minimums and budget hold, so that what is fast is an order."""
    assert (bought % lines.pack == 0).all()
    assert ((bought == 0) | (bought >= lines.minimum)).all()
    assert (bought <= proposal.quantity).all()
    assert 0.99 * budget <= lines.unit_cost @ bought <= budget * (1 + 1e-9)


def peak_gb() -> float:
    """Return the most memory that this process held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
