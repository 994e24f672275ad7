"""Lead times learnt from the lake's purchases, kept for each supplier and product with what they were learnt from."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import sqlalchemy as sa
from deltalake import DeltaTable

from replenishment.learning.lead_times import Deliveries, LearntLeadTimes, learn_lead_times
from stocktide.foundation.database import sql, statement
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake

JOB = "lead_times"
LEVELS = (0.1, 0.5, 0.9)
# What nobody could tell from no chance at all.
SHARE_DIGITS = 6


def learn_and_keep(engine: sa.Engine, lake: Lake, *, today: date) -> dict[str, Any]:
    """Learn the lead times of all that was ordered, and replace those that are kept; returns what was learnt from.

    Raises NotFound before the first ETL. While nothing came yet nothing is kept.
    """
    found, version = read_deliveries(engine, lake, today=today)
    if not found["came"].any():
        rows: list[dict[str, Any]] = []
        said: dict[str, Any] = {"pairs": 0, "why": "no order has been delivered yet"}
    else:
        suppliers, supplier = np.unique(found["supplier"], return_inverse=True)
        products, product = np.unique(found["product"], return_inverse=True)
        learnt = learn_lead_times(
            Deliveries(
                supplier.astype(np.int64),
                product.astype(np.int64),
                found["days"].to_numpy(np.int64),
                np.minimum(found["share"].to_numpy(np.float64), 1.0),
                found["came"].to_numpy(np.bool_),
            )
        )
        rows = _rows(learnt, suppliers, products)
        said = {"pairs": len(learnt.lines), "suppliers": len(suppliers), "weights": learnt.weights}
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM lead_times"))
        if rows:
            connection.execute(
                statement("purchasing/keep_lead_times"),
                [{**row, "version": version} for row in rows],
            )
    return {**said, "lines": float(found["share"].sum()), "lake_version": version}


def read_deliveries(engine: sa.Engine, lake: Lake, *, today: date) -> tuple[pd.DataFrame, int]:
    """Read parts of order lines, as `Deliveries` has them but for the names, and the lake's version of the table.

    Raises NotFound before the first ETL.
    """
    if not lake.exists("purchases"):
        raise NotFound("lake_empty", "The lake has no table purchases yet; run the ETL first.")
    table = DeltaTable(lake.path("purchases"))
    with engine.connect() as connection:
        products = pd.read_sql(sa.text("SELECT product_id, sku FROM products"), connection)
    with duckdb.connect() as duck:
        duck.register("purchases", table.to_pyarrow_dataset())
        duck.register("products", products)
        found = duck.execute(sql("purchasing/deliveries"), {"today": today}).df()
    return found, int(table.version())


def list_lead_times(
    connection: sa.Connection,
    *,
    supplier: str | None = None,
    product: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """List lead times; a supplier's own, without a product, before those of what it sells."""
    asked = {"supplier": supplier, "product": product, "limit": limit}
    found = connection.execute(statement("purchasing/lead_times"), asked).mappings()
    return [_said(dict(row)) for row in found]


def _rows(learnt: LearntLeadTimes, suppliers: Any, products: Any) -> list[dict[str, Any]]:
    """Return the rows that are kept: one a supplier, and one a product of it."""
    pairs = [
        {"supplier": suppliers[s], "product": products[p], "lines": float(lines), "open": float(still),
         "unfulfilled": float(never), "shares": shares}
        for s, p, lines, still, never, shares in zip(
            learnt.supplier, learnt.product, learnt.lines, learnt.open, learnt.unfulfilled, learnt.shares.tolist(),
            strict=True,
        )
    ]  # fmt: skip
    whole = [
        {"supplier": name, "product": None, "lines": float(lines), "open": None, "unfulfilled": None, "shares": shares}
        for name, lines, shares in zip(
            suppliers, learnt.supplier_lines, learnt.supplier_shares.tolist(), strict=True
        )
    ]  # fmt: skip
    return [{**row, "shares": _trimmed(row["shares"])} for row in (*whole, *pairs)]


def _trimmed(shares: list[float]) -> list[float]:
    """Return chances up to the last day that has any; they still add up to 1."""
    rounded = [round(share, SHARE_DIGITS) for share in shares]
    last = max(day for day, share in enumerate(rounded) if share)
    total = sum(rounded)
    return [share / total for share in rounded[: last + 1]]


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with what people read of its distribution: the mean and three quantiles, days."""
    shares = np.array(row["shares"])
    reached = np.cumsum(shares)
    quantiles = {
        f"p{round(100 * level)}": int(np.searchsorted(reached, level - 1e-9)) for level in LEVELS
    }
    return {**row, "mean_days": float(shares @ np.arange(len(shares))), **quantiles}
