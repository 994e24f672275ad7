"""Routes that write rows of a kind: PUT and DELETE, the same for each."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request

from ingest.files.value_words import value_words
from ingest.versions.completing import Told
from ingest.versions.kinds import Kind
from ingest.versions.rows import put_rows, withdraw_row
from stocktide.foundation.errors import Invalid
from stocktide.foundation.keys import Key
from stocktide.foundation.web import (
    asked_by,
    body_of,
    engine_of,
    in_transaction,
    limited_body,
    settings_of,
)

IdPath = Annotated[str, Path(min_length=1, max_length=100)]
# What follows from a change, done in its transaction; returns what it warns of.
After = Callable[[Request, sa.Connection], list[str]]
# What the routes' documentation says.
PUT_BY_ID = "Record rows, all or none. The same again changes nothing; the same id with another content replaces it."
PUT_BY_KEY = (
    "Record rows, all or none. The same again changes nothing. Fields that a row does not have stay as they are in "
    "force, null erases; `erased` counts by field what was known and is not any more."
)
User = Annotated[str | None, Query(description="On whose behalf the key asks.")]


def add_writes(router: APIRouter, kind: Kind, key_type: Any, *, after: After | None = None) -> None:
    """Add the routes of a kind. key_type: the dependency that says who may write. after: follows each change."""
    field = kind.name.replace("-", "_")
    body_shape = _body_shape(field, kind)

    async def put(request: Request, key: Key) -> dict[str, Any]:
        return await _put(request, key, kind, field, body_shape, after)

    def delete(request: Request, key: Key, row_id: IdPath, user: User = None) -> dict[str, str]:
        """Withdraw a row: from now on it is not known; what was decided before still knows it."""
        if not row_id.isprintable():
            raise Invalid("bad_text", f"A {kind.id_column}'s id has printable characters only.")
        with engine_of(request).begin() as connection:
            withdraw_row(connection, kind, row_id, by=asked_by(key, user))
            if after is not None:
                after(request, connection)
        return {"withdrawn": row_id}

    put.__doc__ = PUT_BY_KEY if kind.key else PUT_BY_ID
    for route in (put, delete):
        route.__annotations__["key"] = key_type
    router.put(f"/{kind.name}", name=f"put_{field}", openapi_extra=body_of(body_shape))(put)
    router.delete(f"/{kind.name}/{{row_id}}", name=f"delete_{field}")(delete)


async def _put(
    request: Request,
    key: Key,
    kind: Kind,
    field: str,
    body_shape: type[Any],
    after: After | None,
) -> dict[str, Any]:
    raw = await limited_body(request, settings_of(request).body_bytes_max)
    body, told = read_rows_body(raw, kind, field, body_shape)
    by = asked_by(key, body.user)

    def write(connection: sa.Connection) -> dict[str, Any]:
        done = put_rows(connection, kind, getattr(body, field), by=by, told=told)
        more = after(request, connection) if after and (done.recorded or done.changed) else []
        return done.answer() | {"warnings": [*done.warnings, *more]}

    return await in_transaction(request, write)


def read_rows_body(
    raw: bytes, kind: Kind, field: str, body_shape: type[Any]
) -> tuple[Any, list[Told]]:
    """Decode a body of rows, and the fields that each has; null is the default of a field that takes none.

    Raises Invalid.
    """
    sent: Any = None
    try:
        sent = msgspec.json.decode(raw)
        rows = sent.get(field) if isinstance(sent, dict) else None
        listed = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        told: list[Told] = [tuple(row) for row in listed]
        for row in listed:
            for name in kind.without_null & row.keys():
                if row[name] is None:
                    del row[name]
        return msgspec.convert(sent, body_shape), told
    except msgspec.ValidationError as error:
        why = value_words(error, sent)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = str(error)
    raise Invalid("body", f"The body is not what this route reads: {why}.")


def _body_shape(field: str, kind: Kind) -> type[Any]:
    """Return the shape of a kind's body: its rows under its name, and on whose behalf the key asks."""
    fields: list[Any] = [(field, list[kind.shape]), ("user", str | None, None)]  # type: ignore[name-defined]  # a type made at run time
    name = "".join(part.capitalize() for part in kind.name.split("-"))
    return msgspec.defstruct(f"{name}In", fields, forbid_unknown_fields=True)
