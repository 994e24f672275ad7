"""What a row leaves out stays as it is: rows are completed by those in force, and what they erase is counted."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.versions.kinds import Kind, written

# The fields that a row has, as senders write them.
Told = Collection[str]


def complete(
    connection: sa.Connection,
    kind: Kind,
    rows: Sequence[Any],
    ids: Sequence[str],
    told: Sequence[Told],
) -> list[Any]:
    """Return rows with the fields that they leave out as they are in force. ids: of their keys.

    A field that follows another one (a target its measure) is kept only with the same value of that.
    """
    before = _in_force(connection, kind, ids)
    names = dict(zip(kind.fields, kind.shape.__struct_fields__, strict=True))
    made = []
    for row, row_id, fields in zip(rows, ids, told, strict=True):
        old = before.get(row_id)
        if old is not None:
            kept = {
                name: old[name]
                for field, name in names.items()
                if name in old and field not in fields and _holds(kind, name, row, old)
            }
            row = msgspec.structs.replace(row, **kept)
        made.append(row)
    return made


def count_erased(
    connection: sa.Connection, kind: Kind, rows: Sequence[Any], ids: Sequence[str]
) -> dict[str, int]:
    """Count by field the rows in which it was known and is not any more."""
    before = _in_force(connection, kind, ids)
    names = dict(zip(kind.shape.__struct_fields__, kind.fields, strict=True))
    return dict(
        Counter(
            names[name]
            for row, row_id in zip(rows, ids, strict=True)
            for name, was in before.get(row_id, {}).items()
            if was is not None and getattr(row, name) is None
        )
    )


def _holds(kind: Kind, name: str, row: Any, old: Mapping[str, Any]) -> bool:
    leads = kind.follows.get(name)
    return leads is None or getattr(row, leads) == old[leads]


def _in_force(
    connection: sa.Connection, kind: Kind, ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return what rows say beside their keys, by id."""
    own = {name: column for name, column in kind.columns.items() if name not in kind.key}
    columns: list[sa.ColumnClause[Any]] = [
        sa.column(name) for name in dict.fromkeys((kind.id_column, *own.values()))
    ]
    table = sa.table(kind.table, *columns, sa.column("withdrawn_at"))
    asked = (
        sa.select(*columns)
        .select_from(table)
        .where(sa.column(kind.id_column) == sa.any_(sa.bindparam("ids")))
        .where(sa.column("withdrawn_at").is_(None))
    )
    found = connection.execute(asked, {"ids": list(ids)}).mappings()
    return {
        row[kind.id_column]: {name: written(column, row[column]) for name, column in own.items()}
        for row in found
    }
