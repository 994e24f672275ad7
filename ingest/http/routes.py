"""Routes of the way in beside the events themselves: products, locations and the schemas of the kinds."""

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from ingest.ledger.announcement import announce
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.ledger.successions import put_successions
from ingest.parsing.kinds import json_schema
from ingest.recording.dependency import recorder_of
from stocktide.domain.kinds import KINDS, TYPE_PREFIX
from stocktide.foundation.errors import NotFound
from stocktide.foundation.rights import ANYBODY, IngestKey
from stocktide.foundation.web import body_of, read_body

router = APIRouter(prefix="/v1")


class ProductsIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT /v1/products."""

    products: list[ProductIn]


class LocationsIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of PUT /v1/locations."""

    locations: list[LocationIn]


@router.put("/products", tags=["ingest"], openapi_extra=body_of(ProductsIn))
async def put_products_route(request: Request, _key: IngestKey) -> dict[str, int]:
    """Create or change products; a field left out keeps its value. Answers how many rows were taken."""
    recorder = recorder_of(request)
    body = await read_body(request, ProductsIn, recorder.settings.body_bytes_max)

    def write() -> int:
        with recorder.engine.begin() as connection:
            ids = put_products(connection, body.products)
            put_successions(connection, body.products)
            announce(connection, ids)
            return len(ids)

    return {"products": await run_in_threadpool(write)}


@router.put("/locations", tags=["ingest"], openapi_extra=body_of(LocationsIn))
async def put_locations_route(request: Request, _key: IngestKey) -> dict[str, int]:
    """Create or change locations; a field left out keeps its value. Answers how many rows were taken."""
    recorder = recorder_of(request)
    body = await read_body(request, LocationsIn, recorder.settings.body_bytes_max)

    def write() -> int:
        with recorder.engine.begin() as connection:
            return len(put_locations(connection, body.locations))

    return {"locations": await run_in_threadpool(write)}


@router.get("/schemas", tags=["schemas"], dependencies=[ANYBODY])
def list_schemas() -> dict[str, str]:
    """List the event kinds with the address of each one's JSON Schema."""
    return {f"{TYPE_PREFIX}{kind}": f"/v1/schemas/{TYPE_PREFIX}{kind}" for kind in KINDS}


@router.get("/schemas/{event_type}", tags=["schemas"], dependencies=[ANYBODY])
def get_schema(event_type: str) -> JSONResponse:
    """Give the JSON Schema of one kind's CloudEvent."""
    kind = event_type.removeprefix(TYPE_PREFIX)
    if kind not in KINDS:
        raise NotFound("unknown_kind", f"There is no kind {event_type!r}; see /v1/schemas.")
    return JSONResponse(json_schema(kind), media_type="application/schema+json")
