"""A small retail chain's lake, made from a seed: 3 locations in 2 regions, 4 products in 2 departments."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from deltalake import write_deltalake

from stocktide.foundation.lake import Lake
from stocktide.foundation.lake_schemas import DAILY_DEMAND

FIRST = date(2025, 1, 1)
# as the ETL makes it, but for what only a run of it reads
DAILY = pa.schema(
    [f for f in DAILY_DEMAND if f.name != "month" and not f.name.startswith("close_")]
)
PRODUCTS = pd.DataFrame(
    {
        "product_id": np.arange(1, 5, dtype=np.int32),
        "sku": ["P1", "P2", "P3", "P4"],
        "name": ["Milk", "Bread", "Soap", None],
        "department": ["Food", "Food", "Home", "Home"],
        "category": ["Dairy", "Bakery", "Bath", "Bath"],
        "unit": "each",
    }
)
LOCATIONS = pd.DataFrame(
    {
        "location_id": np.arange(1, 4, dtype=np.int32),
        "code": ["S1", "S2", "S3"],
        "name": ["High Street", "Harbour", "Mill"],
        "region": ["North", "North", "South"],
        "country": "GB",
        "timezone": ["Europe/London", "Europe/London", "America/New_York"],
    }
)


def demand_row(
    product: int, location: int, day: int, sold: float, **other: object
) -> dict[str, object]:
    """Make one row of daily_demand; `day` counts from FIRST, `sold` is in units."""
    return {
        "product_id": product,
        "location_id": location,
        "day": FIRST + timedelta(days=day),
        "sold_milli": round(sold * 1000),
        "returned_milli": 0,
        "revenue_micros": 0,
        "currency": "",
        "other_revenue": None,
        "orders": 1,
        "price_micros": None,
        "received_milli": 0,
        "adjusted_milli": 0,
        "promotion": False,
        "on_hand_milli": None,
        "in_stock_share": None,
        "censored": False,
        **other,
    }


def write_lake(folder: Path, rows: list[dict[str, object]]) -> Lake:
    """Write (or append a version to) the lake's three tables."""
    lake = Lake(str(folder))
    table = pa.Table.from_pylist(rows, schema=DAILY)
    write_deltalake(lake.path("daily_demand"), table, mode="overwrite")
    for name, frame in (("products", PRODUCTS), ("locations", LOCATIONS)):
        kinds = [(c, pa.int32() if c.endswith("_id") else pa.string()) for c in frame.columns]
        arrow = pa.Table.from_pandas(frame, schema=pa.schema(kinds), preserve_index=False)
        write_deltalake(lake.path(name), arrow, mode="overwrite")  # type: ignore[arg-type]  # a literal
    return lake


def chain_rows(days: int, *, seed: int = 7) -> list[dict[str, object]]:
    """Make a chain's demand: a weekly shape, a slope, Poisson noise; product 4 sells once in ten days."""
    rng = np.random.default_rng(seed)
    rows = []
    for product, mean in ((1, 20.0), (2, 8.0), (3, 3.0), (4, 0.1)):
        for location in (1, 2, 3):
            for day in range(days):
                shape = 1.5 if (FIRST + timedelta(days=day)).weekday() >= 5 else 0.8
                sold = rng.poisson(mean * shape * (1 + day / 400) / location)
                if sold:
                    rows.append(demand_row(product, location, day, float(sold)))
    return rows
