"""Routes of reports: figures that are too wide for Postgres, computed over the lake."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from query.formats import MEDIA, pieces, written
from query.http import form_of
from query.report_engine import Reports
from query.report_past import moment_of
from query.reports import all_reports
from stocktide.foundation.errors import Invalid
from stocktide.foundation.rights import ReadKey

router = APIRouter(prefix="/v1/reports", tags=["query"])


def reports_of(request: Request) -> Reports:
    """Return the process's reports, put there by the entry point."""
    reports: Reports = request.app.state.reports
    return reports


@router.get("")
def get_reports(_key: ReadKey) -> dict[str, Any]:
    """List the reports and metrics with their definitions, parameters and statements."""
    return {
        "reports": [
            {
                "name": one.name,
                "definition": one.definition,
                "parameters": [
                    {
                        "name": parameter.name,
                        "type": parameter.kind,
                        "meaning": parameter.meaning,
                        "default": msgspec.to_builtins(parameter.default),
                    }
                    for parameter in one.parameters
                ],
                "statement": one.text,
            }
            for one in all_reports().values()
        ]
    }


AS_OF = {
    "name": "as_of",
    "in": "query",
    "description": "An instant, or a day (its end, UTC): what the report said then, over the lake as it was.",
    "schema": {"type": "string"},
}


@router.get("/{name}", openapi_extra={"parameters": [AS_OF]})
async def get_report(request: Request, _key: ReadKey, name: str) -> Response:
    """Compute a report with the parameters of the query string, as `Accept` says: JSON, CSV, Parquet or Arrow.

    All rows, or an error. JSON also says as of when it is, the lake's versions, the run that landed them, the
    definition, and the statement with its parameters in their places; the others say as of when in their headers.
    """
    given = dict(request.query_params.multi_items())
    if len(given) < len(request.query_params.multi_items()):
        raise Invalid("report_parameter", "Name each parameter once.")
    as_of = moment_of(given.pop("as_of", ""))
    return await answered(request, name, given, as_of)


async def answered(
    request: Request, name: str, given: Mapping[str, str], as_of: datetime | None
) -> Response:
    """Answer a request by a report, in the form that its `Accept` asks for."""
    form = form_of(request.headers.get("accept", ""))

    def compute() -> Response:
        result = reports_of(request).answer(name, given, as_of=as_of)
        versions = result.said["lake"].items()
        headers = {
            "Stocktide-Rows": str(result.rows),
            "Stocktide-Complete": "true",
            "Stocktide-As-Of": str(result.said["as_of"] or ""),
            "Stocktide-Past": str(result.said["past"] or ""),
            "Stocktide-Run": str(result.said["run_id"] or ""),
            # a header has no letters beyond Latin
            "Stocktide-Definition": quote(result.said["definition"], safe=" ,.:;()"),
            "Stocktide-Lake": ", ".join(f"{table}={number}" for table, number in versions),
        }
        if form == "arrow":
            return StreamingResponse(
                pieces(written(result, form)), media_type=MEDIA[form], headers=headers
            )
        with result.spool:
            file = written(result, form)
        return StreamingResponse(pieces(file), media_type=MEDIA[form], headers=headers)

    return await run_in_threadpool(compute)
