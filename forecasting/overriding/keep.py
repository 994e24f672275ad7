"""The forecast with overrides is kept beside the published one, and so is what each override changed."""

# ruff: noqa: S101 - a wrong driver is our own mistake, never the caller's input

import json
from datetime import UTC, date, datetime

import numpy as np
import sqlalchemy as sa

from forecasting.intervals.probabilities import QUANTILES
from forecasting.overriding.adjusted import Adjusted, read_adjusted
from forecasting.overriding.carried import factor_and_rest, quantiles_beside
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import FORECAST_PUBLISHED, plans_lock

OVERRIDES = "forecast_overrides"
COPY = "COPY adjusted_forecasts (forecast_run_id, node_id, ends, yhat, factor, added) FROM STDIN"


def adjust_published(connection: sa.Connection, *, today: date | None = None) -> int:
    """Write the published forecast with the overrides that count today (UTC), where it differs; the caller commits.

    Whoever publishes a forecast or changes an override calls it in the same transaction, so readers see both or none.
    Returns how many items differ.
    """
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    connection.execute(lock, {"name": plans_lock(OVERRIDES)})
    adjusted = read_adjusted(connection, today=today or datetime.now(UTC).date())
    gone = connection.execute(sa.text("DELETE FROM adjusted_forecasts")).rowcount
    if gone or adjusted is not None:
        # readers that cache it begin again
        connection.execute(sa.select(sa.func.pg_notify(FORECAST_PUBLISHED, "")))
    if adjusted is None:
        return 0
    changed = _copy_changed(connection, adjusted)
    bound = {"forecast_run_id": adjusted.forecast_run_id, "days": json.dumps(_days(adjusted))}
    connection.execute(statement("forecasting/keep_override_days"), bound)
    return changed


def _copy_changed(connection: sa.Connection, adjusted: Adjusted) -> int:
    """Copy the items that differ from what was published, and return how many they are."""
    nodes = np.flatnonzero((adjusted.mean != adjusted.published).any(axis=1))
    mean = adjusted.mean[nodes]
    factor, rest = factor_and_rest(adjusted.published[nodes], mean)
    ends = [end.date() for end in adjusted.ends]
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor, cursor.copy(COPY) as copy:
        for row, node in enumerate(nodes.tolist()):
            beside = rest[row]
            added = quantiles_beside(beside, QUANTILES).tolist() if beside.any() else None
            told = (ends, mean[row].tolist(), factor[row].tolist(), added)
            copy.write_row((adjusted.forecast_run_id, node, *told))
    return int(nodes.size)


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
