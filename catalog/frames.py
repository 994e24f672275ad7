"""Aggregates as frames, for pages: each is one named query over tables that are kept small."""

from typing import Any

import pandas as pd
import sqlalchemy as sa

from stocktide.foundation.database import statement


def read_frame(engine: sa.Engine, name: str, **parameters: Any) -> pd.DataFrame:
    """Run sql/catalog/NAME.sql; columns as the query names them."""
    with engine.connect() as connection:
        result = connection.execute(statement(f"catalog/{name}"), parameters)
        return pd.DataFrame(result.all(), columns=list(result.keys()))


def read_record(engine: sa.Engine, name: str, **parameters: Any) -> dict[str, Any]:
    """Run a query that gives one row."""
    with engine.connect() as connection:
        return dict(connection.execute(statement(f"catalog/{name}"), parameters).mappings().one())


def stock_by_day(days: pd.DataFrame) -> pd.DataFrame:
    """Carry stock forward over days without a row and add the locations up.

    days: columns day, location, on_hand (units, None = unknown). Returns day, on_hand: one row a calendar day,
    from the first day to the last; empty where stock is unknown everywhere.
    """
    known = days.dropna(subset=["on_hand"])
    if known.empty:
        return pd.DataFrame(
            {"day": pd.Series(dtype="datetime64[ns]"), "on_hand": pd.Series(dtype="float64")}
        )
    wide = known.assign(day=pd.to_datetime(known["day"])).pivot(
        index="day", columns="location", values="on_hand"
    )
    calendar = pd.date_range(
        pd.to_datetime(days["day"]).min(), pd.to_datetime(days["day"]).max(), freq="D"
    )
    total = wide.reindex(calendar).ffill().sum(axis=1, min_count=1)
    return total.rename("on_hand").rename_axis("day").reset_index().dropna()
