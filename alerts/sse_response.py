"""One client's open stream as an HTTP response (server-sent events, WHATWG HTML section 9.2)."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import Response
from starlette.types import Receive, Scope, Send

from alerts.fan_out import FanOut, Frame, Subscription
from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line, is_retryable
from stocktide.foundation.errors import StocktideError
from stocktide.foundation.telemetry import log

# A client that takes nothing for so long is let go.
SEND_S_MAX = 10.0
# How often a quiet stream looks whether its client is still there and its key still holds.
LOOK_S = 0.5
RETRY_MS = 1_000


class SseResponse(Response):
    """Streams events after `after` (None: from now on) until the client goes, falls behind, or its key ends."""

    def __init__(
        self,
        fan_out: FanOut,
        subscription: Subscription,
        *,
        after: int | None,
        check_key: Callable[[], Awaitable[object]],
        for_s: float | None = None,
    ) -> None:
        super().__init__(media_type="text/event-stream", headers={"cache-control": "no-store"})
        del self.headers["content-length"]
        self._fan_out, self._subscription = fan_out, subscription
        self._after = subscription.joined_at if after is None else after
        self._check_key = check_key
        self._until = time.monotonic() + (float("inf") if for_s is None else for_s)

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; whatever ends the stream, the client leaves."""
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for chunk in self._chunks(gone):
                async with asyncio.timeout(SEND_S_MAX):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            async with asyncio.timeout(SEND_S_MAX):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            log("alert_stream_slow", waiting=self._subscription.queue.qsize())
        finally:
            gone.cancel()
            self._fan_out.leave(self._subscription)

    async def _chunks(self, gone: "asyncio.Future[None]") -> AsyncIterator[bytes]:
        yield b": connected\nretry: %d\n\n" % RETRY_MS
        try:
            if await self._is_unknown():
                yield self._goes_on_from_now()
            async for chunk in self._missed():
                yield chunk
            async for chunk in self._coming(gone):
                yield chunk
        except StocktideError as error:  # the key has ended
            yield b": closed, %s\n\n" % error.code.encode()
        except DATABASE_ERRORS as error:  # nobody can say whether the key holds
            log("alert_stream_closed", error=first_line(error))
            code = b"database_away" if is_retryable(error) else b"unexpected"
            yield b": closed, %s\n\n" % code

    async def _is_unknown(self) -> bool:
        """Return True if the client saw an event that the database does not have: a backup was restored.

        Another process may have sent what this one has not read yet, so the database is asked.
        """
        if self._after <= self._subscription.joined_at:
            return False
        return self._after > await self._fan_out.newest()

    def _goes_on_from_now(self) -> bytes:
        """Take the number back that the client holds; an id without data changes it and is no event."""
        unknown, self._after = self._after, self._subscription.joined_at
        return b": event %d is not known here, going on after %d\nid: %d\n\n" % (
            unknown,
            self._after,
            self._after,
        )

    async def _missed(self) -> AsyncIterator[bytes]:
        """Yield what happened between the last event that the client has and its joining."""
        after = self._after
        while after < self._subscription.joined_at:
            await self._check_key()
            frames = await self._fan_out.page_after(after)
            if not frames:
                return
            after = frames[-1].event_id
            wanted = [
                frame
                for frame in frames
                if frame.event_id <= self._subscription.joined_at
                and self._subscription.wants(frame)
            ]
            if wanted:
                yield _joined(wanted)

    async def _coming(self, gone: "asyncio.Future[None]") -> AsyncIterator[bytes]:
        beat = time.monotonic()
        while not gone.done() and time.monotonic() < self._until:
            frames = await self._next()
            if self._subscription.dropped or self._fan_out.closing:
                return
            await self._check_key()
            now = time.monotonic()
            if frames:
                beat = now
                yield _joined(frames)
            elif now - beat >= self._fan_out.heartbeat_s:
                beat = now
                yield b": heartbeat\n\n"

    async def _next(self) -> list[Frame]:
        """Wait a little for what comes, and take all that is there."""
        queue = self._subscription.queue
        try:
            async with asyncio.timeout(min(LOOK_S, self._fan_out.heartbeat_s)):
                frames = [await queue.get()]
        except TimeoutError:
            return []
        while not queue.empty():
            frames.append(queue.get_nowait())
        return [frame for frame in frames if frame.event_id > self._after]


def _joined(frames: list[Frame]) -> bytes:
    return b"".join(frame.text for frame in frames)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
