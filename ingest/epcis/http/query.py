"""Routes of the query interface: events, and what was seen in them."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from ingest.epcis.http.responses import JSON_LD, answer, next_page, options
from ingest.epcis.model.models import EVENT_TYPES
from ingest.epcis.query import search
from ingest.epcis.query.query import Query, read_query
from ingest.recording.dependency import recorder_of
from stocktide.foundation.rights import AnyReadKey, ReadKey
from stocktide.foundation.stored_text import storable

QUERY: dict[str, Any] = {
    "description": "Parameters of the standard's event query, see docs/epcis.md; an unknown one answers 400."
}

router = APIRouter()


@router.get("/events", openapi_extra=QUERY)
def get_events(request: Request, _key: ReadKey) -> Response:
    """Query events. Answers an EPCISQueryDocument; the Link header has the next page."""
    return _query(request, read_query(request.query_params.multi_items()))


@router.get("/eventTypes/{event_type}/events", openapi_extra=QUERY)
def get_events_of_type(event_type: str, request: Request, _key: ReadKey) -> Response:
    """Query events of one type, as /v1/epcis/events does."""
    query = read_query(request.query_params.multi_items())
    query.add("event_type = {0}", storable(event_type))
    return _query(request, query)


def _query(request: Request, query: Query) -> Response:
    with recorder_of(request).engine.connect() as connection:
        rows, token = search.find_events(connection, query)
    return answer(search.query_document(rows), headers=next_page(request, token), kind=JSON_LD)


@router.get("/events/{event_id:path}")
def get_event(event_id: str, request: Request, _key: ReadKey) -> Response:
    """Give one event by its eventID, or its hash where it has none; declared wrong, it comes with the declaration."""
    # an ni URI ends in ?ver=…; whoever does not escape it means it all the same
    identity = f"{event_id}?{request.url.query}" if request.url.query else event_id
    with recorder_of(request).engine.connect() as connection:
        return answer(search.bare_event(search.find_event(connection, identity)), kind=JSON_LD)


@router.get("/eventTypes")
def get_event_types(_key: AnyReadKey) -> Response:
    """List the event types of the standard; types of one's own are captured too."""
    return answer({"@set": list(EVENT_TYPES)}, kind=JSON_LD)


def _collection(name: str) -> Callable[..., Response]:
    def get_collection(request: Request, _key: ReadKey) -> Response:
        """List the values that were captured, known to the vocabulary or not."""
        with recorder_of(request).engine.connect() as connection:
            return answer({"@set": search.values_seen(connection, name)}, kind=JSON_LD)

    return get_collection


for _name in search.COLLECTIONS:
    router.add_api_route(f"/{_name}", _collection(_name), name=f"list {_name}")


@router.options("/events")
def options_events(_key: AnyReadKey) -> Response:
    """Tell versions of the query interface."""
    return options("GET, OPTIONS, POST")
