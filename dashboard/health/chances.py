"""The chance that a shelf runs out before a delivery can come, beside the report's rows."""

import numpy as np
import pandas as pd

from catalog.stock_outs import stock_out_chances
from dashboard.health.columns import CHANCE
from dashboard.report_rows import Asked, read_report

# Of a shelf where nothing tells when a delivery can come.
DAYS_UNKNOWN = 7


def read_rows(asked: Asked) -> pd.DataFrame:
    """Read a report; rows of shelves get their chance to run out, unless they are of the past, of which no forecast is.

    Raises Transient where it cannot be had.
    """
    rows = read_report(asked)
    if asked.as_of is not None or "wait_days" not in rows:
        return rows
    days = np.ceil(rows["wait_days"].fillna(DAYS_UNKNOWN).clip(lower=1)).astype(int)
    chances = stock_out_chances(
        asked.reader.engine,
        rows["sku"].tolist(),
        rows["code"].tolist(),
        days.tolist(),
        now=asked.reader.clock(),
    )
    whole = rows.assign(**{CHANCE: pd.Series(chances, dtype="float64", index=rows.index)})
    whole.attrs = rows.attrs
    return whole
