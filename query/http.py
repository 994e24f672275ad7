"""Routes of SQL: ask, cancel, and what there is to ask about."""

import asyncio
import threading
from contextlib import nullcontext
from typing import Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from query.audit import cancel
from query.console import STATEMENT_CHARACTERS_MAX, Console
from query.formats import MEDIA, Format, pieces, written
from query.jail.orders import Result
from query.metrics import all_metrics
from query.report_past import moment_of
from query.views import all_views
from stocktide.foundation.errors import Invalid
from stocktide.foundation.rights import IMPLIED, ReadKey
from stocktide.foundation.web import asked_by, body_of, in_transaction, read_body

router = APIRouter(prefix="/v1/query", tags=["query"])
# A character is up to four bytes, or six where it is escaped.
BODY_BYTES_MAX = 6 * STATEMENT_CHARACTERS_MAX + 65_536
# How often the connection is looked at while a statement runs.
LOOK_S = 0.1


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/query.

    id: chosen by the sender, to cancel by. complete: all rows or an error; where it is left out, true for all but JSON.
    user: on whose behalf the key asks. as_of: an instant, or a day (its end, UTC): over the lake as it was then.
    """

    statement: str
    parameters: dict[str, str | int | float | bool | None] = {}
    id: UUID | None = None
    complete: bool | None = None
    user: str | None = None
    as_of: str = ""


def console_of(request: Request) -> Console:
    """Return the process's console, put there by the entry point."""
    console: Console = request.app.state.console
    return console


@router.post("", openapi_extra=body_of(Asked))
async def post_query(request: Request, key: ReadKey) -> Response:
    """Run one SELECT over the documented tables, and answer as `Accept` says: JSON, CSV, Parquet or Arrow.

    JSON holds as many rows as the console shows, and says how many there are; the others are complete or an error. The
    statement is cancelled when the client goes, or by DELETE with its id. With `as_of` it reads the lake as the last
    run before that moment left it, and no row beyond.
    """
    form = form_of(request.headers.get("accept", ""))
    asked = await read_body(request, Asked, BODY_BYTES_MAX)
    by, at = asked_by(key, asked.user), moment_of(asked.as_of)
    gone = threading.Event()
    complete = form != "json" if asked.complete is None else asked.complete

    def ask() -> Result:
        return console_of(request).ask(
            asked.statement,
            asked.parameters,
            asked_by=by,
            statement_id=asked.id,
            complete=complete,
            as_of=at,
            is_cancelled=gone.is_set,
        )

    running = asyncio.create_task(run_in_threadpool(ask))
    while not (await asyncio.wait({running}, timeout=LOOK_S))[0]:
        if await request.is_disconnected():
            gone.set()
    return await run_in_threadpool(_answer, running.result(), form)


def _answer(result: Result, form: Format) -> Response:
    headers = {
        "Stocktide-Rows": str(result.rows),
        "Stocktide-Complete": "false" if result.cut else "true",
        **({} if result.found is None else {"Stocktide-Found": str(result.found)}),
        **({"Stocktide-Past": result.said["past"]} if "past" in result.said else {}),
    }
    # of Arrow, the file is the result's own
    with nullcontext() if form == "arrow" else result.spool:
        file = written(result, form)
    return StreamingResponse(pieces(file), media_type=MEDIA[form], headers=headers)


def form_of(accept: str) -> Format:
    """Return the first form that an Accept header names; JSON where it names anything. Raises Invalid."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for kind in wanted:
        if kind in ("", "*/*", "application/*"):
            return "json"
        for form, media in MEDIA.items():
            if kind == media:
                return form
    raise Invalid("accept", f"Answers are {', '.join(MEDIA.values())}; Accept says {accept!r}.")


@router.delete("/{statement_id}")
async def delete_query(request: Request, key: ReadKey, statement_id: UUID) -> dict[str, bool]:
    """Cancel a running statement of this key's; a key with scope operate may cancel anybody's."""
    mine = None if "operate" in IMPLIED[key.scope] else asked_by(key, None)
    await in_transaction(request, lambda connection: cancel(connection, statement_id, mine))
    return {"cancelled": True}


@router.get("/tables")
def get_tables(request: Request, _key: ReadKey) -> dict[str, Any]:
    """List the tables that statements read, with a description of each column, and why SQL is off, if it is."""
    tables = [
        {"name": view.name, "description": view.description, "columns": view.columns}
        for view in all_views()
    ]
    return {"tables": tables, "off": console_of(request).why_off()}


@router.get("/metrics")
def get_metrics(_key: ReadKey) -> dict[str, Any]:
    """List the named metrics with their definitions and statements."""
    return {
        "metrics": [
            {"name": one.name, "definition": one.definition, "statement": one.text}
            for one in all_metrics()
        ]
    }
