"""Routes of overrides: GET, PUT and DELETE, as of all rows that are never overwritten."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime

from ingest.overrides.kinds import KIND
from ingest.versions.http import add_writes
from ingest.versions.listing import list_rows
from stocktide.foundation.paging import Limit, checked_text, next_key
from stocktide.foundation.rights import OperateKey, ReadKey
from stocktide.foundation.web import engine_of

router = APIRouter(prefix="/v1", tags=["overrides"])


@router.get("/overrides")
def get_overrides(
    request: Request,
    _key: ReadKey,
    product: str | None = None,
    category: str | None = None,
    location: str | None = None,
    as_of: Annotated[
        AwareDatetime | None, Query(description="As they stood at this instant.")
    ] = None,
    history: Annotated[bool, Query(description="Also what was changed or withdrawn.")] = False,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="The `next` before.")] = 0,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Page through the overrides that are not withdrawn, in the order in which they apply."""
    asked = {"product": product, "category": category, "location": location}
    only = {name: told for name, text in asked.items() if (told := checked_text(text)) is not None}
    with engine_of(request).connect() as connection:
        rows = list_rows(
            connection, KIND, only=only, as_of=as_of, history=history, after=after, limit=limit
        )
    return {"overrides": rows, "next": next_key(rows, limit, KIND.number)}


def _adjust(request: Request, connection: sa.Connection) -> list[str]:
    """Have the entry point adjust the forecast, which this stage does not know; returns what it warns of."""
    warnings: list[str] = request.app.state.adjust_forecast(connection)
    return warnings


add_writes(router, KIND, OperateKey, after=_adjust)
