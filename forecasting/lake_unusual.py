"""Days of unusual demand, which count as usual ones in training until somebody confirms them."""

from datetime import datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa

from stocktide.foundation.database import statement

KEY = ["product_id", "location_id", "day"]


def read_unusual_days(engine: sa.Engine, *, at: datetime) -> pd.DataFrame:
    """Read the days that are held out at an instant (aware): product_id, location_id, day, usual (units)."""
    with engine.connect() as connection:
        rows = connection.execute(statement("forecasting/unusual_days"), {"at": at}).all()
    frame = pd.DataFrame(rows, columns=[*KEY, "usual"])
    return frame.astype(
        {"product_id": "int32", "location_id": "int32", "day": "datetime64[ns]", "usual": "float64"}
    )


def with_usual_units(daily: pd.DataFrame, unusual: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return daily rows (KEY, units, …) with the usual units on unusual days, and how many such days there are."""
    rows = pd.MultiIndex.from_frame(daily[KEY])
    found = pd.MultiIndex.from_frame(unusual[KEY]).get_indexer(rows)
    held = found >= 0
    if not held.any():
        return daily, 0
    units = daily["units"].to_numpy(copy=True)
    units[held] = np.minimum(units[held], unusual["usual"].to_numpy()[found[held]])
    return daily.assign(units=units), int(held.sum())
