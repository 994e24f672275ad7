"""What overrides do to the forecast of one part of the chain: for whoever is about to record one."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import sqlalchemy as sa

from forecasting.intervals.probabilities import QUANTILE_COLUMNS
from forecasting.nodes.plan_leaves import SCOPE
from forecasting.overriding.adjusted import (
    Adjusted,
    first_days,
    node_of,
    node_quantiles,
    read_adjusted,
)
from stocktide.foundation.errors import NotFound


def preview(
    connection: sa.Connection, scope: Mapping[str, Any], *, today: date | None = None
) -> dict[str, Any]:
    """Return the forecast of a scope as published and with the overrides that this transaction sees.

    scope: a value by key, as an override has it. Quantiles are given where the hierarchy has an item of this scope.
    Raises NotFound (`nothing_published`; `nothing_reached`: the forecast has no item in the scope).
    """
    adjusted = read_adjusted(connection, today=today or datetime.now(UTC).date())
    if adjusted is None:
        raise NotFound(
            "nothing_published", "No forecast is published yet; run `stocktide forecast`."
        )
    rows = _reached(adjusted, scope)
    if not rows.size:
        raise NotFound(
            "nothing_reached",
            "The published forecast has no item that this is for; an override of it would change nothing.",
        )
    node = node_of(adjusted, scope)
    if node is None:
        published = adjusted.leaf_means[rows].sum(axis=0)
        moved = adjusted.spread.mean[rows].sum(axis=0)
        bands: list[dict[str, Any]] = [{} for _ in adjusted.ends]
    else:
        published, moved = adjusted.published[node], adjusted.mean[node]
        bands = _bands(connection, adjusted, node)
    firsts = first_days(adjusted.ends, adjusted.cutoff)
    days = [
        {"first_day": first.date(), "ds": end.date(), "yhat": was, "adjusted": now, **band}
        for first, end, was, now, band in zip(
            firsts, adjusted.ends, published.tolist(), moved.tolist(), bands, strict=True
        )
    ]
    return {
        "node_id": node,
        "items": int(rows.size),
        "published": float(published.sum()),
        "adjusted": float(moved.sum()),
        "days": days,
    }


def _reached(adjusted: Adjusted, scope: Mapping[str, Any]) -> Any:
    """Return the leaves of a scope."""
    fits = np.ones(len(adjusted.leaves), dtype=np.bool_)
    for key in SCOPE:
        if scope.get(key) is not None:
            fits &= np.asarray(adjusted.leaves[key] == scope[key])
    return np.flatnonzero(fits)


def _bands(connection: sa.Connection, adjusted: Adjusted, node: int) -> list[dict[str, Any]]:
    """Return the quantiles of a node by period, as published and with the overrides."""
    was, now = node_quantiles(connection, adjusted, np.array([node]))
    return [
        {
            **dict(zip(QUANTILE_COLUMNS, before, strict=True)),
            **{f"adjusted_{name}": one for name, one in zip(QUANTILE_COLUMNS, after, strict=True)},
        }
        for before, after in zip(was[0].tolist(), now[0].tolist(), strict=True)
    ]
