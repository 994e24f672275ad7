"""Parts of all HTTP routes: problem+json errors, transactions, and limits on bodies."""

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
import sqlalchemy as sa
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from stocktide.foundation.bodies import whole_body
from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line, reaction_to, why_away
from stocktide.foundation.database_watch import DatabaseWatch
from stocktide.foundation.errors import Fatal, Invalid, StocktideError, Transient
from stocktide.foundation.keys import Key
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

PROBLEM = "application/problem+json"
RETRY_AFTER_S = 2
Shape = TypeVar("Shape")
Result = TypeVar("Result")


def problem(error: StocktideError, **more: Any) -> JSONResponse:
    """Render an error as RFC 9457 problem+json."""
    headers = {}
    if error.status in (429, 503):
        headers["Retry-After"] = str(error.context.get("retry_after_s", RETRY_AFTER_S))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = {
        "type": f"urn:stocktide:error:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.message,
        "code": error.code,
        **error.context,
        **more,
    }
    return JSONResponse(body, error.status, headers, PROBLEM)


def install_problems(app: FastAPI) -> None:
    """Render every error of the app in one shape."""

    @app.exception_handler(StocktideError)
    def on_our_fault(_request: Request, error: StocktideError) -> JSONResponse:
        return problem(error)

    @app.exception_handler(HTTPException)
    def on_http(_request: Request, error: HTTPException) -> JSONResponse:
        body = {
            "type": "about:blank",
            "title": str(error.detail),
            "status": error.status_code,
            "code": "http",
        }
        return JSONResponse(body, error.status_code, error.headers, PROBLEM)

    @app.exception_handler(RequestValidationError)
    def on_parameters(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        parameter = ".".join(str(part) for part in first["loc"])
        body = {
            "type": "urn:stocktide:error:parameter",
            "title": "Invalid input",
            "status": 400,
            "detail": f"{parameter}: {first['msg']}",
            "code": "parameter",
            "field": parameter,
        }
        return JSONResponse(body, 400, media_type=PROBLEM)

    @app.exception_handler(Exception)
    def on_unexpected(request: Request, error: Exception) -> JSONResponse:
        # Starlette raises it again behind the answer, so that it is logged with its traceback
        return problem(_our_fault(request, error))

    def on_database(request: Request, error: Exception) -> JSONResponse:
        reaction = reaction_to(error)
        if reaction == "bug":
            return problem(_our_fault(request, error))
        log("database_error", path=request.url.path, reaction=reaction, error=first_line(error))
        if reaction == "transient":
            return problem(
                Transient("database_away", f"{why_away(error)} Try again in {RETRY_AFTER_S} s.")
            )
        return problem(
            Invalid("not_storable", f"The database refuses a value in it: {first_line(error)}.")
        )

    for kind in DATABASE_ERRORS:
        app.add_exception_handler(kind, on_database)


def _our_fault(request: Request, error: Exception) -> Fatal:
    """Log a mistake of ours under a number, and name it to whoever asked."""
    request_id = uuid4().hex
    log("unexpected_error", path=request.url.path, request_id=request_id, error=repr(error)[:2000])
    return Fatal(
        "unexpected",
        f"Something went wrong on our side. The API's log says what, under request_id {request_id}.",
        request_id=request_id,
    )


# Routes that tell how the service is, and those that need no database.
WITHOUT_DATABASE = frozenset({"/livez", "/readyz", "/healthz", "/openapi.json", "/docs"})


class WhileDatabaseAnswers:
    """Answers 503 at once while the database is known not to answer, so that requests do not pile up behind it."""

    def __init__(self, app: ASGIApp, watch: DatabaseWatch) -> None:
        self._app = app
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] == "http" and scope["path"] not in WITHOUT_DATABASE:
            try:
                self._watch.check()
            except Transient as error:
                await problem(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def engine_of(request: Request) -> sa.Engine:
    """Return the process's engine, put there by the entry point. Raises Transient while its database hangs."""
    # a request may have waited for a thread since it was let in
    request.app.state.watch.check()
    engine: sa.Engine = request.app.state.engine
    return engine


def settings_of(request: Request) -> Settings:
    """Return the process's settings, put there by the entry point."""
    settings: Settings = request.app.state.settings
    return settings


async def in_transaction(request: Request, work: Callable[[sa.Connection], Result]) -> Result:
    """Run `work(connection)` in a transaction on a thread of the pool."""

    def run() -> Result:
        with engine_of(request).begin() as connection:
            return work(connection)

    return await run_in_threadpool(run)


async def limited_body(request: Request, bytes_max: int) -> bytes:
    """Read and unpack the body, and stop as soon as it is too long. Raises as `whole_body`."""
    encoding = request.headers.get("content-encoding", "")
    return await whole_body(request.receive, encoding, bytes_max)


async def read_body(request: Request, shape: type[Shape], bytes_max: int) -> Shape:
    """Read and decode a JSON body. Raises Invalid, TooLarge."""
    body = await limited_body(request, bytes_max)
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("body", f"The body is not what this route reads: {error}.") from None


def body_of(shape: type[Any]) -> dict[str, Any]:
    """Return the description of a route's JSON body for OpenAPI: `openapi_extra` of a route that uses `read_body`."""
    (described,), definitions = msgspec.json.schema_components([shape])
    schema = _without_references(described, definitions)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _without_references(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema with what it refers to in its place: a reference would point out of the API's document."""
    if isinstance(schema, list):
        return [_without_references(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _without_references(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _without_references(value, definitions) for name, value in schema.items()}


def asked_by(key: Key, user: str | None) -> str:
    """Return who asked, for the history. Raises Invalid."""
    if user is None:
        return f"key {key.name}"
    if not 1 <= len(user) <= 100 or not user.isprintable():
        raise Invalid("user", "A user's name has 1 to 100 printable characters.")
    return f"{user} (key {key.name})"
