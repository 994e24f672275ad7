"""Routes of saved queries, of a user's own statements, and of statements that a page hands to the page SQL."""

import hashlib
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool

from query import saved
from query.http import BODY_BYTES_MAX, console_of
from query.reports import filled, find_report, values_of
from query.saved import QueryIn, rows_of, values_for
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Forbidden, Invalid, NotFound
from stocktide.foundation.keys import Key
from stocktide.foundation.paging import Limit, checked_text
from stocktide.foundation.rights import IMPLIED, ReadKey
from stocktide.foundation.stored_text import is_storable
from stocktide.foundation.web import asked_by, body_of, in_transaction, read_body

router = APIRouter(tags=["query"])
QueryId = Annotated[int, Path(ge=1, le=2**63 - 1)]
User = Annotated[str | None, Query(max_length=100)]
TITLE_CHARACTERS_MAX = 200
# What is run to see that a statement works; it is left out of the history.
CHECK = "-- checked when it was saved\nSELECT * FROM (\n{}\n) LIMIT 0"


class HandOver(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/query/handovers. statement, or a report with values of its parameters as texts."""

    title: str
    statement: str | None = None
    report: str | None = None
    parameters: dict[str, str] = {}


def owner_of(key: Key, user: str | None) -> str:
    """Return whose queries a request is about; only a key that operates speaks for a user.

    Raises Forbidden, Invalid.
    """
    asked_by(key, user)
    if user is None:
        return f"key {key.name}"
    if "operate" not in IMPLIED[key.scope]:
        raise Forbidden(
            "key_scope",
            f"The key {key.name!r} has scope {key.scope}, and speaks for itself alone: leave `user` out.",
            needs="operate",
        )
    return user


@router.get("/v1/query/history")
async def get_history(
    request: Request, key: ReadKey, user: User = None, limit: Limit = 50
) -> dict[str, Any]:
    """List the newest statements of the key, or of the user that it asks for."""
    owner_of(key, user)
    by = asked_by(key, user)
    rows = await in_transaction(
        request, lambda connection: rows_of(connection, "history", asked_by=by, limit=limit)
    )
    return {"statements": rows}


@router.post("/v1/query/handovers", status_code=201, openapi_extra=body_of(HandOver))
async def post_handover(request: Request, _key: ReadKey) -> dict[str, str]:
    """Keep a statement of a panel for the page SQL, and return the id that its address has."""
    given = await read_body(request, HandOver, BODY_BYTES_MAX)
    words = text_of(given)
    text = given.title + words
    if len(given.title) > TITLE_CHARACTERS_MAX or not is_storable(text):
        raise Invalid(
            "query_text", "Title or statement cannot be stored as text, or the title is too long."
        )
    name = hashlib.sha256(f"{given.title}\n{words}".encode()).hexdigest()[:20]
    binds = {"handover_id": name, "title": given.title, "statement": words}
    await in_transaction(
        request,
        lambda connection: connection.execute(statement("query/saved/hand_over"), binds),
    )
    return {"handover_id": name}


def text_of(given: HandOver) -> str:
    """Return the statement that is handed over. Raises Invalid, NotFound."""
    if (given.statement is None) == (given.report is None):
        raise Invalid("body", "Give a statement or a report.")
    if given.report is None:
        return str(given.statement)
    report = find_report(given.report)
    return filled(report, values_of(report, given.parameters))


@router.get("/v1/query/handovers/{handover_id}")
async def get_handover(request: Request, _key: ReadKey, handover_id: str) -> dict[str, Any]:
    """Return a statement that a panel handed over."""
    name = checked_text(handover_id)
    found = await in_transaction(
        request, lambda connection: rows_of(connection, "handed_over", handover_id=name)
    )
    if not found:
        raise NotFound("handover_missing", "This hand-over is gone. Open the panel's page again.")
    return found[0]


@router.get("/v1/saved-queries")
async def get_saved_queries(request: Request, key: ReadKey, user: User = None) -> dict[str, Any]:
    """List the queries that the key, or the user that it asks for, may run: own and shared ones."""
    owner = owner_of(key, user)
    rows = await in_transaction(
        request, lambda connection: rows_of(connection, "list", owner=owner)
    )
    return {"queries": rows}


@router.post("/v1/saved-queries", status_code=201, openapi_extra=body_of(QueryIn))
async def post_saved_query(request: Request, key: ReadKey) -> dict[str, int]:
    """Save a query. Its statement must work; a schedule needs a key of scope operate."""
    given, owner = await _given(request, key)
    number = await in_transaction(request, lambda connection: saved.save(connection, owner, given))
    return {"query_id": number}


@router.get("/v1/saved-queries/{query_id}")
async def get_saved_query(
    request: Request, key: ReadKey, query_id: QueryId, user: User = None
) -> dict[str, Any]:
    """Return a query and its newest exports."""
    owner = owner_of(key, user)

    def read(connection: Any) -> dict[str, Any]:
        found = saved.find(connection, owner, query_id)
        return {**found, "exports": rows_of(connection, "exports", query_id=query_id, limit=20)}

    return await in_transaction(request, read)


@router.put("/v1/saved-queries/{query_id}", openapi_extra=body_of(QueryIn))
async def put_saved_query(request: Request, key: ReadKey, query_id: QueryId) -> dict[str, int]:
    """Change a query of one's own."""
    given, owner = await _given(request, key)
    await in_transaction(
        request, lambda connection: saved.change(connection, owner, query_id, given)
    )
    return {"query_id": query_id}


@router.delete("/v1/saved-queries/{query_id}")
async def delete_saved_query(
    request: Request, key: ReadKey, query_id: QueryId, user: User = None
) -> dict[str, bool]:
    """Remove a query of one's own; the next night its exports go, too."""
    owner = owner_of(key, user)
    await in_transaction(request, lambda connection: saved.remove(connection, owner, query_id))
    return {"removed": True}


async def _given(request: Request, key: Key) -> tuple[QueryIn, str]:
    """Read a query that is to be saved, and look that its statement works. Raises as the console."""
    given = await read_body(request, QueryIn, BODY_BYTES_MAX)
    owner = owner_of(key, given.user)
    if given.schedule and "operate" not in IMPLIED[key.scope]:
        raise Forbidden(
            "key_scope",
            f"The key {key.name!r} has scope {key.scope}; a schedule needs scope operate.",
            needs="operate",
        )
    saved.check(given)
    values = values_for([msgspec.to_builtins(one) for one in given.parameters], {})
    text = CHECK.format(given.statement.rstrip().rstrip(";"))

    def run() -> None:
        console_of(request).ask(text, values, asked_by=asked_by(key, given.user)).spool.close()

    await run_in_threadpool(run)
    return given, owner
