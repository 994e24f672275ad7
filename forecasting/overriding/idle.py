"""Overrides that change nothing as things stand: whoever records one is told, since it would wait unseen."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecasting.nodes.plan_leaves import SCOPE, match_plans
from forecasting.overriding.adjusted import read_leaves
from stocktide.foundation.database import statement


def idle_overrides(connection: sa.Connection, *, today: date | None = None) -> list[str]:
    """Return why overrides that this transaction recorded reach nothing, a sentence each."""
    found = connection.execute(statement("forecasting/overrides_just_recorded"))
    told = pd.DataFrame(found.all(), columns=list(found.keys()))
    if told.empty:
        return []
    head = connection.execute(statement("forecasting/published_head")).mappings().first()
    if head is None:
        return ["No forecast is published yet; overrides count from the first one on."]
    run = {"forecast_run_id": head["forecast_run_id"]}
    ends = connection.execute(statement("forecasting/override_periods"), run).scalars().all()
    _, leaves = read_leaves(connection, head["forecast_run_id"])
    reached = set(match_plans(told, leaves)[0].tolist())
    today, last = today or datetime.now(UTC).date(), pd.Timestamp(max(ends)).date()
    whys = [
        _why(row, is_reached=number in reached, today=today, last=last)
        for number, row in enumerate(told.replace({np.nan: None}).to_dict("records"))
    ]
    return [why for why in whys if why is not None]


def _why(row: Mapping[Any, Any], *, is_reached: bool, today: date, last: date) -> str | None:
    of = " ".join(f"{key} {row[key]}" for key in SCOPE if row[key] is not None) or "everything"
    first, until, expires = row["starts_on"], row["ends_on"], row["expires_on"]
    why = None
    if not is_reached:
        why = "the published forecast has no item that it is for"
    elif until < today:
        why = "its days are over"
    elif expires is not None and expires < first:
        why = f"it expires on {expires}, before its first day"
    elif first > last:
        why = f"the forecast ends on {last}; it counts once one reaches its days"
    return None if why is None else f"Override of {of}, {first} to {until}, changes nothing: {why}."
