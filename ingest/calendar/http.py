"""Routes of plans: GET, PUT and DELETE, the same for each kind."""

from datetime import date
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request
from pydantic import AwareDatetime

from ingest.calendar.kinds import KINDS, Kind
from ingest.calendar.listing import Wanted, list_plans
from ingest.calendar.plans import put_plans, withdraw_plan
from stocktide.foundation.errors import Invalid
from stocktide.foundation.paging import Limit, checked_text, next_key
from stocktide.foundation.rights import IngestKey, ReadKeyAt, place_for
from stocktide.foundation.web import (
    asked_by,
    body_of,
    engine_of,
    in_transaction,
    read_body,
    settings_of,
)

router = APIRouter(prefix="/v1/calendar", tags=["calendar"])
PlanPath = Annotated[str, Path(min_length=1, max_length=100)]
User = Annotated[str | None, Query(description="On whose behalf the key asks.")]


def _body_shape(kind: Kind) -> type[Any]:
    """Return the shape of a kind's body: its plans under its name, and on whose behalf the key asks."""
    fields: list[Any] = [(kind.name, list[kind.shape]), ("user", str | None, None)]  # type: ignore[name-defined]  # a type made at run time
    return msgspec.defstruct(f"{kind.name.capitalize()}In", fields, forbid_unknown_fields=True)


def _add_routes(kind: Kind) -> None:
    name, body_shape = kind.name, _body_shape(kind)

    def get(
        request: Request,
        key: ReadKeyAt,
        plan: str | None = None,
        product: str | None = None,
        location: str | None = None,
        since: Annotated[
            date | None, Query(description="Plans that end on this day or later.")
        ] = None,
        until: Annotated[date | None, Query(description="Plans that begin by this day.")] = None,
        as_of: Annotated[
            AwareDatetime | None, Query(description="As they stood at this instant.")
        ] = None,
        history: Annotated[bool, Query(description="Also what was changed or withdrawn.")] = False,
        after: Annotated[int, Query(ge=0, le=2**63 - 1, description="The `next` before.")] = 0,
        limit: Limit = 100,
    ) -> dict[str, Any]:
        """Page through the plans in force, in the order of their recording."""
        plan, product, location = map(checked_text, (plan, product, location))
        location = place_for(key, location)
        wanted = Wanted(plan, product, location, since, until, as_of, history)
        with engine_of(request).connect() as connection:
            rows = list_plans(connection, name, wanted, after=after, limit=limit)
        return {name: rows, "next": next_key(rows, limit, "calendar_id")}

    async def put(request: Request, key: IngestKey) -> dict[str, int]:
        """Record plans, all or none. The same again changes nothing; the same id with another content replaces it."""
        settings = settings_of(request)
        body = await read_body(request, body_shape, settings.body_bytes_max)
        by = asked_by(key, body.user)

        def write(connection: sa.Connection) -> dict[str, int]:
            return put_plans(connection, name, getattr(body, name), by=by)._asdict()

        return await in_transaction(request, write)

    def delete(
        request: Request, key: IngestKey, plan: PlanPath, user: User = None
    ) -> dict[str, str]:
        """Withdraw a plan: forecasts from now on do not know it; backtests of the days before still do."""
        if not plan.isprintable():
            raise Invalid("bad_text", "A plan's id has printable characters only.")
        with engine_of(request).begin() as connection:
            withdraw_plan(connection, name, plan, by=asked_by(key, user))
        return {"withdrawn": plan}

    router.get(f"/{name}", name=f"get_{name}")(get)
    router.put(f"/{name}", name=f"put_{name}", openapi_extra=body_of(body_shape))(put)
    router.delete(f"/{name}/{{plan}}", name=f"delete_{name}")(delete)


for _kind in KINDS.values():
    _add_routes(_kind)
