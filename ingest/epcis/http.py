"""Routes of EPCIS 2.0, under /v1/epcis."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from ingest.epcis import http_capture, http_query, http_rules
from ingest.epcis.finisher import Finisher
from ingest.epcis.http_responses import PATH


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """While the service runs, finish what a killed one left undone."""
    with Finisher(app.state.recorder) as finisher:
        app.state.epcis_finisher = finisher
        yield


router = APIRouter(prefix=PATH, tags=["epcis"], lifespan=lifespan)
for _part in (http_capture, http_query, http_rules):
    router.include_router(_part.router)
