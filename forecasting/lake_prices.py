"""Past prices and promotions from the lake: a matrix of leaves by periods, against the usual price."""

from datetime import timedelta
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable

from forecasting.nodes.day_values import DaySums, realised_periods
from forecasting.nodes.demand import Demand, pool_names
from forecasting.nodes.plan_regressors import Realised
from forecasting.nodes.plans import Periods
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake

# Prices of the last year say what is usual; a longer time would hold prices that have gone.
USUAL_DAYS = 365
# Some 20 MB of rows at once.
ROWS_AT_ONCE = 1_000_000


def read_realised(
    lake: Lake, demand: Demand, periods: Periods, products: pd.DataFrame, locations: pd.DataFrame
) -> Realised:
    """Read prices and promotions of the demand's leaves, at its lake version.

    products: product_id, product, department, category, price_micros, currency. locations: location_id, location,
    region, country. The usual price of a pair is the median of its days in the last year, else its list price.
    """
    n_periods = demand.days.size
    history = Periods(periods.first_day, periods.days[:n_periods])
    n_days = int(history.days.sum())
    first, last = (pd.Timestamp(history.first_day + day, unit="D") for day in (0, n_days - 1))
    table = DeltaTable(lake.path("daily_demand"), version=demand.lake_version)
    sums = DaySums.empty(demand.units.shape[0], n_days)
    with duckdb.connect() as connection:
        connection.register("daily_demand", table.to_pyarrow_dataset())
        seen = connection.execute("SELECT DISTINCT product_id, location_id FROM daily_demand").df()
        connection.register("pair_leaves", pair_leaves(demand.leaves, seen, products, locations))
        usual = connection.execute(
            sql("forecasting/usual_prices"),
            {"since": last - timedelta(days=USUAL_DAYS), "last": last},
        ).df()
        connection.register("usual_prices", usual)
        rows = connection.sql(
            sql("forecasting/realised_prices"), params={"first": first, "last": last}
        )
        for batch in rows.to_arrow_reader(ROWS_AT_ONCE):
            sums.add(*_columns(batch, history.first_day))
    return _realised(sums, usual, history)


def _columns(batch: pa.RecordBatch, first_day: int) -> Any:
    """Return leaf, position of the day, log price (NaN where unknown) and promotion of a batch."""
    leaf, day, price, promotion = (
        batch.column(name).to_numpy(zero_copy_only=False)
        for name in ("leaf", "day", "log_price", "promotion")
    )
    return leaf.astype(np.int64), day.astype(np.int64) - first_day, price, promotion.astype(bool)


def pair_leaves(
    leaves: pd.DataFrame, pairs: pd.DataFrame, products: pd.DataFrame, locations: pd.DataFrame
) -> pd.DataFrame:
    """Find the leaf of each pair: product_id, location_id, leaf, listed_micros, listed_currency.

    A product that no leaf names is part of its location's pooled products.
    """
    keyed = pairs.merge(products, on="product_id").merge(locations, on="location_id")
    keys = list(leaves.columns)
    if "product" in keys:
        named = keyed["product"].isin(leaves["product"])
        keyed["product"] = keyed["product"].where(named, pool_names(keyed, keys))
    keyed = keyed.rename(columns={"price_micros": "listed_micros", "currency": "listed_currency"})
    columns = ["product_id", "location_id", "leaf", "listed_micros", "listed_currency"]
    if not keys:
        return keyed.assign(leaf=0)[columns]
    of = leaves.fillna("").assign(leaf=np.arange(len(leaves), dtype=np.int32))
    found = keyed.assign(**{key: keyed[key].fillna("") for key in keys}).merge(of, on=keys)
    return found[columns]


def _realised(sums: DaySums, usual: pd.DataFrame, history: Periods) -> Realised:
    price, promotion, rest = realised_periods(sums, history)
    of_leaf = usual[usual["comparable"].astype(bool)].groupby("leaf")["usual_log"].mean()
    return Realised(
        price=price,
        promotion=promotion,
        rest=rest,
        usual_log=of_leaf.reindex(np.arange(len(price))).to_numpy(dtype=np.float64),
        has_price=np.asarray(sums.priced.any(axis=1)),
        has_promotion=np.asarray(sums.promotion.any(axis=1)),
    )
