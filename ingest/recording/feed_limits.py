"""Limits of a feed that comes by no HTTP request: those of the key of its name, if there is one."""

from collections.abc import Sequence

import sqlalchemy as sa

from ingest.parsing.permission import permitted_all
from ingest.parsing.sales import Item
from stocktide.foundation.keys import keys_named


def permitted_of_feed(engine: sa.Engine, feed: str, parsed: Sequence[Item]) -> Sequence[Item]:
    """Return inputs with a fault instead of each event that the key of their feed may not send.

    A feed without a key may send anything. A revoked key limits its feed all the same.
    """
    with engine.connect() as connection:
        key = keys_named(connection, [feed]).get(feed)
    return parsed if key is None else permitted_all(key, parsed)
