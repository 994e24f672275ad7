"""Routes of EPCIS 2.0, under /v1/epcis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from ingest.epcis.http import capture, query, rules
from ingest.epcis.http.responses import PATH
from ingest.epcis.movements.recovery import Recovery


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """While the service runs, finish what a killed one left undone."""
    with Recovery(app.state.recorder) as recovery:
        app.state.epcis_recovery = recovery
        yield


router = APIRouter(prefix=PATH, tags=["epcis"], lifespan=lifespan)
for _part in (capture, query, rules):
    router.include_router(_part.router)
