"""Routes of the ETL: days of unusual demand, and the decisions about them."""

from datetime import date
from typing import Any, Literal

import msgspec
from fastapi import APIRouter, Request

from etl.unusual_days import Decision, decide_unusual_day
from stocktide.foundation.paging import checked_text
from stocktide.foundation.rights import OperateKeyAt, require_place
from stocktide.foundation.web import asked_by, body_of, in_transaction, read_body

router = APIRouter(prefix="/v1/unusual-days", tags=["operations"])
DECISION_BYTES_MAX = 16_384


class DecisionIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/unusual-days/decide. user: on whose behalf the key asks."""

    product: str
    location: str
    day: date
    decision: Literal["confirmed", "excluded"]
    reason: str
    user: str | None = None


@router.post("/decide", openapi_extra=body_of(DecisionIn))
async def post_decision(request: Request, key: OperateKeyAt) -> dict[str, Any]:
    """Say of a day that its unusual demand is true (`confirmed`), or an error (`excluded`), and why."""
    given = await read_body(request, DecisionIn, DECISION_BYTES_MAX)
    product, location = checked_text(given.product), checked_text(given.location)
    require_place(key, location)
    decision: Decision = given.decision
    by = asked_by(key, given.user)
    await in_transaction(
        request,
        lambda connection: decide_unusual_day(
            connection, product, location, given.day, decision, by=by, reason=given.reason
        ),
    )
    return {"product": product, "location": location, "day": given.day, "decision": decision}
