"""Routes of webhooks. All need an operate key: a webhook says where our data goes."""

from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse

from alerts.addresses import allowed_by
from alerts.signature import secret_of, secret_text
from alerts.webhooks import (
    Filters,
    change_webhook,
    create_webhook,
    delete_webhook,
    list_deliveries,
    list_webhooks,
    read_webhook,
    retry_dead,
    rotate_secret,
)
from stocktide.foundation.paging import Limit, RowId, next_key
from stocktide.foundation.rights import OperateKey
from stocktide.foundation.web import (
    asked_by,
    body_of,
    engine_of,
    in_transaction,
    read_body,
    settings_of,
)

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
WEBHOOK_BYTES_MAX = 65_536
WebhookId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class WebhookIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/webhooks. secret: the receiver's own, whsec_…; otherwise one is made."""

    name: str
    url: str
    rules: list[str] | None = None
    locations: list[str] | None = None
    secret: str | None = None
    user: str | None = None


class WebhookChange(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PATCH /v1/webhooks/{webhook_id}: what is given is changed, both filters together."""

    url: str | None = None
    rules: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    locations: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    active: bool | None = None
    rotate_secret: bool = False


@router.get("")
def get_webhooks(request: Request, _key: OperateKey) -> dict[str, Any]:
    """List the webhooks, never their secrets, with how many deliveries wait and how many were given up."""
    with engine_of(request).connect() as connection:
        return {"webhooks": list_webhooks(connection)}


@router.post("", status_code=201, openapi_extra=body_of(WebhookIn))
async def post_webhook(request: Request, key: OperateKey) -> dict[str, Any]:
    """Make a webhook. The answer shows its secret, this once."""
    given = await read_body(request, WebhookIn, WEBHOOK_BYTES_MAX)
    by = asked_by(key, given.user)
    own = None if given.secret is None else secret_of(given.secret)

    def work(connection: sa.Connection) -> dict[str, Any]:
        webhook_id, secret = create_webhook(
            connection,
            given.name,
            given.url,
            Filters(given.rules, given.locations),
            by=by,
            allowed=allowed_by(settings_of(request)),
            secret=own,
        )
        return {**read_webhook(connection, webhook_id), "secret": secret_text(secret)}

    return await in_transaction(request, work)


@router.get("/{webhook_id}")
def get_webhook(request: Request, _key: OperateKey, webhook_id: WebhookId) -> dict[str, Any]:
    """Give one webhook, never its secret."""
    with engine_of(request).connect() as connection:
        return read_webhook(connection, webhook_id)


@router.patch("/{webhook_id}", openapi_extra=body_of(WebhookChange))
async def patch_webhook(
    request: Request, _key: OperateKey, webhook_id: WebhookId
) -> dict[str, Any]:
    """Change a webhook; `rotate_secret` shows a new secret, this once, and signs with both for a day."""
    change = await read_body(request, WebhookChange, WEBHOOK_BYTES_MAX)

    def work(connection: sa.Connection) -> dict[str, Any]:
        change_webhook(
            connection,
            webhook_id,
            allowed=allowed_by(settings_of(request)),
            url=change.url,
            filters=_filters(change, read_webhook(connection, webhook_id)),
            active=change.active,
        )
        secret = rotate_secret(connection, webhook_id) if change.rotate_secret else None
        shown = {} if secret is None else {"secret": secret_text(secret)}
        return {**read_webhook(connection, webhook_id), **shown}

    return await in_transaction(request, work)


def _filters(change: WebhookChange, now: dict[str, Any]) -> Filters | None:
    """Return the filters as they will be: a filter that is left out stays."""
    rules, locations = change.rules, change.locations
    if isinstance(rules, msgspec.UnsetType) and isinstance(locations, msgspec.UnsetType):
        return None
    return Filters(
        now["rules"] if isinstance(rules, msgspec.UnsetType) else rules,
        now["locations"] if isinstance(locations, msgspec.UnsetType) else locations,
    )


@router.delete("/{webhook_id}")
async def delete_webhook_route(
    request: Request, _key: OperateKey, webhook_id: WebhookId
) -> dict[str, int]:
    """Delete a webhook, and what was not sent to it yet."""
    await in_transaction(request, lambda connection: delete_webhook(connection, webhook_id))
    return {"deleted": webhook_id}


@router.get("/{webhook_id}/deliveries")
def get_deliveries(
    request: Request,
    _key: OperateKey,
    webhook_id: WebhookId,
    state: Literal["waiting", "delivered", "dead"] | None = None,
    before: Annotated[RowId | None, Query(description="The `next` of the page before.")] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Page through what a webhook was sent, the newest first: state, tries, the last answer or error."""
    with engine_of(request).connect() as connection:
        rows = list_deliveries(connection, webhook_id, state=state, before=before, limit=limit)
    return {"deliveries": rows, "next": next_key(rows, limit, "delivery_id")}


@router.post("/{webhook_id}/retry")
async def post_retry(request: Request, _key: OperateKey, webhook_id: WebhookId) -> JSONResponse:
    """Send what was given up once more. Answers how many deliveries wait again."""
    count = await in_transaction(request, lambda connection: retry_dead(connection, webhook_id))
    return JSONResponse({"retried": count}, 202)
