"""The forecast with overrides is kept beside the published one, and so is what each override changed."""

import json
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecasting.intervals.probabilities import QUANTILE_COLUMNS
from forecasting.overriding.adjusted import Adjusted, node_quantiles, read_adjusted
from forecasting.publishing.frame_copy import copy_frame
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import plans_lock

OVERRIDES = "forecast_overrides"


def adjust_published(connection: sa.Connection, *, today: date | None = None) -> int:
    """Write the published forecast with the overrides that count today (UTC), where it differs; the caller commits.

    Whoever publishes a forecast or changes an override calls it in the same transaction, so readers see both or none.
    Returns how many rows differ.
    """
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    connection.execute(lock, {"name": plans_lock(OVERRIDES)})
    adjusted = read_adjusted(connection, today=today or datetime.now(UTC).date())
    connection.execute(sa.text("DELETE FROM adjusted_forecasts"))
    if adjusted is None:
        return 0
    rows = adjusted_rows(connection, adjusted)
    copy_frame(connection, "adjusted_forecasts", rows, adjusted.forecast_run_id)
    bound = {"forecast_run_id": adjusted.forecast_run_id, "days": json.dumps(_days(adjusted))}
    connection.execute(statement("forecasting/keep_override_days"), bound)
    return len(rows)


def adjusted_rows(connection: sa.Connection, adjusted: Adjusted) -> pd.DataFrame:
    """Return rows of adjusted_forecasts: of each node the periods that differ from what was published."""
    differs = adjusted.mean != adjusted.published
    nodes = np.flatnonzero(differs.any(axis=1))
    columns = ["node_id", "ds", "yhat", *QUANTILE_COLUMNS]
    if not nodes.size:
        return pd.DataFrame(columns=columns)
    _, quantiles = node_quantiles(connection, adjusted, nodes)
    at, period = np.nonzero(differs[nodes])
    frame = pd.DataFrame(quantiles[at, period], columns=list(QUANTILE_COLUMNS))
    days = adjusted.ends.strftime("%Y-%m-%d").to_numpy(dtype=object)
    named = frame.assign(node_id=nodes[at], ds=days[period], yhat=adjusted.mean[nodes[at], period])
    return named[columns]


def _days(adjusted: Adjusted) -> list[dict[str, object]]:
    """Return what each override changed, a row a period that it is for."""
    days = [end.date().isoformat() for end in adjusted.ends]
    return [
        {
            "override_id": int(number),
            "ds": days[period],
            "before": float(adjusted.spread.before[row, period]),
            "after": float(adjusted.spread.after[row, period]),
        }
        for row, number in enumerate(adjusted.overrides["override_id"])
        for period in np.flatnonzero(adjusted.days[row]).tolist()
        if adjusted.reach[row].size
    ]
