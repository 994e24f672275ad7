"""Overrides of forecasts: the forecast with them, their list, and what they were worth."""

from typing import Any

import pandas as pd
import sqlalchemy as sa

from catalog.forecasts import read_days
from catalog.frames import read_frame


def adjusted_days(engine: sa.Engine, *nodes: int) -> list[dict[str, Any]]:
    """Return the forecast of nodes with overrides, by period, as `node_days`; empty where none reaches them."""
    return read_days(engine, nodes, in_force=True)


def override_values(engine: sa.Engine) -> pd.DataFrame:
    """Return what overrides were worth, by override, planner, reason, level and in all.

    Columns by, name, overrides, periods (that are over), came, before, after (units), error_before, error_after (sums
    of absolute errors of the forecast without each override and with it, units) and gain, the share of the error that
    was saved; below 0 they made it worse. NaN where there was no error to save.
    """
    found = read_frame(engine, "override_value")
    before = found["error_before"].astype(float)
    saved = before - found["error_after"].astype(float)
    return found.assign(gain=(saved / before).where(before > 0))
