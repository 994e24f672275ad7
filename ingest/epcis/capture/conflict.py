"""A conflict's two payloads side by side: the event that is captured, and what was refused for it."""

from typing import Any

import sqlalchemy as sa

from ingest.epcis.model.reading import Refused, decode, encoded
from stocktide.foundation.database import statement

# The source that the rejects of captured events have.
CONFLICT_SOURCE = "epcis"
# When an event was captured is no part of it.
NOT_COMPARED = frozenset({"@context", "recordTime"})


def conflict_of(
    connection: sa.Connection, raw: bytes, event_id: str | None = None
) -> dict[str, Any] | None:
    """Compare a refused event with the captured one of the same identity; None if there is none.

    raw: the event as it was kept. event_id: its reject's, for an event without an eventID. Returns `recorded`,
    `refused` and `differing`, the fields that are not the same, as the rejects desk has them for events of the ledger.
    """
    refused = _fields(raw)
    identity = refused.get("eventID", event_id)
    if not refused or not isinstance(identity, str):
        return None
    binds = {"identity": identity, "declares_error": "errorDeclaration" in refused}
    row = connection.execute(statement("ingest/epcis/event_captured"), binds).one_or_none()
    if row is None:
        return None
    recorded = _fields(row.event.encode())
    differing = [
        name
        for name in recorded | refused
        if encoded(recorded.get(name)) != encoded(refused.get(name))
    ]
    return {"recorded": recorded, "refused": refused, "differing": differing}


def _fields(raw: bytes) -> dict[str, Any]:
    """Return the fields of an event; none if it is no event."""
    try:
        value = decode(raw)
    except Refused:
        return {}
    if not isinstance(value, dict):
        return {}
    return {name: item for name, item in value.items() if name not in NOT_COMPARED}
