"""Overrides adjust the forecast: what stands between the stage that records them and the one that knows forecasts."""

from typing import Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from ingest.overrides import KIND, put_rows
from ingest.overrides.shapes import OverrideIn
from stocktide.foundation.errors import Invalid
from stocktide.foundation.keys import Key
from stocktide.foundation.rights import OperateKey
from stocktide.foundation.web import asked_by, body_of, engine_of, read_body, settings_of

router = APIRouter(prefix="/v1", tags=["overrides"])


class PreviewIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/overrides/preview. user: on whose behalf the key asks."""

    overrides: list[OverrideIn]
    user: str | None = None


def adjust_forecast(connection: sa.Connection) -> int:
    """Adjust the published forecast to the overrides as this transaction leaves them; how many figures differ."""
    # imported when it is asked for: the forecasting libraries take seconds that a start need not
    from forecasting.overriding.keep import adjust_published

    return adjust_published(connection)


def adjust_and_warn(connection: sa.Connection) -> list[str]:
    """Adjust the published forecast, and return why overrides that were recorded just now change nothing of it."""
    from forecasting.overriding.idle import idle_overrides

    adjust_forecast(connection)
    return idle_overrides(connection)


def adjust_again(engine: sa.Engine) -> int:
    """Adjust the published forecast to the overrides that count today; how many figures differ."""
    with engine.begin() as connection:
        return adjust_forecast(connection)


@router.post("/overrides/preview", openapi_extra=body_of(PreviewIn))
async def post_preview(request: Request, key: OperateKey) -> dict[str, Any]:
    """Return what overrides would do to the forecast of what the first of them is for; nothing is recorded.

    `days` holds the forecast as published (`yhat`) and with the overrides in force and these (`adjusted`).
    """
    body = await read_body(request, PreviewIn, settings_of(request).body_bytes_max)
    if not body.overrides:
        raise Invalid("body", "Give at least one override.")
    return await run_in_threadpool(_preview, engine_of(request), body, key)


def _preview(engine: sa.Engine, body: PreviewIn, key: Key) -> dict[str, Any]:
    from forecasting.overriding.idle import idle_overrides
    from forecasting.overriding.preview import preview

    with engine.connect() as connection:
        try:
            done = put_rows(connection, KIND, body.overrides, by=asked_by(key, body.user))
            warnings = [*done.warnings, *idle_overrides(connection)]
            shown = preview(connection, msgspec.structs.asdict(body.overrides[0]))
        finally:
            connection.rollback()
    return {**done.answer(), "warnings": warnings, **shown}
