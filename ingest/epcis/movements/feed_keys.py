"""What the keys of feeds may move: a movement that goes through EPCIS is one all the same."""

from collections.abc import Iterable

import sqlalchemy as sa

from ingest.parsing.events import Event, Fault
from ingest.parsing.permission import permitted
from stocktide.domain.kinds import CORRECTION
from stocktide.foundation.keys import COLUMNS, Key, key_of


def keys_of(connection: sa.Connection, feeds: set[str]) -> dict[str, Key]:
    """The keys of some feeds, by name."""
    query = sa.text(f"SELECT {COLUMNS} FROM access_keys WHERE name = ANY(:feeds)")  # noqa: S608 - our own names
    rows = connection.execute(query, {"feeds": sorted(feeds)}).mappings()
    return {row["name"]: key_of(row) for row in rows}


def allowed(key: Key | None, item: Event | Fault) -> Event | Fault:
    """The parsed movement if the feed's key may send it, else why not. A feed without a key may send anything."""
    return item if key is None else permitted(key, item)


def may_declare(key: Key | None, locations: Iterable[str]) -> str | None:
    """Why a key may not declare an event wrong that moves something at these locations; None: it may."""
    if key is None:
        return None
    places: list[str | None] = [*locations]
    refused = (key.refuses(CORRECTION.name, place) for place in places or [None])
    return next((why for why in refused if why is not None), None)
