"""Joint sample paths of a large chain: time, memory, size in the lake, and how long one location takes to read.

3,049 products at 10 locations (30,490 leaves), 200 paths, 28 and 91 days ahead, demand and quantiles made from a seed:
half of the leaves sell less than one unit in two days, all in whole units. `--products N` for a smaller chain.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._claims import at_least, at_most
from forecasting import (
    QUANTILES,
    Hierarchy,
    PathLineage,
    PathPlan,
    build_hierarchy,
    draw_days,
    find_templates,
    leaf_keys,
    read_paths,
    write_paths,
)
from stocktide.foundation.lake import Lake

Array = NDArray[np.float64]

PRODUCTS, LOCATIONS, PATHS, HISTORY_DAYS = 3_049, 10, 200, 800
LEVELS: tuple[list[str], ...] = (
    [],
    ["region"],
    ["location"],
    ["department"],
    ["location", "department"],
    ["product"],
    ["location", "product"],
)
# A run at night has minutes; a page or an order has no time to wait for one location.
SECONDS_MAX, READ_SECONDS_MAX, MEMORY_MB_MAX, SIZE_MB_MAX = 300, 1.0, 6_000, 1_000


def main() -> None:
    """Run both horizons and print the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=PRODUCTS)
    parser.add_argument("--days", type=int, nargs="*", default=[28, 91])
    parser.add_argument("--fractions", action="store_true", help="units that are not whole")
    given = parser.parse_args()
    hierarchy = chain(given.products)
    rng = np.random.default_rng(0)
    sold = rng.poisson(
        np.exp(rng.normal(-0.7, 1.2, (hierarchy.n_leaves, 1))), (hierarchy.n_leaves, HISTORY_DAYS)
    )
    Y = np.asarray(sold, dtype=np.float64)
    print(
        f"{hierarchy.n_leaves} leaves, {hierarchy.n_nodes} nodes, memory before {peak_mb():.0f} MB"
    )
    for days in given.days:
        measure(hierarchy, Y, days, fractions=given.fractions)


def chain(products: int) -> Hierarchy:
    """Make a chain of 10 locations in 3 regions that all sell the same products of 7 departments."""
    product, location = (
        np.tile(np.arange(products), LOCATIONS),
        np.repeat(np.arange(LOCATIONS), products),
    )
    leaves = pd.DataFrame(
        {
            "product": product,
            "location": location,
            "region": location % 3,
            "department": product % 7,
        }
    )
    return build_hierarchy(LEVELS, leaves.astype(str))


def node_quantiles(hierarchy: Hierarchy, Y: Array, days: int) -> Array:
    """Take each node's own recent quantiles for all days ahead, (n, days, q)."""
    seen = np.quantile(hierarchy.sum_leaves(Y[:, -91:]), QUANTILES, axis=1).T
    return np.ascontiguousarray(
        np.broadcast_to(seen[:, None], (hierarchy.n_nodes, days, len(QUANTILES)))
    )


def measure(hierarchy: Hierarchy, Y: Array, days: int, *, fractions: bool) -> None:
    """Draw, write and read the paths of one horizon."""
    quantiles = node_quantiles(hierarchy, Y, days)
    whole = np.full(hierarchy.n_leaves, not fractions)
    ahead = pd.date_range("2026-01-01", periods=days)
    lineage = PathLineage(1, "2025-12-31", 0, "D", 0, days)
    with tempfile.TemporaryDirectory() as folder:
        lake, before, started = Lake(folder), peak_mb(), time.perf_counter()
        found = find_templates(Y, np.broadcast_to(Y.mean(axis=1, keepdims=True), Y.shape), days)
        plan = PathPlan(hierarchy, quantiles, QUANTILES, found, whole, PATHS)
        write_paths(lake, lineage, leaf_keys(hierarchy), ahead, draw_days(plan), whole)
        took = time.perf_counter() - started
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet")) / 1e6
        reads = [timed_read(lake) for _ in range(3)]
    print(
        f"{days} days: drawn and written in {took:.1f} s, {size:.0f} MB, peak {before:.0f} -> {peak_mb():.0f} MB"
    )
    at_least(f"paths_{days}_count", PATHS, 200)
    at_most(f"paths_{days}_seconds", took, SECONDS_MAX)
    at_most(f"paths_{days}_size_mb", size, SIZE_MB_MAX)
    at_most(f"paths_{days}_peak_memory_mb", peak_mb(), MEMORY_MB_MAX)
    at_most(f"paths_{days}_read_location_seconds", float(np.median(reads)), READ_SECONDS_MAX)


def timed_read(lake: Lake) -> float:
    """Read all paths of one location, in seconds."""
    started = time.perf_counter()
    read_paths(lake, location="3")
    return time.perf_counter() - started


def peak_mb() -> float:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
