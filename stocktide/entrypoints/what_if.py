"""What if, over the API: scenarios compared, saved, and applied by the stages that keep terms, plans and overrides."""

from typing import Annotated, Any

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.concurrency import run_in_threadpool

from purchasing.whatif.saved import (
    delete_saved,
    list_saved,
    note_applied,
    read_saved,
    refuse_applied,
    save,
)
from purchasing.whatif.scenario import Scenario, Scope, check_asked
from purchasing.whatif.since import check_unchanged
from stocktide.entrypoints.applying import apply_scenario, check_scope
from stocktide.entrypoints.comparing import compare_scenarios
from stocktide.foundation.errors import NotFound
from stocktide.foundation.keys import Key
from stocktide.foundation.paging import Limit
from stocktide.foundation.rights import OperateKey, ReadKey
from stocktide.foundation.web import asked_by, body_of, engine_of, read_body, settings_of

router = APIRouter(prefix="/v1/what-if", tags=["buying"])
BYTES_MAX = 65_536
WhatIfId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class WhatIfIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/what-if and /v1/what-if/saved, which needs a name. user: on whose behalf the key asks."""

    scope: Scope
    scenarios: list[Scenario]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] = "What if"
    user: str | None = None


class ApplyIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/what-if/saved/{what_if_id}/apply. scenario: its name. anyway: whatever changed since."""

    scenario: str
    anyway: bool = False
    user: str | None = None


@router.post("", openapi_extra=body_of(WhatIfIn))
async def post_what_if(request: Request, _key: OperateKey) -> dict[str, Any]:
    """Compare up to 3 scenarios with what is: stock, fill rate, cost and orders over the forecast's horizon.

    Nothing is changed. Figures are means over the forecast's sample paths, `…_low` and `…_high` hold 80 % of them;
    `stock` has quantiles of 10, 50 and 90 % by day, and `stock_units` its mean.
    """
    return await _compared(request, await _asked(request))


@router.post("/saved", status_code=201, openapi_extra=body_of(WhatIfIn))
async def post_saved(request: Request, key: OperateKey) -> dict[str, Any]:
    """Compare scenarios and save them with their figures; `what_if_id` is the number to share."""
    asked = await _asked(request)
    answer = await _compared(request, asked)
    told = {"scope": asked.scope.limits, "scenarios": msgspec.to_builtins(asked.scenarios)}

    def keep() -> int:
        with engine_of(request).begin() as connection:
            return save(connection, asked_by(key, asked.user), asked.name, told, answer)

    return {"what_if_id": await run_in_threadpool(keep), **answer}


@router.get("/saved")
def get_saved(request: Request, _key: ReadKey, limit: Limit = 100) -> dict[str, Any]:
    """List what was saved, the newest first, with who applied what of it."""
    with engine_of(request).connect() as connection:
        return {"saved": list_saved(connection, limit=limit)}


@router.get("/saved/{what_if_id}")
def get_one(request: Request, _key: ReadKey, what_if_id: WhatIfId) -> dict[str, Any]:
    """Give what was saved: scope, scenarios, the figures as they were, and what was applied."""
    with engine_of(request).connect() as connection:
        return read_saved(connection, what_if_id)


@router.delete("/saved/{what_if_id}")
def delete_one(request: Request, _key: OperateKey, what_if_id: WhatIfId) -> dict[str, int]:
    """Delete what was saved and never applied."""
    with engine_of(request).begin() as connection:
        delete_saved(connection, what_if_id)
    return {"deleted": what_if_id}


@router.post("/saved/{what_if_id}/apply", openapi_extra=body_of(ApplyIn))
async def post_apply(request: Request, key: OperateKey, what_if_id: WhatIfId) -> dict[str, Any]:
    """Write the terms, plans and overrides that a scenario says, all or none, and once; `wrote` has the rows.

    Answers 409 `what_if_changed` where what it was compared with has changed since, or the same was applied already,
    with what; `anyway` applies it all the same.
    """
    body = await read_body(request, ApplyIn, BYTES_MAX)
    return await run_in_threadpool(_apply, engine_of(request), key, what_if_id, body)


def _apply(engine: sa.Engine, key: Key, what_if_id: int, body: ApplyIn) -> dict[str, Any]:
    by = asked_by(key, body.user)
    with engine.begin() as connection:
        saved = read_saved(connection, what_if_id)
        scenarios = msgspec.convert(saved["asked"]["scenarios"], list[Scenario])
        found = next((one for one in scenarios if one.name == body.scenario), None)
        if found is None:
            raise NotFound("scenario_unknown", f"It has no scenario {body.scenario!r}.")
        refuse_applied(saved, found.name)
        scope = msgspec.convert(saved["asked"]["scope"], Scope)
        check_scope(scope, found)
        if not body.anyway:
            check_unchanged(connection, saved, found.name)
        wrote = apply_scenario(connection, scope, found, title=saved["name"], by=by)
        note_applied(connection, what_if_id, found.name, wrote, by=by)
    return {"wrote": wrote}


async def _asked(request: Request) -> WhatIfIn:
    body = await read_body(request, WhatIfIn, BYTES_MAX)
    check_asked(body.scope, body.scenarios)
    return body


async def _compared(request: Request, asked: WhatIfIn) -> dict[str, Any]:
    engine, settings = engine_of(request), settings_of(request)
    return await run_in_threadpool(
        compare_scenarios, engine, settings, asked.scope, asked.scenarios
    )
