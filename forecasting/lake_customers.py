"""Customers in the lake: the days on which they bought, their segments, and what they are expected to be worth."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from numpy.typing import NDArray

from stocktide.foundation.database import sql
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake
from stocktide.foundation.lake_schemas import CUSTOMER_VALUES


@dataclass(frozen=True)
class Bought:
    """Customers of one currency. purchases: unique_id, ds, value, where unique_id is the place in the other two."""

    currency: str
    pseudonyms: NDArray[np.object_]
    segments: NDArray[np.object_]
    purchases: pd.DataFrame


def read_bought(lake: Lake, *, without: Collection[str] = ()) -> Iterator[Bought]:
    """Read who bought what on which day, one currency after the other. Raises NotFound while there is no such table.

    without: pseudonyms that are left out.
    """
    with _opened(lake, without) as connection:
        currencies = connection.execute(
            "SELECT DISTINCT currency FROM customers WHERE days > 0 ORDER BY 1"
        ).fetchall()
        for (currency,) in currencies:
            one = {"currency": currency}
            customers = connection.execute(sql("forecasting/customer_segments"), one).df()
            purchases = connection.execute(sql("forecasting/customer_purchases"), one).df()
            yield Bought(
                currency,
                customers["customer"].to_numpy(),
                customers["segment"].to_numpy(),
                purchases.astype({"ds": "datetime64[ns]"}),
            )


@contextmanager
def _opened(lake: Lake, without: Collection[str]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database with the tables that reports on customers read."""
    if not lake.exists("customers"):
        raise NotFound("lake_empty", "The lake has no table customers yet; run the ETL first.")
    with duckdb.connect() as connection:
        connection.register("landed", DeltaTable(lake.path("customers")).to_pyarrow_dataset())
        connection.register(
            "erased", pa.table({"pseudonym": pa.array(sorted(without), pa.string())})
        )
        connection.execute(sql("forecasting/customers_known"))
        for view in ("customers", "customer_days"):
            connection.execute(f"CREATE TEMP VIEW {view} AS {sql(f'query/views/{view}')}")
        connection.execute(sql("forecasting/customers_numbered").format(
            segments=sql("report_parts/customer_segments")
        ))  # fmt: skip
        yield connection


def write_values(lake: Lake, values: pa.Table) -> int:
    """Replace all values; returns the table's version."""
    path = lake.path("customer_values")
    write_deltalake(path, values.cast(CUSTOMER_VALUES), mode="overwrite", schema_mode="overwrite")
    return int(DeltaTable(path).version())


def forget_values(lake: Lake, pseudonyms: Collection[str]) -> int:
    """Delete what is predicted of customers, also from files of older versions; returns the rows that there were.

    A reader of an older version loses its files, and reads again.
    """
    if not lake.exists("customer_values") or not pseudonyms:
        return 0
    table = DeltaTable(lake.path("customer_values"))
    named = ", ".join(f"'{one}'" for one in sorted(pseudonyms))
    deleted = int(table.delete(f"customer_id IN ({named})")["num_deleted_rows"])
    if deleted:
        table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    return deleted
