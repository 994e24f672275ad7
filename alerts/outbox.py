"""Outbox of webhooks: what is due is taken with a lease, and how sending went is written. The caller commits."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from alerts.cloud_event import cloud_event
from alerts.posting import GONE, Tried
from stocktide.foundation.database import statement
from stocktide.foundation.stored_text import storable
from stocktide.foundation.telemetry import log

# How many of one webhook are taken at once.
EACH_MAX = 8
KEEP_DAYS = 30
ERROR_MAX = 300


@dataclass(frozen=True)
class Delivery:
    """One message to one webhook, with all that sending it needs. body None: it could not be made."""

    delivery_id: int
    webhook_id: int
    event_id: int
    attempts: int
    created_at: datetime
    webhook: str
    url: str
    secret: bytes = field(repr=False)
    old_secret: bytes | None = field(repr=False)
    body: bytes | None


def take_due(
    connection: sa.Connection, *, most: int, busy: Sequence[int], lease_s: float, source: str
) -> list[Delivery]:
    """Take at most `most` of what is due, skipping busy webhooks. What is not ended within the lease is due again.

    The body of what goes out for the first time is kept: a later try sends it again, whatever is called otherwise then.
    """
    binds = {"each": EACH_MAX, "most": most, "busy": list(busy), "lease_s": lease_s}
    taken = connection.execute(statement("alerts/claim_deliveries"), binds).mappings().all()
    new = {row["delivery_id"]: _body_of(row, source) for row in taken if row["body"] is None}
    if new:
        kept = {"delivery_ids": list(new), "bodies": list(new.values())}
        connection.execute(statement("alerts/keep_bodies"), kept)
    return [_delivery(row, row["body"] or new[row["delivery_id"]]) for row in taken]


def end_try(
    connection: sa.Connection, delivery: Delivery, tried: Tried, *, state: str, wait_s: float
) -> None:
    """Write what became of a delivery: delivered, dead, or waiting so long. A webhook that is gone is switched off."""
    connection.execute(
        statement("alerts/end_try"),
        {
            "state": state,
            "status": tried.status,
            "error": tried.error and storable(tried.error[:ERROR_MAX]),
            "wait_s": wait_s,
            "delivery_id": delivery.delivery_id,
        },
    )
    if tried.status == GONE:
        connection.execute(
            sa.text(
                "UPDATE webhooks SET active = false, note = 'it answered 410 Gone', updated_at = now()"
                " WHERE webhook_id = :webhook_id"
            ),
            {"webhook_id": delivery.webhook_id},
        )


def clear_old(connection: sa.Connection) -> None:
    """Delete what ended long ago."""
    connection.execute(
        sa.text(
            "DELETE FROM deliveries WHERE state <> 'waiting'"
            " AND ended_at < now() - make_interval(days => :days)"
        ),
        {"days": KEEP_DAYS},
    )


def _delivery(row: sa.RowMapping, body: bytes | None) -> Delivery:
    same: dict[str, Any] = {
        name: row[name] for name in Delivery.__dataclass_fields__ if name != "body"
    }
    return Delivery(**same, body=body)


def _body_of(row: sa.RowMapping, source: str) -> bytes | None:
    try:
        return msgspec.json.encode(cloud_event(row, source))
    except Exception as error:  # noqa: BLE001 - its own tries fail for it, and nobody else's
        log("webhook_body_failed", level=logging.ERROR, event_id=row["event_id"], error=repr(error))
        return None
