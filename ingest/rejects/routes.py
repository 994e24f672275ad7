"""Routes of the rejects desk, and of the outcome of any event."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import AwareDatetime
from starlette.concurrency import run_in_threadpool

from ingest.parsing.permission import permitted
from ingest.recording.dependency import recorder_of
from ingest.rejects.attempts import Audit, Edit
from ingest.rejects.event_outcome import event_outcome
from ingest.rejects.rejects import (
    PAGE_MAX,
    SHOWN_BYTES,
    Wanted,
    drop_rejects,
    group_rejects,
    list_rejects,
    read_reject,
    reopen_rejects,
)
from ingest.rejects.replay import CALL_MAX, Replayer
from stocktide.foundation.errors import Invalid
from stocktide.foundation.keys import LIMITS, Key
from stocktide.foundation.paging import Limit, RowId, checked_text, next_key
from stocktide.foundation.rights import Allow, OperateKey, ReadKey, ReadKeyOf, require_source
from stocktide.foundation.web import (
    asked_by,
    body_of,
    engine_of,
    in_transaction,
    read_body,
)

router = APIRouter(prefix="/v1", tags=["rejects"])
PathId = Annotated[int, Path(ge=1, le=2**63 - 1)]
State = Literal["open", "replayed", "dropped"]
# What a limited key may not send, it may not replay either: `permitted` decides event by event.
ReplayKey = Annotated[Key, Depends(Allow("operate", *LIMITS))]
EmptyIsNone = Annotated[str | None, Query(description="Empty: those that name none.")]


def wanted_of(
    feed: str | None = None,
    reason: str | None = None,
    field: EmptyIsNone = None,
    source: EmptyIsNone = None,
    since: Annotated[AwareDatetime | None, Query(description="Last seen at or after.")] = None,
) -> Wanted:
    """Return the rejects that a request asks for. Raises Invalid for text that the database cannot store."""
    feed, reason, field, source = map(checked_text, (feed, reason, field, source))
    return Wanted(feed, reason, field, source, since)


Asked = Annotated[Wanted, Depends(wanted_of)]


class Filter(msgspec.Struct, forbid_unknown_fields=True):
    """All open rejects of a reason; the others narrow it down."""

    reason: str
    field: str | None = None
    feed: str | None = None
    source: str | None = None
    since: datetime | None = None


class ReplayIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/rejects/replay. user: on whose behalf the key asks. after: the `next` of the call before."""

    ids: list[int] | None = None
    filter: Filter | None = None
    edit: Edit | None = None
    dry_run: bool = False
    reason: str = ""
    after: int = 0
    user: str | None = None


class FixIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/rejects/{reject_id}/mend: the whole event as text, or fields with their values."""

    raw: str | None = None
    edits: dict[str, Any] | None = None
    dry_run: bool = False
    reason: str = ""
    user: str | None = None


class CloseIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/rejects/drop and /v1/rejects/reopen."""

    ids: list[int]
    reason: str
    user: str | None = None


@router.get("/events", tags=["ingest"])
def get_event_outcome(
    request: Request,
    key: ReadKeyOf,
    source: Annotated[str, Query(min_length=1, max_length=500)],
    event_id: Annotated[str, Query(alias="id", min_length=1, max_length=500)],
) -> dict[str, Any]:
    """Tell what became of an event: its entries in the ledger, what it moved, its corrections, and what was refused."""
    require_source(key, source)
    with engine_of(request).connect() as connection:
        return event_outcome(connection, checked_text(source), checked_text(event_id))


