"""Aggregates as frames, for pages: each is one named query over tables that are kept small."""

from typing import Any

import pandas as pd
import sqlalchemy as sa

from stocktide.foundation.database import statement

# What queries may ask for and take as "all", or as the database's own, where a page does not say.
UNSAID = ("now", "location", "department", "category", "currency", "reason", "limit")


def read_frame(engine: sa.Engine, name: str, **parameters: Any) -> pd.DataFrame:
    """Run sql/catalog/NAME.sql; columns as the query names them.

    now: for a query of an instant; that of the database by default. location, department, category: narrow it, as far
    as the query knows them; limit: of its rows.
    """
    with engine.connect() as connection:
        asked = {**dict.fromkeys(UNSAID), **parameters}
        result = connection.execute(statement(f"catalog/{name}"), asked)
        return pd.DataFrame(result.all(), columns=list(result.keys()))


def read_record(engine: sa.Engine, name: str, **parameters: Any) -> dict[str, Any]:
    """Run a query that gives one row."""
    with engine.connect() as connection:
        asked = {**dict.fromkeys(UNSAID), **parameters}
        found = connection.execute(statement(f"catalog/{name}"), asked)
        return dict(found.mappings().one())


def stock_by_day(days: pd.DataFrame) -> pd.DataFrame:
    """Carry stock forward over days without a row and add the locations up.

    days: columns day, location, on_hand (units by the book, None = nothing known of the day). Below zero the book is
    wrong, and the stock unknown until it is not. Returns day, on_hand (of the known ones; missing where none is), known
    and places (how many): one row a calendar day, from the first known one to the last; empty where none is.
    """
    known = days.dropna(subset=["on_hand"])
    if known.empty:
        empty = {"on_hand": "float64", "known": "int64", "places": "int64"}
        return pd.DataFrame(
            {
                name: pd.Series(dtype=kind)
                for name, kind in {"day": "datetime64[ns]", **empty}.items()
            }
        )
    wide = known.assign(day=pd.to_datetime(known["day"])).pivot(
        index="day", columns="location", values="on_hand"
    )
    calendar = pd.date_range(
        pd.to_datetime(days["day"]).min(), pd.to_datetime(days["day"]).max(), freq="D"
    )
    books = wide.reindex(calendar).ffill()
    levels = books.where(books >= 0)
    stock = pd.DataFrame(
        {
            "on_hand": levels.sum(axis=1, min_count=1),
            "known": levels.notna().sum(axis=1),
            "places": days["location"].nunique(),
        }
    )
    return stock[books.notna().any(axis=1)].rename_axis("day").reset_index()
