"""Helpers of the routes of alerts and webhooks: their bodies described, and settings."""

from typing import Any

import msgspec
from fastapi import Request

from stocktide.foundation.settings import Settings


def body_of(shape: type[Any], *required: str) -> dict[str, Any]:
    """Return the description of a route's JSON body for OpenAPI."""
    schema = msgspec.json.schema(shape)
    described = {"type": "object", "required": list(required)}
    definition = schema["$defs"].get(shape.__name__, {})
    properties = {name: _plain(value) for name, value in definition.get("properties", {}).items()}
    content = {"application/json": {"schema": {**described, "properties": properties}}}
    return {"requestBody": {"required": True, "content": content}}


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a property's schema without references, which would point out of the document."""
    return {"type": "array", "items": {"type": "object"}} if "items" in schema else schema


def settings_of(request: Request) -> Settings:
    """Return the process's settings, put there by the entry point."""
    settings: Settings = request.app.state.settings
    return settings
