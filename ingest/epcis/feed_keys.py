"""What the keys of feeds may move: a movement that goes through EPCIS is one all the same."""

from collections.abc import Iterable

import sqlalchemy as sa

from ingest.epcis.event_facts import SOURCE
from ingest.epcis.movements import Line
from ingest.http.events_route import permitted
from ingest.parsing.events import Correction, Event, Fault
from stocktide.keys import COLUMNS, Key, key_of


def keys_of(connection: sa.Connection, feeds: set[str]) -> dict[str, Key]:
    """The keys of some feeds, by name."""
    query = sa.text(f"SELECT {COLUMNS} FROM access_keys WHERE name = ANY(:feeds)")  # noqa: S608 - our own names
    rows = connection.execute(query, {"feeds": sorted(feeds)}).mappings()
    return {row["name"]: key_of(row) for row in rows}


def allowed(key: Key | None, line: Line, item: Event | Fault) -> Event | Fault:
    """The parsed movement if the feed's key may send it, else why not. A feed without a key may send anything."""
    if key is None:
        return item
    if isinstance(item, Correction):
        # all corrections of EPCIS have one source, so the place of what they reverse decides
        return refusal(key, line.location, line.event_id) or item
    return permitted(key, item)


def refusal(key: Key | None, location: str | None, event_id: str | None = None) -> Fault | None:
    """Why a key may not reverse what moved at a location; None: it may."""
    why = None if key is None else key.refuses("correction", location)
    if key is None or why is None:
        return None
    by_kind = key.kinds is not None and "correction" not in key.kinds
    reason, field = ("key_kind", "type") if by_kind else ("key_location", "data.location")
    return Fault(reason, why, field, SOURCE, event_id)


def may_declare(key: Key | None, locations: Iterable[str]) -> str | None:
    """Why a key may not declare an event wrong that moves something at these locations; None: it may."""
    places: list[str | None] = [*locations]
    refused = (refusal(key, place) for place in places or [None])
    return next((fault.message for fault in refused if fault is not None), None)
