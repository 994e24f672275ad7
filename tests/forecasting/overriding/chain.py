"""A chain of two shops whose forecast begins today, with its paths: what tests of overrides change."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from forecasting import PathLineage
from forecasting.path_store import write_paths
from forecasting.publishing.publish import publish
from forecasting.structure.hierarchy import build_hierarchy
from stocktide.foundation.lake import Lake
from tests.conftest import Api
from tests.forecasting.publications import publication

TODAY = datetime.now(UTC).date()
DAYS, PATHS = 4, 50
KEYS = pd.DataFrame({"location": ["S1", "S1", "S2"], "product": ["A", "B", "A"]})
MEAN = np.array([[2.0, 4.0, 2.0, 4.0], [1.0, 1.0, 1.0, 1.0], [3.0, 3.0, 3.0, 3.0]])
SPAN = {"from": str(TODAY), "to": str(TODAY + timedelta(days=DAYS - 1))}


def two_shops(api: Api, database: sa.Engine, lake: Lake, leaves: NDArray[np.float64] = MEAN) -> int:
    """Make shops S1 and S2 known with products A and B, and publish a forecast and its paths; its run.

    leaves: means of A and B at S1 and of A at S2, by day.
    """
    count = leaves.shape[1]
    products = [{"sku": "A", "category": "Fruit"}, {"sku": "B", "category": "Bread"}]
    api.operate.put("/v1/products", json={"products": products}).raise_for_status()
    places = [{"code": "S1", "region": "North"}, {"code": "S2"}]
    api.operate.put("/v1/locations", json={"locations": places}).raise_for_status()
    hierarchy = build_hierarchy([[], ["location"], ["location", "product"]], KEYS)
    mean = hierarchy.sum_leaves(leaves)
    rng = np.random.default_rng(3)
    drawn = [rng.poisson(leaves[:, [t]], (3, PATHS)).astype(np.float32) for t in range(count)]
    whole = np.stack(drawn, axis=2, dtype=np.float64).reshape(3, -1)
    run = publish(
        database,
        publication(
            hierarchy=hierarchy,
            days=pd.date_range(TODAY - timedelta(days=3), periods=3),
            history=hierarchy.sum_leaves(np.ones((3, 3))),
            mean=mean,
            quantiles=mean[:, :, None] * np.linspace(0.5, 2.0, 13),
            paths=hierarchy.sum_leaves(whole).reshape(-1, PATHS, count).astype(np.float32),
            warnings=[None] * len(mean),
            names={},
        ),
        run_id=None,
    )
    lineage = PathLineage(run, str(TODAY - timedelta(days=1)), 7, "D", 0, count)
    days = pd.date_range(TODAY, periods=count)
    write_paths(lake, lineage, KEYS, days, iter(drawn), np.ones(3, bool))
    return run
