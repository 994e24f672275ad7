"""Successions from their table, and the pairs of product and location that they bring to the lake's."""

import duckdb
import pandas as pd
import sqlalchemy as sa

from forecasting.nodes.succession_table import product_lines, succession_table
from stocktide.foundation.database import sql, statement
from stocktide.foundation.successions import Succession


def read_successions(engine: sa.Engine) -> pd.DataFrame:
    """Read all successions as `succession_table` orders them."""
    with engine.connect() as connection:
        rows = connection.execute(statement("forecasting/successions")).all()
    return succession_table([Succession(*row) for row in rows])


def with_successor_pairs(
    connection: duckdb.DuckDBPyConnection, pairs: pd.DataFrame, successions: pd.DataFrame
) -> pd.DataFrame:
    """Add a pair for each successor that has not sold yet at a location where its predecessor has; and the lines.

    connection: with the lake's table products; a successor that it does not hold yet is left out. pairs: rows of
    forecasting/pairs.sql. Returns them with a column `line`, the same for products that replace each other.
    """
    products = connection.execute(sql("forecasting/lake_products")).df()
    for _, step in successions.groupby("step"):
        pairs = pd.concat([pairs, _missing(pairs, products, step)], ignore_index=True)
    line = pairs["product"].map(product_lines(successions))
    # products of no line are lines of their own
    return pairs.assign(line=line.where(line.notna(), -1.0 - pairs["product_id"]))


def _missing(pairs: pd.DataFrame, products: pd.DataFrame, step: pd.DataFrame) -> pd.DataFrame:
    of_product = list(products.columns)
    before = step[["predecessor", "successor"]].merge(
        pairs.drop(columns=[name for name in of_product if name != "product"]),
        left_on="predecessor",
        right_on="product",
    )
    new = before.drop(columns=["predecessor", "product"]).rename(columns={"successor": "product"})
    new = new.merge(products, on="product").drop_duplicates(["product_id", "location_id"])
    known = pd.MultiIndex.from_frame(pairs[["product_id", "location_id"]])
    asked = pd.MultiIndex.from_frame(new[["product_id", "location_id"]])
    added = new[~asked.isin(known)][list(pairs.columns)].assign(units=0.0)
    return added.astype({"product_id": pairs["product_id"].dtype})
