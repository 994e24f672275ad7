"""POST /v1/events as a bare ASGI endpoint: the one route whose own cost matters."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from ingest.http.answers import Tally, batch_answer, single_answer, single_error
from ingest.http.envelopes import (
    BATCH,
    NDJSON,
    STRUCTURED,
    Cut,
    cut_body,
    is_array,
    media_type,
)
from ingest.ledger.outcomes import Outcome
from ingest.parsing.events import Event, Fault
from ingest.parsing.permission import permitted_all
from ingest.recording.intake import Intake
from ingest.recording.recording import Recorder
from stocktide.foundation.bodies import lines, whole_body
from stocktide.foundation.errors import (
    Invalid,
    StocktideError,
    TooLarge,
    TooManyRequests,
    UnsupportedMedia,
)
from stocktide.foundation.key_ring import FRESH_S, KeyRing
from stocktide.foundation.keys import LIMITS, Key
from stocktide.foundation.rights import Right, bearer, key_with_right
from stocktide.foundation.web import PROBLEM, problem

# Events of one stream that are parsed and handed in together.
STREAM_LINES = 2_000
EVENTS_OPENAPI = {
    "post": {
        "tags": ["ingest"],
        "summary": "Record events. Acknowledged means committed.",
        "description": (
            "A batch answers 200 with one outcome an event: accepted, duplicate, conflict or rejected, the last two "
            "with reason, field and message. A single event answers 200, or 409 for a conflict and 400 for a reject. "
            "Lines may be any number: of more than a batch may hold, only what was refused is listed. A body that is "
            "no batch at all answers 400. Whatever is refused is stored unchanged, to be fixed and replayed."
        ),
        "operationId": "post_events",
        "security": [{"key": []}],
        "parameters": [
            {
                "name": "Content-Encoding",
                "in": "header",
                "schema": {"type": "string", "enum": ["gzip", "zstd", "deflate", "identity"]},
            }
        ],
        "requestBody": {
            "required": True,
            "description": "CloudEvents 1.0: structured, batch, NDJSON (one structured event a line), or binary.",
            "content": {
                STRUCTURED: {"schema": {"type": "object"}},
                BATCH: {"schema": {"type": "array", "items": {"type": "object"}}},
                NDJSON[0]: {"schema": {"type": "string"}},
                "application/json": {"schema": {"type": "object"}},
            },
        },
        "responses": {
            "200": {
                "description": "The outcome, or the counts and the outcomes of a batch.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            **{
                status: {
                    "description": title,
                    "content": {PROBLEM: {"schema": {"type": "object"}}},
                }
                for status, title in {
                    "400": "Rejected, and kept",
                    "401": "No valid key",
                    "403": "Not with this key",
                    "409": "Conflict with the event of this identity",
                    "413": "Longer than a limit",
                    "415": "Of a kind that is not read here",
                    "429": "More than the key's rate",
                    "503": "Not recorded; send it again",
                }.items()
            },
        },
    }
}
EMPTY = Fault("empty", "The body contains no event.")
JSON_HEADERS = [(b"content-type", b"application/json")]


@dataclass
class Sender:
    """Who sends a request: the text of its key, and the key as it was when asked for, monotonic seconds."""

    text: str
    key: Key
    asked_at: float


class EventsRoute:
    """Records events. Acknowledged means committed."""

    # each event is looked at by itself
    right = Right("ingest", frozenset(LIMITS))

    def __init__(self, recorder: Recorder, intake: Intake, key_ring: KeyRing) -> None:
        self._recorder = recorder
        self._intake = intake
        self._keys = key_ring
        self._settings = recorder.settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        try:
            sender = await self._sender(headers)
            if media_type(headers.get("content-type", "")) in NDJSON:
                body = await self._stream(sender, headers, receive)
            else:
                body = await self._whole(sender, headers, receive)
        except _Refused as refused:
            await problem(refused.error, **refused.more)(scope, receive, send)
            return
        except StocktideError as error:
            await problem(error)(scope, receive, send)
            return
        length = (b"content-length", str(len(body)).encode())
        await send(
            {"type": "http.response.start", "status": 200, "headers": [*JSON_HEADERS, length]}
        )
        await send({"type": "http.response.body", "body": body})

    async def _sender(self, headers: Mapping[str, str]) -> Sender:
        text = bearer(headers.get("authorization", ""))
        return Sender(text, await self._key(text), time.monotonic())

    async def _key(self, text: str) -> Key:
        return await key_with_right(self._keys, text, self.right)

    async def _still(self, sender: Sender) -> Key:
        """Return the sender's key as it stands now: a body may be under way for hours. Raises as `_key`."""
        now = time.monotonic()
        if now - sender.asked_at > FRESH_S:
            sender.key, sender.asked_at = await self._key(sender.text), now
        return sender.key

    async def _whole(self, sender: Sender, headers: Mapping[str, str], receive: Receive) -> bytes:
        """Record a single event, or a batch in one array."""
        content_type = headers.get("content-type", "")
        body = await whole_body(
            receive, headers.get("content-encoding", ""), self._settings.body_bytes_max
        )
        # nearly always all events of an array are plain, and then nothing has to be cut
        parsed = self._recorder.parser.parse_array(body) if is_array(content_type) else None
        if parsed is not None:
            cut = Cut("batch", body, size=len(parsed))
        else:
            cut = await self._cut(sender, content_type, headers, body)
        self._require_count(len(cut))
        await self._within_rate(sender, len(cut))
        if parsed is None:
            parsed = self._recorder.parser.parse_each(cut)
        outcomes = await self._record(sender, content_type, cut, parsed)
        if cut.mode == "batch":
            return batch_answer(outcomes)
        if outcomes[0].fault is not None:
            raise _Refused(*single_error(outcomes[0]))
        return single_answer(outcomes[0])

    def _require_count(self, count: int) -> None:
        if count > self._settings.batch_events_max:
            raise TooLarge(
                "batch_too_large",
                f"{count} events in one request; at most {self._settings.batch_events_max}.",
            )

    async def _cut(
        self, sender: Sender, content_type: str, headers: Mapping[str, str], body: bytes
    ) -> Cut:
        try:
            cut = cut_body(content_type, headers, body)
        except UnsupportedMedia as error:
            await self._keep(sender, content_type, body, Fault(error.code, error.message))
            raise
        if cut.fault is not None:
            await self._keep(sender, content_type, body, cut.fault)
            raise Invalid(cut.fault.reason, cut.fault.message)
        return cut

    async def _stream(self, sender: Sender, headers: Mapping[str, str], receive: Receive) -> bytes:
        """Lines of any number, recorded as they come: memory holds a group of them at a time."""
        content_type = headers.get("content-type", "")
        tally = Tally(self._settings.batch_events_max)
        groups = lines(
            receive,
            headers.get("content-encoding", ""),
            lines_max=STREAM_LINES,
            bytes_max=self._settings.body_bytes_max,
        )
        try:
            async for group in groups:
                parsed = self._recorder.parser.parse_lines(group)
                # refused in the middle, it could only come again from its beginning, and would be refused again
                await self._within_rate(sender, len(group), wait=tally.total > 0)
                tally.add(await self._record(sender, content_type, group, parsed))
        except StocktideError as error:
            # what was recorded stays recorded; the same lines again answer "duplicate"
            raise _Refused(error, tally.as_dict() if tally.total else {}) from error
        if tally.total == 0:
            await self._keep(sender, content_type, b"", EMPTY)
            raise Invalid("empty", "The body contains no event.")
        return tally.encode()

    async def _record(
        self,
        sender: Sender,
        content_type: str,
        raws: Sequence[bytes],
        parsed: Sequence[Event | Fault],
    ) -> list[Outcome]:
        key = await self._still(sender)
        return await self._intake.submit(key.name, content_type, raws, permitted_all(key, parsed))

    async def _keep(self, sender: Sender, content_type: str, body: bytes, fault: Fault) -> None:
        await self._within_rate(sender, 1)
        key = await self._still(sender)
        await self._intake.submit(key.name, content_type, [body], [fault])

    async def _within_rate(self, sender: Sender, count: int, *, wait: bool = False) -> None:
        """Take events from the key's rate. Raises TooManyRequests where they are too many, unless it may wait."""
        key = sender.key
        while (wait_s := key.limiter.take(count, time.monotonic())) > 0:
            if not wait:
                raise TooManyRequests(
                    "rate",
                    f"The key {key.name!r} may send {key.limiter.rate:g} events a second. Wait, then send it again.",
                    retry_after_s=max(1, round(wait_s)),
                )
            await asyncio.sleep(wait_s)


class _Refused(Exception):
    """An error with further fields for its answer."""

    def __init__(self, error: StocktideError, more: dict[str, Any]) -> None:
        super().__init__(error.message)
        self.error = error
        self.more = more
