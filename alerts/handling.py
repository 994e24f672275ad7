"""What people say to alerts: that they have taken one on, that its subject is to be silent."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from alerts.evaluation import announce_alerts, lock_writers
from stocktide.errors import Invalid, NotFound

REASON_MAX = 1_000
SILENCE_MAX = timedelta(days=366)


def acknowledge(connection: sa.Connection, alert_id: int, *, by: str, reason: str) -> None:
    """Write that somebody has taken an alert on. Raises NotFound, Invalid. The caller commits."""
    _change(
        connection,
        alert_id,
        "acknowledged",
        "acknowledged_at = now(), acknowledged_by = :by, reason = :reason",
        {"by": by, "reason": _checked(reason)},
    )


def silence(
    connection: sa.Connection, alert_id: int, *, until: datetime, by: str, reason: str
) -> None:
    """Keep an alert's rule and subject from being sent to webhooks until then; a past instant ends a silence.

    It stays open and listed, and one that opens anew meanwhile is silenced, too. Raises NotFound, Invalid.
    """
    if until.tzinfo is None or abs(until - datetime.now(UTC)) > SILENCE_MAX:
        raise Invalid("silence_until", "Silence until an instant with its zone, within 366 days.")
    _change(
        connection,
        alert_id,
        "silenced",
        "silenced_until = :until, reason = :reason",
        {"by": by, "reason": _checked(reason), "until": until},
    )


def _change(
    connection: sa.Connection, alert_id: int, change: str, columns: str, binds: dict[str, Any]
) -> None:
    lock_writers(connection)
    done = connection.execute(
        sa.text(f"UPDATE alerts SET {columns} WHERE alert_id = :alert_id"),  # noqa: S608 - constants of this module
        {**binds, "alert_id": alert_id},
    )
    if done.rowcount == 0:
        raise NotFound("alert_unknown", f"There is no alert {alert_id}.")
    connection.execute(
        sa.text(
            "INSERT INTO alert_events (alert_id, change, value_milli, limit_milli, by, reason)"
            " SELECT alert_id, :change, last_value_milli, limit_milli, :by, :reason FROM alerts"
            " WHERE alert_id = :alert_id"
        ),
        {**binds, "alert_id": alert_id, "change": change},
    )
    announce_alerts(connection)


def _checked(reason: str) -> str:
    if not reason.strip() or len(reason) > REASON_MAX or "\x00" in reason:
        raise Invalid(
            "reason", f"Say why, in at most {REASON_MAX} characters: the history keeps it."
        )
    return reason.strip()
