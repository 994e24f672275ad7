"""Routes of reports: figures that are too wide for Postgres, computed over the lake."""

from typing import Any

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from query.formats import MEDIA, pieces, written
from query.http import form_of
from query.report_engine import Reports
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


@router.get("/{name}")
async def get_report(request: Request, _key: ReadKey, name: str) -> Response:
    """Compute a report with the parameters of the query string, as `Accept` says: JSON, CSV, Parquet or Arrow.

    All rows, or an error. JSON also says as of when it is, the lake's versions, the run that landed them, the
    definition, and the statement with its parameters in their places; the others say as of when in their headers.
    """
    form = form_of(request.headers.get("accept", ""))
    given = dict(request.query_params.multi_items())
    if len(given) < len(request.query_params.multi_items()):
        raise Invalid("report_parameter", "Name each parameter once.")

    def compute() -> Response:
        result = reports_of(request).answer(name, given)
        versions = result.said["lake"].items()
        headers = {
            "Stocktide-Rows": str(result.rows),
            "Stocktide-Complete": "true",
            "Stocktide-As-Of": str(result.said["as_of"] or ""),
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
