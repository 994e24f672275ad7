"""Webhooks: who is told of alerts, and what became of what they were sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alerts.addresses import Allowed, check_url
from alerts.rules import RULES
from alerts.signature import new_secret
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import DELIVERIES_DUE
from stocktide.foundation.errors import Conflict, Invalid, NotFound
from stocktide.foundation.stored_text import is_storable

WEBHOOKS_MAX = 100
# After a rotation messages carry both signatures for so long.
OLD_SECRET_HOURS = 24


@dataclass(frozen=True)
class Filters:
    """Filter of the alerts that a webhook is told of; None: all. One that names locations gets no alerts of feeds."""

    rules: Sequence[str] | None = None
    locations: Sequence[str] | None = None


def create_webhook(
    connection: sa.Connection,
    name: str,
    url: str,
    filters: Filters,
    *,
    by: str,
    allowed: Allowed,
    secret: bytes | None = None,
) -> tuple[int, bytes]:
    """Make a webhook; returns its id and its secret, which nothing shows again. Raises Invalid, Conflict, NotFound."""
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Invalid("webhook_name", "A webhook's name has 1 to 100 printable characters.")
    check_url(url, allowed)
    secret = secret or new_secret()
    count = connection.execute(sa.text("SELECT count(*) FROM webhooks")).scalar_one()
    if count >= WEBHOOKS_MAX:
        raise Conflict("webhooks_max", f"There are {count} webhooks; delete one first.")
    webhook_id = connection.execute(
        sa.text(
            "INSERT INTO webhooks (name, url, secret, rules, location_ids, created_by)"
            " VALUES (:name, :url, :secret, :rules, :location_ids, :by)"
            " ON CONFLICT (name) DO NOTHING RETURNING webhook_id"
        ),
        {"name": name, "url": url, "secret": secret, "by": by, **_columns(connection, filters)},
    ).scalar()
    if webhook_id is None:
        raise Conflict("webhook_exists", f"A webhook named {name!r} exists.")
    return int(webhook_id), secret


def change_webhook(
    connection: sa.Connection,
    webhook_id: int,
    *,
    allowed: Allowed,
    url: str | None = None,
    filters: Filters | None = None,
    active: bool | None = None,
) -> None:
    """Change what is given; switched on again, it is sent what still waits. Raises Invalid, NotFound."""
    changed: dict[str, Any] = {}
    if url is not None:
        check_url(url, allowed)
        changed["url"] = url
    if filters is not None:
        changed |= _columns(connection, filters)
    if active is not None:
        changed |= {"active": active, "note": None}
    _update(connection, webhook_id, changed)


def rotate_secret(connection: sa.Connection, webhook_id: int) -> bytes:
    """Give a webhook a new secret; for a day messages are signed with the old one, too. Raises NotFound."""
    secret = new_secret()
    done = connection.execute(
        sa.text(
            "UPDATE webhooks SET old_secret = secret, old_secret_until = now() + make_interval(hours => :hours),"
            " secret = :secret, updated_at = now() WHERE webhook_id = :webhook_id"
        ),
        {"secret": secret, "hours": OLD_SECRET_HOURS, "webhook_id": webhook_id},
    )
    _check_found(done.rowcount, webhook_id)
    return secret


def delete_webhook(connection: sa.Connection, webhook_id: int) -> None:
    """Delete a webhook and its outbox. Raises NotFound."""
    done = connection.execute(
        sa.text("DELETE FROM webhooks WHERE webhook_id = :webhook_id"), {"webhook_id": webhook_id}
    )
    _check_found(done.rowcount, webhook_id)


def list_webhooks(connection: sa.Connection) -> list[dict[str, Any]]:
    """List all webhooks, never their secrets, with how many deliveries wait and how many were given up."""
    rows = connection.execute(statement("alerts/list_webhooks"), {"webhook_id": None})
    return [dict(row) for row in rows.mappings()]


def read_webhook(connection: sa.Connection, webhook_id: int) -> dict[str, Any]:
    """Read one webhook, never its secret. Raises NotFound."""
    row = (
        connection.execute(statement("alerts/list_webhooks"), {"webhook_id": webhook_id})
        .mappings()
        .first()
    )
    if row is None:
        raise _unknown(webhook_id)
    return dict(row)


def list_deliveries(
    connection: sa.Connection,
    webhook_id: int,
    *,
    state: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Page through a webhook's deliveries, the newest first. Raises NotFound."""
    read_webhook(connection, webhook_id)
    rows = connection.execute(
        statement("alerts/list_deliveries"),
        {"webhook_id": webhook_id, "state": state, "before": before, "limit": limit},
    )
    return [dict(row) for row in rows.mappings()]


def retry_dead(connection: sa.Connection, webhook_id: int) -> int:
    """Put what was given up back into the outbox, as if it were new. Returns how many. Raises NotFound."""
    read_webhook(connection, webhook_id)
    done = connection.execute(
        sa.text(
            "UPDATE deliveries SET state = 'waiting', attempts = 0, created_at = now(), next_at = now(),"
            " ended_at = NULL WHERE webhook_id = :webhook_id AND state = 'dead'"
        ),
        {"webhook_id": webhook_id},
    )
    connection.execute(sa.text("SELECT pg_notify(:channel, '')"), {"channel": DELIVERIES_DUE})
    return done.rowcount


def _update(connection: sa.Connection, webhook_id: int, changed: dict[str, Any]) -> None:
    assigned = "".join(f"{column} = :{column}, " for column in changed)
    done = connection.execute(
        sa.text(f"UPDATE webhooks SET {assigned}updated_at = now() WHERE webhook_id = :webhook_id"),  # noqa: S608 - columns named above
        {**changed, "webhook_id": webhook_id},
    )
    _check_found(done.rowcount, webhook_id)
    connection.execute(sa.text("SELECT pg_notify(:channel, '')"), {"channel": DELIVERIES_DUE})


def _columns(connection: sa.Connection, filters: Filters) -> dict[str, Any]:
    """Check the filters and turn location codes into ids."""
    unknown = sorted(set(filters.rules or ()) - set(RULES))
    if unknown or filters.rules == []:
        raise Invalid(
            "webhook_rules",
            f"There is no rule {unknown[0] if unknown else ''!r}; there are {', '.join(RULES)}.",
        )
    if filters.locations == []:
        raise Invalid("webhook_locations", "Name a location, or null for all.")
    ids = None
    if filters.locations is not None:
        codes = sorted(set(filters.locations))
        if not all(map(is_storable, codes)):
            raise Invalid("bad_text", "A location holds a NUL character.")
        rows = connection.execute(
            sa.text("SELECT code, location_id FROM locations WHERE code = ANY (:codes)"),
            {"codes": codes},
        )
        found = {row.code: row.location_id for row in rows}
        if missing := [code for code in codes if code not in found]:
            raise NotFound("location_unknown", f"There is no location {missing[0]!r}.")
        ids = sorted(found.values())
    return {"rules": list(filters.rules) if filters.rules else None, "location_ids": ids}


def _check_found(rowcount: int, webhook_id: int) -> None:
    if rowcount == 0:
        raise _unknown(webhook_id)


def _unknown(webhook_id: int) -> NotFound:
    return NotFound("webhook_unknown", f"There is no webhook {webhook_id}; see GET /v1/webhooks.")
