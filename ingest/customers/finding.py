"""Finding a customer by the id that senders use, for whoever may know who customers are."""

from typing import Any

import sqlalchemy as sa

from ingest.customers.mentions import without_customer
from ingest.ledger.entries import raw_cursor
from stocktide.foundation.customer_keys import CustomerKeys
from stocktide.foundation.customers import (
    check_key,
    checked_reason,
    known_customers,
    note_access,
)
from stocktide.foundation.errors import Invalid, NotFound


def find_customer(
    connection: sa.Connection, keys: CustomerKeys, customer_id: str, *, by: str, reason: str
) -> dict[str, Any]:
    """Return the pseudonym of an id, and note who asked why; the caller commits.

    Raises Invalid, NotFound for an id that no event named or that was erased, and Fatal for another key.
    """
    reason = checked_reason(reason)
    if not customer_id or without_customer(reason, customer_id) != reason:
        raise Invalid("reason", "The reason is kept: it must not hold the customer's id.")
    cursor = raw_cursor(connection)
    check_key(cursor, keys)
    found = known_customers(cursor, keys, [customer_id])
    if not found:
        # the id is not repeated: errors are logged
        raise NotFound("customer_unknown", "No customer has this id.")
    pseudonym = found[0][1]
    note_access(connection, "find", pseudonym, by=by, reason=reason)
    return {"pseudonym": pseudonym}
