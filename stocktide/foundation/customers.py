"""The table of customers: found by the ids that senders use, made, and who may be told which id is behind one."""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa

from stocktide.foundation.customer_keys import ID, CustomerKeys, Sealed, new_pseudonym
from stocktide.foundation.database import sql, statement
from stocktide.foundation.errors import Fatal, Invalid, NotFound
from stocktide.foundation.stored_text import is_storable

Cursor = psycopg.RawCursor[Any]
REASON_MAX = 1_000


def known_customers(
    cursor: Cursor, keys: CustomerKeys, ids: Sequence[str]
) -> list[tuple[str, str, bool]]:
    """Return id and pseudonym of those that there are, and whether the row outlives this transaction's rollback."""
    binds = ([keys.index_of(one) for one in ids],)
    rows = cursor.execute(sql("stocktide/customers_known").encode(), binds, prepare=True)
    return [(ids[place - 1], pseudonym, is_kept) for place, pseudonym, is_kept in rows]


def make_customers(cursor: Cursor, keys: CustomerKeys, ids: Sequence[str]) -> dict[str, str]:
    """Make customers, and return their pseudonyms by id. ids: at least one."""
    id_of = {keys.index_of(customer_id): customer_id for customer_id in ids}
    rows = []
    # two writers meet them in one order
    for index in sorted(id_of):
        pseudonym = new_pseudonym()
        rows.append((pseudonym, index, *keys.seal(pseudonym, {ID: id_of[index]})))
    binds = (*(list(column) for column in zip(*rows, strict=True)), keys.mark)
    made = cursor.execute(sql("stocktide/customers_new").encode(), binds, prepare=True)
    pseudonyms = {id_of[index]: pseudonym for index, pseudonym in made}
    if len(pseudonyms) < len(ids):
        # another has made them meanwhile, and has committed
        others = [one for one in ids if one not in pseudonyms]
        pseudonyms |= {one: found for one, found, _ in known_customers(cursor, keys, others)}
    return pseudonyms


def keep_fields(
    cursor: Cursor, keys: CustomerKeys, pseudonym: str, fields: Mapping[str, str]
) -> None:
    """Keep further personal fields of a customer, encrypted; a name that is known gets the newer value."""
    query = sql("stocktide/customer_fields").encode()
    row = cursor.execute(query, (pseudonym,), prepare=True).fetchone()
    if row is None:
        return
    known = keys.opened(pseudonym, Sealed(bytes(row[0]), bytes(row[1])))
    if not fields.items() <= known.items():
        binds = (pseudonym, *keys.seal(pseudonym, {**known, **fields}))
        cursor.execute(sql("stocktide/change_customer_fields").encode(), binds, prepare=True)


def check_key(cursor: Cursor, keys: CustomerKeys) -> bool:
    """Return True if customers were made under this key, False if there are none. Raises Fatal for another key."""
    row = cursor.execute(sql("stocktide/customers_key_mark").encode()).fetchone()
    if row is not None and bytes(row[0]) != keys.mark:
        raise Fatal(
            "customer_key",
            "The customers of this database were made under another key. Set STOCKTIDE_CUSTOMER_KEY to it, or "
            "restore HOME/customer-key.",
        )
    return row is not None


def resolve_customer(
    connection: sa.Connection, keys: CustomerKeys, pseudonym: str, *, by: str, reason: str
) -> dict[str, Any]:
    """Return the id behind a pseudonym, and note who asked why. The caller commits. Raises Invalid, NotFound, Fatal."""
    reason = checked_reason(reason)
    row = connection.execute(statement("stocktide/customer"), {"pseudonym": pseudonym}).first()
    if row is None:
        raise NotFound("customer_unknown", f"There is no customer {pseudonym[:100]!r}.")
    note_access(connection, "resolve", pseudonym, by=by, reason=reason)
    shown = {"pseudonym": pseudonym, "made_at": row.made_at, "erased_at": row.erased_at}
    if row.erased_at is not None:
        return {**shown, ID: None}
    sealed = Sealed(bytes(row.wrapped_key), bytes(row.fields))
    return {**keys.opened(pseudonym, sealed), **shown}


def note_access(
    connection: sa.Connection, action: str, pseudonym: str, *, by: str, reason: str
) -> None:
    """Write down who saw or erased a customer, when and why."""
    binds = {"action": action, "pseudonym": pseudonym, "by": by, "reason": reason}
    connection.execute(statement("stocktide/note_customer_access"), binds)


def list_accesses(connection: sa.Connection, *, limit: int) -> list[dict[str, Any]]:
    """List who saw or erased whom, the newest first."""
    rows = connection.execute(statement("stocktide/customer_accesses"), {"limit": limit})
    return [dict(row) for row in rows.mappings()]


def checked_reason(reason: str) -> str:
    """Return the reason as it is kept. Raises Invalid."""
    kept = reason.strip()
    if not kept or len(kept) > REASON_MAX or not is_storable(kept):
        why = f"Enter a reason of at most {REASON_MAX} characters: it is saved in the audit log."
        raise Invalid("reason", why)
    return kept
