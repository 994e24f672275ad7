"""Hints at what the sender probably meant: the nearest values that would be valid."""

import difflib
from typing import Any

import sqlalchemy as sa

from ingest.parsing.kinds import DATA_TYPES
from ingest.rejects.payload import value_at
from stocktide.domain.kinds import KINDS, TYPE_PREFIX
from stocktide.foundation.database import statement
from stocktide.foundation.stored_text import is_storable

NEAREST_MAX = 5
CUTOFF = 0.6
DIMENSIONS = {"unknown_product": "product", "unknown_location": "location"}


def nearest(
    connection: sa.Connection, reason: str, field: str | None, raw: bytes
) -> dict[str, Any] | None:
    """Return the wrong field, what it says, and up to 5 values near it; None where nothing can be near."""
    value = value_at(raw, field)
    if reason in DIMENSIONS and isinstance(value, str):
        near = _near_codes(connection, DIMENSIONS[reason], value)
    elif reason == "unknown_kind" and isinstance(value, str):
        near = _near(value, [kind.type for kind in KINDS.values()])
    elif reason == "unknown_field" and field is not None:
        near = _near_fields(field, raw)
    else:
        return None
    return {"field": field, "value": value, "nearest": near}


def _near_codes(connection: sa.Connection, dimension: str, value: str) -> list[str]:
    if not is_storable(value):
        return []
    found = connection.execute(
        statement("ingest/reject_near"), {"dimension": dimension, "code": value.strip()[:100]}
    )
    return _near(value, [row.code for row in found])


def _near_fields(field: str, raw: bytes) -> list[str]:
    kind = str(value_at(raw, "type")).removeprefix(TYPE_PREFIX)
    names = DATA_TYPES[kind].__struct_fields__ if kind in DATA_TYPES else ()
    return _near(field, [f"data.{name}" for name in names])


def _near(value: str, known: list[str]) -> list[str]:
    """Letters' case and blanks around do not count: that is how codes go wrong most often."""
    by_plain = {code.strip().lower(): code for code in reversed(known)}
    found = difflib.get_close_matches(value.strip().lower(), by_plain, NEAREST_MAX, CUTOFF)
    return [by_plain[plain] for plain in found]
