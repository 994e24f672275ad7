"""Joint paths of one location with the overrides in them, and which overrides those are."""

from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from forecasting.intervals.joint_draw import Paths
from forecasting.overriding.adjusted import Adjusted
from forecasting.overriding.carried import adjusted_paths

Told = dict[str, list[dict[str, Any]]]


def adjust_location(
    paths: Paths, location: str, adjusted: Adjusted, level: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float32], Told]:
    """Return the paths (B, k, h) of a location with the overrides, and the overrides of each product that has some.

    paths: of the run that is adjusted, times the factor `level` (k,), if there is one. Without an override they are the
    same to the last bit.
    """
    leaves = adjusted.leaves
    here = np.flatnonzero(np.asarray(leaves["location"] == location))
    row_of = dict(zip(leaves["product"].iloc[here], here.tolist(), strict=True))
    products = paths.leaves["product"].astype(str).tolist()
    rows = np.array([row_of.get(product, -1) for product in products], dtype=np.int64)
    known = rows >= 0
    shape = (rows.size, adjusted.published.shape[1])
    published, mean = np.zeros(shape), np.zeros(shape)
    factor = np.ones(rows.size) if level is None else level
    published[known], mean[known] = adjusted.moved(rows[known], factor[known])
    seeds = [
        (adjusted.forecast_run_id, crc32(location.encode()), crc32(product.encode()))
        for product in products
    ]
    changed = np.flatnonzero((published != mean).any(axis=1)).tolist()
    told = {products[one]: adjusted.by_leaf[int(rows[one])] for one in changed}
    return adjusted_paths(paths.values, published, mean, seeds), told