@router.get("/rejects")
def get_rejects(
    request: Request,
    _key: ReadKey,
    wanted: Asked,
    state: State | None = None,
    before: Annotated[RowId | None, Query(description="The `next` of the page before.")] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Page through rejects, newest first, without their payloads."""
    with engine_of(request).connect() as connection:
        rows = list_rejects(connection, wanted, state=state, before=before, limit=limit)
    return {"rejects": rows, "next": next_key(rows, limit, "reject_id")}


@router.get("/rejects/groups")
def get_reject_groups(
    request: Request, _key: ReadKey, wanted: Asked, state: State | None = "open", limit: Limit = 100
) -> dict[str, Any]:
    """Count rejects by reason, field, feed and source, newest first; `more`: there are others."""
    with engine_of(request).connect() as connection:
        rows = group_rejects(connection, wanted, state=state, limit=min(limit + 1, PAGE_MAX))
    return {"groups": rows[:limit], "more": len(rows) > limit}


@router.get("/rejects/{reject_id}")
def get_reject(
    request: Request,
    _key: OperateKey,
    reject_id: PathId,
    bytes_max: Annotated[int, Query(ge=1, le=16 * 2**20)] = SHOWN_BYTES,
) -> dict[str, Any]:
    """Give one reject with what was sent, why it was refused, both payloads of a conflict, and what was done so far."""
    return read_reject(recorder_of(request), reject_id, bytes_max=bytes_max)


@router.post("/rejects/{reject_id}/mend", openapi_extra=body_of(FixIn))
async def post_fix(request: Request, key: ReplayKey, reject_id: PathId) -> dict[str, Any]:
    """Record one reject as another event (`raw`) or with other fields (`edits`); what fails again stays open."""
    body = await read_body(request, FixIn, recorder_of(request).settings.body_bytes_max)
    if (body.raw is None) == (body.edits is None):
        raise Invalid(
            "body", "Send either `raw`, the whole event, or `edits`, its fields to change."
        )
    sent = body.edits or {} if body.raw is None else body.raw.encode("utf-8", "surrogatepass")
    audit = Audit("mend", asked_by(key, body.user), body.reason)
    return await run_in_threadpool(
        lambda: _replayer(request, key).fix(reject_id, sent, audit, dry_run=body.dry_run)
    )


@router.post("/rejects/replay", openapi_extra=body_of(ReplayIn))
async def post_replay(request: Request, key: ReplayKey) -> dict[str, Any]:
    """Record open rejects again, by `ids` or by `filter`, perhaps edited; `dry_run` previews the result."""
    body = await read_body(request, ReplayIn, recorder_of(request).settings.body_bytes_max)
    if (body.ids is None) == (body.filter is None):
        raise Invalid("body", "Name what to replay: either `ids`, or `filter` with a reason.")
    wanted, ids = Wanted(), _checked_ids(body.ids)
    if body.filter is not None:
        if body.filter.since is not None and body.filter.since.tzinfo is None:
            raise Invalid("body", "filter.since has no time zone; end it with Z or +hh:mm.")
        wanted = wanted_of(**msgspec.structs.asdict(body.filter))
    if not 0 <= body.after < 2**63:
        raise Invalid("body", "after is out of range.")
    audit = Audit("replay", asked_by(key, body.user), body.reason)
    replayer = _replayer(request, key)
    return await run_in_threadpool(
        lambda: (
            replayer.try_out(wanted, ids, body.edit, after=body.after)
            if body.dry_run
            else replayer.replay(wanted, ids, body.edit, audit, after=body.after)
        )
    )


@router.post("/rejects/drop", openapi_extra=body_of(CloseIn))
async def post_drop(request: Request, key: OperateKey) -> dict[str, Any]:
    """Close open rejects that will never be recorded, with a reason. They stay stored and can be looked up."""
    return await _close(request, key, drop_rejects)


@router.post("/rejects/reopen", openapi_extra=body_of(CloseIn))
async def post_reopen(request: Request, key: OperateKey) -> dict[str, Any]:
    """Open rejects again that were dropped, with a reason."""
    return await _close(request, key, reopen_rejects)


async def _close(
    request: Request, key: Key, change: Callable[..., dict[str, Any]]
) -> dict[str, Any]:
    body = await read_body(request, CloseIn, recorder_of(request).settings.body_bytes_max)
    by = asked_by(key, body.user)
    ids = _checked_ids(body.ids) or []

    def work(connection: sa.Connection) -> dict[str, Any]:
        return change(connection, ids, by=by, reason=body.reason)

    return await in_transaction(request, work)


def _replayer(request: Request, key: Key) -> Replayer:
    """Return a replayer for a key: what a limited one may not send, it may not replay either."""
    return Replayer(recorder_of(request), partial(permitted, key))


def _checked_ids(ids: Sequence[int] | None) -> list[int] | None:
    if ids is None:
        return None
    if not 1 <= len(ids) <= CALL_MAX or not all(1 <= one < 2**63 for one in ids):
        raise Invalid("ids", f"Name 1 to {CALL_MAX} rejects by their reject_id.")
    return sorted(set(ids))
