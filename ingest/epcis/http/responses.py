"""What the routes of EPCIS share: their headers, and where the next page is."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from ingest.epcis.model.reading import encoded

PATH = "/v1/epcis"
JSON, JSON_LD = "application/json", "application/ld+json"
VERSIONS = {
    **{
        f"GS1-{of}-{which}": "2.0.0"
        for of in ("EPCIS", "CBV")
        for which in ("Version", "Min", "Max")
    },
    **dict.fromkeys(("GS1-EPC-Format", "GS1-CBV-XML-Format"), "Never_Translates"),
}


def body_of(*kinds: str) -> dict[str, Any]:
    """Return what the OpenAPI document says of a route that takes a JSON object as a body of some kinds."""
    content = {kind: {"schema": {"type": "object"}} for kind in kinds}
    return {"requestBody": {"required": True, "content": content}}


def answer(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None, kind: str = JSON
) -> Response:
    """Answer JSON in which exact numbers are numbers, with the versions of the standard."""
    return Response(
        encoded(value), status, headers={**VERSIONS, **(headers or {})}, media_type=kind
    )


def options(methods: str, headers: Mapping[str, str] | None = None) -> Response:
    """Tell what a route can do."""
    return Response(status_code=204, headers={**VERSIONS, "Allow": methods, **(headers or {})})


def next_page(request: Request, token: str | None) -> dict[str, str]:
    """Return the Link header with the next page, if there is one."""
    if token is None:
        return {}
    url = request.url.include_query_params(nextPageToken=token)
    return {"Link": f'<{url.path}?{url.query}>; rel="next"'}
