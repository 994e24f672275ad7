"""Route of quality: all rows that fail a rule."""

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from etl.quality import write_failing
from stocktide.foundation.errors import TooManyRequests
from stocktide.foundation.lake import Lake
from stocktide.foundation.rights import ReadKey
from stocktide.foundation.web import engine_of, settings_of

router = APIRouter(prefix="/v1/quality", tags=["read"])
PIECE_BYTES = 2**18
# A rule reads five weeks of the lake: one at a time is enough.
_PLACE = threading.BoundedSemaphore(1)
WAIT_S, RETRY_AFTER_S = 10.0, 5


@router.get("/{rule}", response_class=StreamingResponse)
async def get_failing(request: Request, _key: ReadKey, rule: str) -> StreamingResponse:
    """Give all rows that fail a rule by now as CSV, the newest first; page Quality shows what its check kept."""
    engine, lake = engine_of(request), Lake(settings_of(request).lake_root)

    def look_up() -> Iterator[bytes]:
        if not _PLACE.acquire(timeout=WAIT_S):
            raise TooManyRequests(
                "quality_busy", "Another rule is being looked up. Try again soon.",
                retry_after_s=RETRY_AFTER_S,
            )  # fmt: skip
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "rows.csv"
                write_failing(engine, lake, rule, path)
                # open, it can be read after its name has gone
                file = path.open("rb")
        finally:
            _PLACE.release()
        return _pieces(file)

    return StreamingResponse(await run_in_threadpool(look_up), media_type="text/csv")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
