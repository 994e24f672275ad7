"""Routes of the capture interface: documents, single events and capture jobs."""

import time
from typing import Annotated, Any, get_args
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from ingest.epcis.capture.capture import Behaviour, capture, capture_one
from ingest.epcis.capture.jobs import list_jobs, read_job
from ingest.epcis.http.responses import JSON, JSON_LD, PATH, answer, body_of, next_page, options
from ingest.epcis.model.document import Document, bare_document, read_document
from ingest.epcis.model.reading import Refused
from ingest.epcis.query.query import read_query
from ingest.parsing.events import Fault
from ingest.recording.dependency import recorder_of
from ingest.recording.recording import Recorder
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid, TooLarge, TooManyRequests, UnsupportedMedia
from stocktide.foundation.keys import Key
from stocktide.foundation.rights import Allow, AnyIngestKey
from stocktide.foundation.web import limited_body

READ = (JSON, JSON_LD)
BODY = body_of(*READ)
# Kinds and locations are looked at when an event moves stock; a document names no source.
CaptureKey = Annotated[Key, Depends(Allow("ingest", "kinds", "locations"))]

router = APIRouter()


async def _document(request: Request, key: Key, *, bare: bool) -> tuple[str, Document]:
    """Read the body of a capture, and its content type. What is no document is kept as a reject.

    Raises UnsupportedMedia, Invalid, TooLarge, TooManyRequests.
    """
    recorder = recorder_of(request)
    body = await limited_body(request, recorder.settings.body_bytes_max)
    content_type = request.headers.get("content-type", "")
    document = await run_in_threadpool(_read, recorder, key, content_type, body, bare=bare)
    _take_rate(key, len(document.events))
    return content_type, document


def _read(recorder: Recorder, key: Key, content_type: str, body: bytes, *, bare: bool) -> Document:
    if content_type.partition(";")[0].strip().lower() not in READ:
        error = UnsupportedMedia(
            "content_type",
            f"EPCIS is captured as {' or '.join(READ)}, not {content_type[:80]!r}; XML is not read.",
        )
        recorder.keep(key.name, content_type, body, Fault(error.code, error.message))
        raise error
    try:
        document = bare_document(body) if bare else read_document(body)
    except Refused as refused:
        fault = refused.fault
        recorder.keep(key.name, content_type, body, fault)
        raise Invalid(fault.reason, fault.message, field=fault.field) from None
    most = recorder.settings.batch_events_max
    if len(document.events) > most:
        raise TooLarge(
            "batch_too_large", f"{len(document.events)} events in one document; at most {most}."
        )
    return document


def _take_rate(key: Key, events: int) -> None:
    wait_s = key.limiter.take(max(events, 1), time.monotonic())
    if wait_s:
        raise TooManyRequests(
            "rate",
            f"The key {key.name!r} may send {key.rate:g} events a second; wait {wait_s:.1f} s.",
            retry_after_s=max(1, round(wait_s)),
        )


def _behaviour(request: Request) -> Behaviour:
    given = request.headers.get("gs1-capture-error-behaviour", "rollback").strip().lower()
    behaviours: tuple[Behaviour, ...] = get_args(Behaviour)
    for behaviour in behaviours:
        if given == behaviour:
            return behaviour
    raise Invalid(
        "header", f"GS1-Capture-Error-Behaviour is rollback or proceed, not {given[:80]!r}."
    )


def _whose(key: Key) -> str | None:
    """Return whose jobs a key sees: a feed or a limited key its own, somebody who may read all."""
    return key.name if key.scope == "ingest" or key.limited_by() else None


@router.post("/capture", openapi_extra=BODY, status_code=202)
async def post_capture(request: Request, key: CaptureKey) -> Response:
    """Capture an EPCISDocument (JSON-LD). Answers 202 with the job's address once its events are committed.

    Under `GS1-Capture-Error-Behaviour: rollback` (the default) all events are captured or none, and a wrong one
    answers 400; under `proceed` each by itself, and the job tells. Whatever is refused is kept to be fixed.
    """
    behaviour = _behaviour(request)
    content_type, document = await _document(request, key, bare=False)
    captured = await run_in_threadpool(
        capture, recorder_of(request), key.name, content_type, document, behaviour
    )
    address = f"{PATH}/capture/{captured.capture_id}"
    return answer(
        {"captureID": str(captured.capture_id), "success": captured.success},
        202,
        {"Location": address, "GS1-Capture-Error-Behaviour": behaviour},
    )


@router.get("/capture")
def get_captures(
    request: Request, key: AnyIngestKey, perPage: str = "30", nextPageToken: str | None = None
) -> Response:
    """List capture jobs, newest first. The Link header has the next page."""
    query = read_query([("perPage", perPage)])
    with recorder_of(request).engine.connect() as connection:
        jobs, token = list_jobs(
            connection, feed=_whose(key), per_page=query.per_page, token=nextPageToken
        )
    return answer(jobs, headers=next_page(request, token))


@router.get("/capture/{capture_id}")
def get_capture(capture_id: str, request: Request, key: AnyIngestKey) -> Response:
    """Tell a capture job: whether it succeeded, its errors, and what its events moved in the ledger."""
    with recorder_of(request).engine.connect() as connection:
        return answer(read_job(connection, capture_id, feed=_whose(key)))


@router.post("/events", openapi_extra=BODY, status_code=201)
async def post_event(request: Request, key: CaptureKey) -> Response:
    """Capture one bare event, which carries its @context itself. 201 if it is new, 200 if it was captured before.

    The same eventID with other content answers 409; both are kept.
    """
    content_type, document = await _document(request, key, bare=True)
    recorder = recorder_of(request)
    captured = await run_in_threadpool(capture_one, recorder, key.name, content_type, document)
    outcome, identity = captured.outcomes[0]
    told = {"eventID": identity, "outcome": outcome, "captureID": captured.capture_id}
    shown = await run_in_threadpool(_movements, recorder, identity or "")
    return answer(
        {**told, "movements": shown},
        201 if outcome == "captured" else 200,
        {"Location": f"{PATH}/events/{quote(identity or '', safe='')}"},
    )


def _movements(recorder: Recorder, identity: str) -> list[dict[str, Any]]:
    with recorder.engine.connect() as connection:
        rows = connection.execute(statement("ingest/epcis/event_movements"), {"identity": identity})
        return [dict(row) for row in rows.mappings()]


@router.options("/capture")
def options_capture(request: Request, _key: AnyIngestKey) -> Response:
    """Tell versions and limits of the capture interface."""
    settings = recorder_of(request).settings
    return options(
        "GET, OPTIONS, POST",
        {
            "GS1-Capture-Error-Behaviour": "rollback, proceed",
            "GS1-EPCIS-Capture-Limit": str(settings.batch_events_max),
            "GS1-EPCIS-Capture-File-Size-Limit": str(settings.body_bytes_max),
        },
    )
