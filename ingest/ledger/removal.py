"""Products and locations that were made by mistake: removed while nothing refers to them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, NotFound

Table = Literal["products", "locations"]
# Its key, the code that people know, and the columns elsewhere that hold the key; and the code.
KEYS: dict[Table, tuple[str, str, tuple[str, ...], str]] = {
    "products": ("product_id", "sku", ("product_id", "successor_id", "predecessor_id"), "product"),
    "locations": ("location_id", "code", ("location_id", "to_location_id"), "location"),
}
SHOWN = 5


class Removed(NamedTuple):
    """How many were removed, and how many of those made since were left because something refers to them."""

    removed: int
    left: int


def remove_codes(connection: sa.Connection, table: Table, codes: Collection[str]) -> Removed:
    """Remove products by sku, or locations by code: all or none; the caller commits.

    Raises NotFound for an unknown code, Conflict where something refers to one, or another process is connected.
    """
    key, code, *_ = KEYS[table]
    _lock(connection, table)
    query = f"SELECT {key} AS id, {code} AS code FROM {table} WHERE {code} = ANY(:codes)"  # noqa: S608 - our own names
    found = {row.id: row.code for row in connection.execute(sa.text(query), {"codes": list(codes)})}
    if unknown := sorted(set(codes) - set(found.values())):
        raise NotFound(
            "code_unknown", f"There is no {code} {unknown[0]!r} in {table}; nothing was removed."
        )
    refers = _references(connection, table, found)
    if refers:
        told = "; ".join(
            f"{found[id]!r} by {', '.join(refers[id])}" for id in sorted(refers)[:SHOWN]
        )
        more = "" if len(refers) <= SHOWN else f"; and {len(refers) - SHOWN} more"
        why = f"Nothing was removed. Something refers to {len(refers)} of them: {told}{more}. Leave these out."
        raise Conflict("referred_to", why)
    return Removed(_remove(connection, table, list(found)), 0)


def remove_made_since(connection: sa.Connection, table: Table, since: datetime) -> Removed:
    """Remove what was made since a moment and nothing refers to; the caller commits. Raises Conflict."""
    key, code, *_ = KEYS[table]
    _lock(connection, table)
    query = f"SELECT {key} AS id, {code} AS code FROM {table} WHERE created_at >= :since"  # noqa: S608 - our own names
    found = {row.id: row.code for row in connection.execute(sa.text(query), {"since": since})}
    refers = _references(connection, table, found)
    return Removed(_remove(connection, table, list(set(found) - set(refers))), len(refers))


def _lock(connection: sa.Connection, table: Table) -> None:
    """Keep others out: a process that runs caches keys, and would go on to record under a removed one."""
    connection.execute(sa.text("SET LOCAL lock_timeout = '5s'"))
    connection.execute(sa.text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
    others = connection.execute(statement("ingest/other_connections")).scalar_one()
    if others:
        why = f"{others} other connections are open. Stop `stocktide up`, `watch` and `mqtt` first, then remove."
        raise Conflict("in_use", why)


def _references(
    connection: sa.Connection, table: Table, found: Mapping[int, str]
) -> dict[int, list[str]]:
    """Return the tables that hold the keys, or the codes, by key. found: the code of each key."""
    _, _, columns, named = KEYS[table]
    ids = {code: id for id, code in found.items()}
    refers: dict[int, list[str]] = {}
    binds = {"columns": [*columns, named], "table": table}
    for row in connection.execute(statement("ingest/referring_columns"), binds).all():
        wanted = list(ids if row.column_name == named else found)
        query = f"SELECT DISTINCT {row.column_name} FROM {row.table_name} WHERE {row.column_name} = ANY(:wanted)"  # noqa: S608
        for held in connection.execute(sa.text(query), {"wanted": wanted}).scalars():
            refers.setdefault(ids.get(held, held), []).append(row.table_name)
    return {id: sorted(set(tables)) for id, tables in refers.items()}


def _remove(connection: sa.Connection, table: Table, ids: Collection[int]) -> int:
    connection.execute(
        sa.text("SELECT set_config('stocktide.removes', :table, true)"), {"table": table}
    )
    query = f"DELETE FROM {table} WHERE {KEYS[table][0]} = ANY(:ids)"  # noqa: S608 - our own names
    removed = connection.execute(sa.text(query), {"ids": list(ids)}).rowcount
    connection.execute(sa.text("SELECT set_config('stocktide.removes', '', true)"))
    return removed
