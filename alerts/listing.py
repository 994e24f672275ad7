"""Alerts as people read them: a page of them, or one with its history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.rules import message_of, unit_of, units
from stocktide.foundation.database import statement
from stocktide.foundation.errors import NotFound

PAGE_MAX = 500


@dataclass(frozen=True)
class Wanted:
    """Filter of alerts; None: any. open: only open, or only closed ones. since: opened or closed at or after."""

    open: bool | None = None
    rule: str | None = None
    product: str | None = None
    location: str | None = None
    feed: str | None = None
    order_id: str | None = None
    since: datetime | None = None


def list_alerts(
    connection: sa.Connection, wanted: Wanted, *, before: int | None = None, limit: int = 100
) -> list[dict[str, Any]]:
    """Page through alerts, the newest first; `before` is the last alert_id of the page before."""
    binds = {**vars(wanted), "before": before, "alert_id": None, "limit": min(limit, PAGE_MAX)}
    rows = connection.execute(statement("alerts/list_alerts"), binds).mappings()
    return [_shown(row) for row in rows]


def newest_event_id(connection: sa.Connection) -> int:
    """Return the number of the newest event, 0 before the first: a stream resumed from it misses nothing that comes."""
    newest: int = connection.execute(
        sa.text("SELECT coalesce(max(event_id), 0) FROM alert_events")
    ).scalar_one()
    return newest


def read_alert(connection: sa.Connection, alert_id: int) -> dict[str, Any]:
    """Read one alert with its history. Raises NotFound."""
    binds = {**vars(Wanted()), "before": None, "alert_id": alert_id, "limit": 1}
    row = connection.execute(statement("alerts/list_alerts"), binds).mappings().first()
    if row is None:
        raise NotFound("alert_unknown", f"There is no alert {alert_id}.")
    history = connection.execute(
        sa.text(
            "SELECT event_id, change, at, value_milli, limit_milli, by, reason FROM alert_events"
            " WHERE alert_id = :alert_id ORDER BY event_id"
        ),
        {"alert_id": alert_id},
    ).mappings()
    return {**_shown(row), "history": [_happened(event) for event in history]}


def _happened(event: sa.RowMapping) -> dict[str, Any]:
    numbers = {"value": units(event["value_milli"]), "limit": units(event["limit_milli"])}
    kept = {name: event[name] for name in ("event_id", "change", "at", "by", "reason")}
    return {**kept, **numbers}


def _shown(row: sa.RowMapping) -> dict[str, Any]:
    unit = unit_of(row["rule"], row["unit"])
    last, limit = units(row["last_value_milli"]), units(row["limit_milli"])
    closed_after_s = (
        (row["closed_at"] - row["opened_at"]).total_seconds() if row["closed_at"] else None
    )
    same = (
        "alert_id", "rule", "product", "product_name", "location", "location_name", "feed", "order_id", "details",
        "closed_at",        "acknowledged_at", "acknowledged_by", "silenced_until", "reason", "last_value_at",
    )  # fmt: skip
    return {
        **{name: row[name] for name in same},
        "state": "closed" if row["closed_at"] else "open",
        "since": row["opened_at"],
        "value": units(row["value_milli"]),
        "last_value": last,
        "limit": limit,
        "unit": unit,
        "message": message_of(
            row["rule"], last, limit, unit, closed_after_s=closed_after_s, order=row["details"]
        ),
    }
