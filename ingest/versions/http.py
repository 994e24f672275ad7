"""Routes that write rows of a kind: PUT and DELETE, the same for each."""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request

from ingest.versions.kinds import Kind
from ingest.versions.rows import put_rows, withdraw_row
from stocktide.foundation.errors import Invalid
from stocktide.foundation.keys import Key
from stocktide.foundation.web import (
    asked_by,
    body_of,
    engine_of,
    in_transaction,
    read_body,
    settings_of,
)

IdPath = Annotated[str, Path(min_length=1, max_length=100)]
# What follows from a change, done in its transaction.
After = Callable[[Request, sa.Connection], None]
User = Annotated[str | None, Query(description="On whose behalf the key asks.")]


def add_writes(router: APIRouter, kind: Kind, key_type: Any, *, after: After | None = None) -> None:
    """Add the routes of a kind. key_type: the dependency that says who may write. after: follows each change."""
    field = kind.name.replace("-", "_")
    body_shape = _body_shape(field, kind)

    async def put(request: Request, key: Key) -> dict[str, int]:
        """Record rows, all or none. The same again changes nothing; the same id with another content replaces it."""
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
) -> dict[str, int]:
    body = await read_body(request, body_shape, settings_of(request).body_bytes_max)
    by = asked_by(key, body.user)

    def write(connection: sa.Connection) -> dict[str, int]:
        done = put_rows(connection, kind, getattr(body, field), by=by)
        if after is not None and (done.recorded or done.changed):
            after(request, connection)
        return done._asdict()

    return await in_transaction(request, write)


def _body_shape(field: str, kind: Kind) -> type[Any]:
    """Return the shape of a kind's body: its rows under its name, and on whose behalf the key asks."""
    fields: list[Any] = [(field, list[kind.shape]), ("user", str | None, None)]  # type: ignore[name-defined]  # a type made at run time
    name = "".join(part.capitalize() for part in kind.name.split("-"))
    return msgspec.defstruct(f"{name}In", fields, forbid_unknown_fields=True)
