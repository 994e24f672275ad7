"""What the routes of alerts and webhooks share: their bodies described, settings, and a transaction."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from fastapi import Request
from starlette.concurrency import run_in_threadpool

from stocktide.foundation.settings import Settings
from stocktide.foundation.web import engine_of

Result = TypeVar("Result")


def body_of(shape: type[Any], *required: str) -> dict[str, Any]:
    """Describe a route's JSON body for OpenAPI."""
    schema = msgspec.json.schema(shape)
    described = {"type": "object", "required": list(required)}
    definition = schema["$defs"].get(shape.__name__, {})
    properties = {name: _plain(value) for name, value in definition.get("properties", {}).items()}
    content = {"application/json": {"schema": {**described, "properties": properties}}}
    return {"requestBody": {"required": True, "content": content}}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A property's schema without references, which would point out of the document."""
    return {"type": "array", "items": {"type": "object"}} if "items" in schema else schema


def settings_of(request: Request) -> Settings:
    """The process's settings, put there by the entry point."""
    settings: Settings = request.app.state.settings
    return settings


async def in_transaction(request: Request, work: Callable[[sa.Connection], Result]) -> Result:
    """Run `work(connection)` in a transaction on a thread of the pool."""

    def run() -> Result:
        with engine_of(request).begin() as connection:
            return work(connection)

    return await run_in_threadpool(run)
