"""Erasing a customer: what says who they are is destroyed, and what else names them goes; the ledger stays as it is."""

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa

from ingest.customers.mentions import names_customer, patterns_of, without_customer
from ingest.ledger.entries import raw_cursor
from stocktide.foundation.customer_keys import ID, CustomerKeys, Sealed, new_pseudonym
from stocktide.foundation.customers import check_key, checked_reason, note_access
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import ERASURES_LOCK
from stocktide.foundation.errors import Conflict, Invalid, NotFound
from stocktide.foundation.wal import leave_wal

ROWS_AT_ONCE = 500
# Events wait behind whoever waits for these tables.
LOCK_S = 5


def erase_customer(
    connection: sa.Connection,
    keys: CustomerKeys,
    *,
    pseudonym: str | None = None,
    customer_id: str | None = None,
    by: str,
    reason: str,
) -> dict[str, Any]:
    """Erase a customer, by pseudonym or by the sender's id; the caller commits.

    Nothing leads from the id to the pseudonym afterwards. Rejects that name the id are deleted, statements of the
    console lose it, also where no event ever named it. `epcis_events` counts captured events that hold the text: those
    are the record. Raises Invalid, NotFound, Conflict, and Fatal for another key than the customers'.
    """
    reason = checked_reason(reason)
    if (pseudonym is None) == (customer_id is None):
        raise Invalid("body", "Name the customer, either by `pseudonym` or by `id`.")
    # numbers of erasures rise in the order of commits
    connection.execute(
        sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:lock, 0))"), {"lock": ERASURES_LOCK}
    )
    # under another key the customer would not be found, and seem to be erased
    check_key(raw_cursor(connection), keys)
    row = _found(connection, keys, pseudonym, customer_id)
    if row is not None:
        customer_id = keys.opened(row.pseudonym, _sealed(row))[ID]
    assert customer_id is not None  # noqa: S101 - given, or read from the row
    if without_customer(reason, customer_id) != reason or without_customer(by, customer_id) != by:
        raise Invalid("reason", "The reason is kept: it must not hold the customer's id.")
    erased = new_pseudonym() if row is None else row.pseudonym
    binds = {"pseudonym": erased, "by": by, "reason": reason}
    connection.execute(statement("ingest/erase_customer"), binds)
    note_access(connection, "erase", erased, by=by, reason=reason)
    return {
        "pseudonym": erased,
        "rejects_deleted": _delete_rejects(connection, customer_id),
        "statements_changed": _change_statements(connection, customer_id),
        "epcis_events": _count_epcis_events(connection, customer_id),
    }


def _found(
    connection: sa.Connection, keys: CustomerKeys, pseudonym: str | None, customer_id: str | None
) -> Any:
    """Return the row of a customer who is not erased; None for an id that no event has named."""
    index = None if customer_id is None else keys.index_of(customer_id)
    binds = {"pseudonym": pseudonym, "id_index": index}
    row = connection.execute(statement("ingest/customer_to_erase"), binds).first()
    if row is None and pseudonym is not None:
        raise NotFound("customer_unknown", f"There is no customer {pseudonym[:100]!r}.")
    if row is not None and row.erased_at is not None:
        why = f"{row.pseudonym} was erased at {row.erased_at.isoformat()} by {row.erased_by}."
        raise Conflict("customer_erased", why)
    return row


def _sealed(row: Any) -> Sealed:
    return Sealed(bytes(row.wrapped_key), bytes(row.fields))


def _delete_rejects(connection: sa.Connection, customer_id: str) -> int:
    """Delete rejects that name a customer; returns how many."""
    naming = [
        row.reject_id
        for row in _rows(connection, "ingest/rejects_that_may_name", customer_id)
        if any(names_customer(bytes(raw), customer_id) for raw in row.payloads)
    ]
    deleted: int = connection.execute(
        sa.text("SELECT delete_rejects(:ids)"), {"ids": naming}
    ).scalar_one()
    return deleted


def _change_statements(connection: sa.Connection, customer_id: str) -> int:
    """Take an id out of what people asked the console; returns how many statements held it."""
    changed = 0
    rows = connection.execute(statement("ingest/statements_that_name"), {"text": customer_id})
    for row in rows.all():
        told = {
            "statement": without_customer(row.statement, customer_id),
            "error": row.error and without_customer(row.error, customer_id),
        }
        if (told["statement"], told["error"]) != (row.statement, row.error):
            binds = {"statement_id": row.statement_id, **told}
            connection.execute(statement("ingest/change_statement"), binds)
            changed += 1
    return changed


def _count_epcis_events(connection: sa.Connection, customer_id: str) -> int:
    rows = _rows(connection, "ingest/epcis_events_that_may_name", customer_id)
    return sum(names_customer(row.event.encode(), customer_id) for row in rows)


def _rows(connection: sa.Connection, name: str, customer_id: str) -> Iterator[Any]:
    """Stream rows of a statement that looks for an id in bytes."""
    binds = {"patterns": patterns_of(customer_id)}
    options = {"stream_results": True, "max_row_buffer": ROWS_AT_ONCE}
    yield from connection.execute(statement(name), binds, execution_options=options)


def purge_erased(engine: sa.Engine, say: Callable[[str], None]) -> int:
    """Write the pages again that held what was erased, and let the log be written over; returns the customers purged.

    Raises what the database raises where others hold the tables for longer than a few seconds: then the next call does
    it.
    """
    with engine.connect() as connection:
        waiting: int = connection.execute(statement("ingest/customers_to_purge")).scalar_one()
    if not waiting:
        return 0
    with engine.begin() as connection:
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_S}s'"))
        purged: int = connection.execute(sa.text("SELECT rewrite_erased()")).scalar_one()
    left = leave_wal(engine)
    say(
        f"customers: {purged:,} erased ones purged{'' if left else ', but not from the log of the database'}"
    )
    return purged
