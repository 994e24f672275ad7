"""Rows are read back in the form in which they are sent, with who recorded them and when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ingest.versions.kinds import AUDIT, Kind, sent
from stocktide.foundation.database import sql
from stocktide.foundation.errors import Invalid


def list_rows(
    connection: sa.Connection,
    kind: Kind,
    *,
    only: Mapping[str, str] | None = None,
    as_of: datetime | None = None,
    history: bool = False,
    after: int = 0,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Page through the rows of a kind that keeps codes, in the order of their recording.

    only: fields and what they must be. as_of: as they stood then (None: now). history: every row there ever was. A
    row's number is the next page's `after`. Raises Invalid for a field that the kind does not have.
    """
    only = only or {}
    if unknown := sorted(set(only) - set(kind.columns)):
        raise Invalid(
            "unknown_field",
            f"{kind.name} have no {unknown[0]!r}; there are {', '.join(kind.columns)}.",
        )
    conditions = "".join(f" AND {kind.column(name)}::text = :only_{name}" for name in only)
    template = sql("ingest/versions/list")
    for mark, text in (
        ("{table}", kind.table),
        ("{number}", kind.number),
        ("{conditions}", conditions),
    ):
        template = template.replace(mark, text)
    bound = {"after": after, "limit": limit, "as_of": as_of, "history": history}
    found = connection.execute(
        sa.text(template), bound | {f"only_{name}": value for name, value in only.items()}
    )
    return [_sent_row(kind, dict(row)) for row in found.mappings()]


def _sent_row(kind: Kind, row: Mapping[str, Any]) -> dict[str, Any]:
    fields = zip(kind.shape.__struct_fields__, kind.fields, strict=True)
    own = {
        name: sent(kind.column(field), row[kind.column(field)])
        for field, name in fields
        if name not in ("id", "known_since")
    }
    return {
        kind.number: row[kind.number],
        "id": row[kind.id_column],
        **own,
        **{name: row[name] for name in AUDIT},
    }
