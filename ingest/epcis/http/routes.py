"""Routes of EPCIS 2.0, under /v1/epcis; here those of the table that tells movements, and of refused movements."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from ingest.epcis.http import capture, query
from ingest.epcis.http.responses import JSON, PATH, answer, body_of
from ingest.epcis.movements.post_movements import RETRY_MAX, Recovery, retry_rejected
from ingest.epcis.movements.rules import Rule, put_rules, read_rules
from ingest.recording.dependency import recorder_of
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Invalid
from stocktide.foundation.rights import OperateKey, ReadKey
from stocktide.foundation.web import limited_body

RULES_BYTES_MAX = 2**20


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """While the service runs, finish what a killed one left undone."""
    with Recovery(app.state.recorder) as recovery:
        app.state.epcis_recovery = recovery
        yield


router = APIRouter(prefix=PATH, tags=["epcis"], lifespan=lifespan)
for _part in (capture, query):
    router.include_router(_part.router)


class RulesIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT /v1/epcis/movements."""

    movements: list[Rule]


@router.get("/movements")
def get_rules(request: Request, _key: ReadKey) -> Response:
    """Give the table that tells which movement an event is. The row that says most about an event wins."""
    with recorder_of(request).engine.connect() as connection:
        return answer({"movements": read_rules(connection)})


@router.put("/movements", openapi_extra=body_of(JSON))
async def put_rules_route(request: Request, _key: OperateKey) -> Response:
    """Replace the table. It holds for events that are captured from now on."""
    body = await limited_body(request, RULES_BYTES_MAX)
    try:
        rules = msgspec.json.decode(body, type=RulesIn).movements
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("body", f"The body is no {{movements: […]}}: {error}.") from None

    def write(recorder: Recorder) -> None:
        with recorder.engine.begin() as connection:
            put_rules(connection, rules)

    await run_in_threadpool(write, recorder_of(request))
    return answer({"movements": len(rules)})


@router.post("/movements/retry", status_code=202)
def post_retry(request: Request, _key: OperateKey) -> Response:
    """Make refused movements once more, after products, locations or the table have changed, or a container is known.

    Answers 202 with how many events are in the queue for it; where that is `most`, call again for the others.
    """
    events = retry_rejected(recorder_of(request).engine)
    recovery: Recovery = request.app.state.epcis_recovery
    recovery.wake()
    return answer({"events": events, "most": RETRY_MAX}, 202)
