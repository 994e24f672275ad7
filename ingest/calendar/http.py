"""Routes of plans: GET, PUT and DELETE, the same for each kind."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from ingest.calendar.kinds import KINDS
from ingest.calendar.listing import Wanted, list_plans
from ingest.versions.http import add_writes
from ingest.versions.kinds import Kind
from stocktide.foundation.paging import Limit, checked_text, next_key
from stocktide.foundation.rights import IngestKey, ReadKeyAt, place_for
from stocktide.foundation.web import engine_of

router = APIRouter(prefix="/v1/calendar", tags=["calendar"])


def _add_routes(kind: Kind) -> None:
    name = kind.name

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

    router.get(f"/{name}", name=f"get_{name}")(get)
    add_writes(router, kind, IngestKey)


for _kind in KINDS.values():
    _add_routes(_kind)
