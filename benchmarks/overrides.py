"""Overrides of a chain with 10,000 leaves: recorded, applied at every level, and in the joint paths that orders see.

20 shops with 500 products each, 28 days, from a seed. Timed is the transaction that records overrides and adjusts the
published forecast; apart, the paths (200) of all shops. `--leaves N` for fewer.
"""

import argparse
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
import sqlalchemy as sa

from benchmarks._claims import at_most, figure
from forecasting.overriding.adjusted import Adjusted, read_adjusted
from forecasting.overriding.carried import adjusted_paths
from forecasting.overriding.keep import adjust_published
from forecasting.publishing.publish import Publication, publish
from forecasting.structure.hierarchy import build_hierarchy
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.overrides import KIND, OverrideIn, put_rows
from stocktide.foundation.database import create_engine, migrate
from stocktide.foundation.embedded import Postgres

SHOPS, LEAVES, DAYS, PATHS = 20, 10_000, 28, 200
MANY = 1_000
SECONDS_MAX, INCOHERENCE_MAX = 5.0, 1e-9
LEVELS = [[], ["region"], ["location"], ["department"], ["category"], ["location", "category"], ["product"],
          ["location", "product"]]  # fmt: skip


def main() -> None:
    """Publish a forecast, override it, and print the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leaves", type=int, default=LEAVES)
    leaves = parser.parse_args().leaves
    today = datetime.now(UTC).date()
    with tempfile.TemporaryDirectory(prefix="stocktide-overrides-") as folder:
        server = Postgres(Path(folder))
        server.start()
        try:
            engine = create_engine(server.url())
            migrate(engine)
            publish_chain(engine, leaves, today)
            everything = [override(today, days=DAYS)]
            at_most(
                "override_of_everything_seconds", record(engine, everything, today), SECONDS_MAX
            )
            rng = np.random.default_rng(2)
            some = [drawn(rng, today, leaves // SHOPS) for _ in range(MANY)]
            figure("thousand_overrides_seconds", record(engine, some, today))
            with engine.connect() as connection:
                adjusted = read_adjusted(connection, today=today)
            engine.dispose()
        finally:
            server.stop()
    if adjusted is None:
        sys.exit("nothing was adjusted")
    at_most("incoherence", incoherence(adjusted), INCOHERENCE_MAX)
    figure("paths_seconds", move_paths(adjusted))


def publish_chain(engine: sa.Engine, leaves: int, today: date) -> None:
    """Make the chain known, and publish a forecast of random means that begins today."""
    products = [f"P{number:04}" for number in range(leaves // SHOPS)]
    shops = [f"S{number:02}" for number in range(SHOPS)]
    with engine.begin() as connection:
        put_products(
            connection,
            [
                ProductIn(sku, department=f"D{number % 5}", category=f"C{number % 25}")
                for number, sku in enumerate(products)
            ],
        )
        put_locations(
            connection,
            [LocationIn(code, region=f"R{number % 4}") for number, code in enumerate(shops)],
        )
    keys = pd.DataFrame(
        [
            (code, f"R{shop % 4}", sku, f"D{number % 5}", f"C{number % 25}")
            for shop, code in enumerate(shops)
            for number, sku in enumerate(products)
        ],
        columns=["location", "region", "product", "department", "category"],
    )
    hierarchy = build_hierarchy(LEVELS, keys)
    mean = hierarchy.sum_leaves(np.random.default_rng(1).gamma(0.5, 2.0, (len(keys), DAYS)))
    made = Publication(
        hierarchy=hierarchy,
        days=pd.date_range(today - timedelta(days=3), periods=3),
        history=hierarchy.sum_leaves(np.ones((len(keys), 3))),
        mean=mean,
        quantiles=mean[:, :, None] * np.linspace(0.2, 2.5, 13),
        warnings=[None] * len(mean),
        errors=pd.DataFrame(columns=["level", "level_name", "model", "metric", "value"]),
        names={},
        method="BU",
        lake_version=1,
        mlflow_run_id=None,
        detail={},
    )
    publish(engine, made, run_id=None)
    print(f"{hierarchy.n_nodes:,} items, {hierarchy.n_leaves:,} of them leaves, {DAYS} days")


def override(today: date, *, days: int, first: int = 0, **more: object) -> OverrideIn:
    """Return an override of some days; of everything by 10 % unless said."""
    told: dict[str, object] = {"change": "percent", "value": 10.0, **more}
    start = today + timedelta(days=first)
    return OverrideIn(from_=start, to=start + timedelta(days=days - 1), reason="weather", **told)  # type: ignore[arg-type]  # fields by name


def drawn(rng: np.random.Generator, today: date, products: int) -> OverrideIn:
    """Draw an override of a category, of one in a shop, or of a product in a shop."""
    shop, category = f"S{rng.integers(SHOPS):02}", f"C{rng.integers(25)}"
    scope = [
        {"category": category},
        {"category": category, "location": shop},
        {"product": f"P{rng.integers(products):04}", "location": shop},
    ][rng.integers(3)]
    change = ("percent", "add", "set")[rng.integers(3)]
    first, days = int(rng.integers(20)), int(rng.integers(1, 9))
    value = float(rng.integers(5, 80))
    return override(today, days=days, first=first, change=change, value=value, **scope)


def record(engine: sa.Engine, overrides: list[OverrideIn], today: date) -> float:
    """Record overrides and adjust the forecast, in one transaction; the seconds that it takes."""
    started = time.perf_counter()
    with engine.begin() as connection:
        put_rows(connection, KIND, overrides, by="benchmark")
        adjust_published(connection, today=today)
    return time.perf_counter() - started


def incoherence(adjusted: Adjusted) -> float:
    """Return how far an item is from the sum of its leaves, as a share of the largest."""
    sums = adjusted.summing @ adjusted.spread.mean
    return float(np.abs(sums - adjusted.mean).max() / adjusted.mean.max())


def move_paths(adjusted: Adjusted) -> float:
    """Move the paths of all shops, one after the other; the seconds that it takes."""
    rng, seconds = np.random.default_rng(3), 0.0
    for shop in range(SHOPS):
        rows = np.flatnonzero(adjusted.leaves["location"] == f"S{shop:02}")
        was, now = adjusted.leaf_means[rows], adjusted.spread.mean[rows]
        paths = rng.poisson(was, (PATHS, *was.shape)).astype(np.float32)
        started = time.perf_counter()
        adjusted_paths(paths, was, now, [(shop, row) for row in rows.tolist()])
        seconds += time.perf_counter() - started
    return seconds


if __name__ == "__main__":
    main()
