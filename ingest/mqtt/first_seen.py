"""Moments when messages without a time of their own were first seen, so that a redelivery is the same event."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from ingest.mqtt.plain import Undated
from stocktide.foundation.database import statement


def first_seen(connection: sa.Connection, undated: Sequence[Undated]) -> list[datetime]:
    """Return the moment of each event, in order. The caller commits before it records the events.

    Kept first, recorded after: whoever is killed in between finds the same moment, and so the same id, again.
    """
    by_key: dict[str, Undated] = {}
    keys = [_digest(event.key) for event in undated]
    for key, event in zip(keys, undated, strict=True):
        if key is not None and not (event.maybe_redelivered and key in by_key):
            by_key[key] = event
    ordered = dict(sorted(by_key.items()))
    rows = connection.execute(
        statement("ingest/first_seen"),
        {
            "keys": [*ordered],
            "seen_at": [event.received_at for event in ordered.values()],
            "again": [event.maybe_redelivered for event in ordered.values()],
        },
    )
    moments: dict[str, datetime] = {row.key: row.seen_at for row in rows}
    return [
        event.received_at if key is None else moments[key]
        for key, event in zip(keys, undated, strict=True)
    ]


def forget_old(connection: sa.Connection, older_than_s: int) -> None:
    """Drop what no session of a broker can deliver again."""
    connection.execute(
        sa.text(
            "DELETE FROM mqtt_first_seen WHERE seen_at < now() - make_interval(secs => :seconds)"
        ),
        {"seconds": older_than_s},
    )


def _digest(key: str | None) -> str | None:
    """Return a key as it is stored: topics and ids may be longer than an index entry, and hold more than text."""
    return None if key is None else hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
