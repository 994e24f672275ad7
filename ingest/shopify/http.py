"""The route that takes exports: as the command does, for pages and programs."""

import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

import msgspec
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool

from ingest.recording.dependency import recorder_of
from ingest.shopify.headers import TEXT
from ingest.shopify.importing import dry_run_exports, import_exports
from ingest.shopify.reading import Options
from stocktide.foundation.errors import Invalid
from stocktide.foundation.rights import OperateKey
from stocktide.foundation.web import body_of, engine_of, read_body, settings_of

FILES_MAX = 50
router = APIRouter(prefix="/v1/imports", tags=["events"])
FileName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class NamedText(msgspec.Struct, forbid_unknown_fields=True):
    """A file: its name, which ends with .csv or .tsv, and what is in it."""

    name: FileName
    text: str


class ExportsIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of POST /v1/imports/shopify; the fields beside `files` are the command's options."""

    files: Annotated[list[NamedText], msgspec.Meta(min_length=1, max_length=FILES_MAX)]
    timezone: str = "UTC"
    online: str | None = None
    counted_at: datetime | None = None
    shop: str | None = None
    dry_run: bool = False


@router.post("/shopify", openapi_extra=body_of(ExportsIn))
async def post_exports(request: Request, _key: OperateKey) -> dict[str, Any]:
    """Import exports of Shopify and Stocky; they are recognised by their headers. The same again changes nothing."""
    settings = settings_of(request)
    body = await read_body(request, ExportsIn, settings.body_bytes_max)
    options = _options(body)

    def run() -> dict[str, Any]:
        engine_of(request)
        with tempfile.TemporaryDirectory(prefix="stocktide-exports-") as folder:
            paths = _written(body.files, Path(folder))
            try:
                if body.dry_run:
                    return dry_run_exports(paths, options, settings).as_dict()
                recorder = recorder_of(request)
                return import_exports(paths, options, recorder, lambda _done, _of: None).as_dict()
            except Invalid as error:
                # the sender knows no folder of ours
                said = error.message.replace(f"{folder}/", "")
                raise Invalid(error.code, said, **error.context) from None

    return await run_in_threadpool(run)


def _options(body: ExportsIn) -> Options:
    if body.timezone not in available_timezones():
        raise Invalid(
            "bad_timezone",
            f"timezone: {body.timezone!r} is not a known time zone, such as Europe/Berlin.",
        )
    if body.counted_at is not None and body.counted_at.tzinfo is None:
        raise Invalid("bad_instant", f"counted_at: {body.counted_at} names no offset, such as Z.")
    return Options(body.timezone, body.online, body.counted_at, body.shop)


def _written(files: list[NamedText], folder: Path) -> list[Path]:
    """Write files, each under its own name. Raises Invalid for a name that is no file's, or that comes twice."""
    paths = []
    for file in files:
        path = folder / file.name
        if path.name != file.name or path.suffix.lower() not in TEXT or not file.name.isprintable():
            raise Invalid("file_name", f"{file.name!r} is no name of a {' or '.join(TEXT)} file.")
        if path in paths:
            raise Invalid("file_name", f"Two files have the name {file.name!r}.")
        path.write_text(file.text, "utf-8", newline="")
        paths.append(path)
    return paths
