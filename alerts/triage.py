"""Triage of alerts by people: they take one on, or silence its subject."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from alerts.evaluation import announce_alerts, lock_writers
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.stored_text import is_storable

REASON_MAX = 1_000
SILENCE_MAX = timedelta(days=366)


def acknowledge(connection: sa.Connection, alert_id: int, *, by: str, reason: str) -> None:
    """Write that somebody has taken an alert on. Raises NotFound, Invalid. The caller commits."""
    binds = {"alert_id": alert_id, "by": by, "reason": _checked(reason)}
    lock_writers(connection)
    _check_found(connection.execute(statement("alerts/acknowledge_alert"), binds), alert_id)
    announce_alerts(connection)


def silence(
    connection: sa.Connection, alert_id: int, *, until: datetime, by: str, reason: str
) -> None:
    """Keep an alert's rule and subject from being sent to webhooks until then; a past instant ends a silence.

    It stays open and listed, and one that opens again meanwhile is silenced, too; what is still open afterwards is sent
    then. Raises NotFound, Invalid. The caller commits.
    """
    if until.tzinfo is None or abs(until - datetime.now(UTC)) > SILENCE_MAX:
        raise Invalid("silence_until", "Silence until an instant with its zone, within 366 days.")
    binds = {"alert_id": alert_id, "until": until, "by": by, "reason": _checked(reason)}
    lock_writers(connection)
    _check_found(connection.execute(statement("alerts/silence_subject"), binds), alert_id)
    announce_alerts(connection)


def _check_found(changed: sa.CursorResult[tuple[int]], alert_id: int) -> None:
    if changed.first() is None:
        raise NotFound("alert_unknown", f"There is no alert {alert_id}.")


def _checked(reason: str) -> str:
    if not reason.strip() or len(reason) > REASON_MAX or not is_storable(reason):
        raise Invalid(
            "reason",
            f"Enter a reason of at most {REASON_MAX} characters: it is saved in the audit log.",
        )
    return reason.strip()
