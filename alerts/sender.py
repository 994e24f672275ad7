"""Sends the outbox: each change of an alert to each webhook that wants it, at least once, till it is taken or too old.

A delivery is taken with a lease and tried outside any transaction: a sender that dies leaves it due again. What one
rule says of one subject arrives in order; apart from that, one that waits to be tried again holds up no other.
"""

import asyncio
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

import psycopg
import sqlalchemy as sa

from alerts.addresses import allowed_by
from alerts.outbox import Delivery, clear_old, end_try, take_due
from alerts.posting import GONE, Poster, Tried
from alerts.signature import signed_headers
from stocktide.foundation.database_errors import (
    DATABASE_ERRORS,
    first_line,
    is_retryable,
    reaction_to,
)
from stocktide.foundation.database_names import DELIVERIES_DUE
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
FIRST_WAIT_S = 5.0
WAIT_S_MAX = 3_600.0
POLL_S = 1.0
RECONNECT_S = 1.0
# In flight, of all webhooks.
FLIGHT_MAX = 64
LEASE_SLACK_S = 60.0
CLEAR_EVERY_S = 3_600.0
WRITERS = 4
Result = TypeVar("Result")


class Sender:
    """Sends until it is stopped. Several may run on one database: they share the work."""

    def __init__(self, engine: sa.Engine, settings: Settings) -> None:
        self._engine = engine
        self._timeout_s = settings.webhook_timeout_s
        self._age_s_max = settings.webhook_age_h_max * 3_600
        self._allowed = allowed_by(settings)
        self._source = settings.alert_source
        self._url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._cleared_at = float("-inf")
        self._flying: Counter[int] = Counter()
        self._random = random.Random()  # noqa: S311 - jitter, no secret
        # of their own: the end of a try is written before its lease ends, whatever receivers and resolvers do
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="alert-sender")

    def run(self) -> None:
        """Run until stopped; a database that is away is waited for, any other error of it is raised."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """End once the tries under way have ended."""
        self._stopped.set()
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake.set)

    async def _run(self) -> None:
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        with self._writers:
            # what fails in one of the tasks ends them all, and is raised: nothing dies unseen
            async with (
                Poster(self._allowed, self._timeout_s) as poster,
                asyncio.TaskGroup() as tasks,
            ):
                listening = tasks.create_task(self._listen())
                while not self._stopped.is_set():
                    self._wake.clear()
                    for delivery in await self._in_thread(self._claim):
                        tasks.create_task(self._deliver(poster, delivery))
                    await self._idle()
                listening.cancel()

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writers, work, *arguments)

    async def _idle(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _listen(self) -> None:
        """Wake the sender when something is due; a lost connection costs a poll's time, no more."""
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
                async with connection:
                    await connection.execute(f"LISTEN {DELIVERIES_DUE}")
                    async for _ in connection.notifies():
                        self._wake.set()
            except psycopg.OperationalError:
                await asyncio.sleep(RECONNECT_S)

    def _claim(self) -> list[Delivery]:
        most = FLIGHT_MAX - self._flying.total()
        if most <= 0:
            return []
        busy = [webhook for webhook, n in self._flying.items() if n > 0]
        try:
            self._clear_old()
            with self._engine.begin() as connection:
                claimed = take_due(
                    connection,
                    most=most,
                    busy=busy,
                    lease_s=self._timeout_s + LEASE_SLACK_S,
                    source=self._source,
                )
        except DATABASE_ERRORS as error:
            if not is_retryable(error):
                raise
            log("sender_lost_database", level=logging.WARNING, error=first_line(error))
            return []
        self._flying.update(delivery.webhook_id for delivery in claimed)
        return claimed

    def _clear_old(self) -> None:
        now = time.monotonic()
        if now - self._cleared_at >= CLEAR_EVERY_S:
            with self._engine.begin() as connection:
                clear_old(connection)
            self._cleared_at = now

    async def _deliver(self, poster: Poster, delivery: Delivery) -> None:
        try:
            tried = await _try(poster, delivery)
            await self._in_thread(self._end, delivery, tried)
        except DATABASE_ERRORS as error:
            # it is sent again when its lease ends: the receiver knows the webhook-id. What the database refuses of one
            # delivery holds up that one alone
            if reaction_to(error) == "bug":
                raise
            log("delivery_not_written", level=logging.ERROR, webhook=delivery.webhook, event_id=delivery.event_id,
                error=first_line(error))  # fmt: skip
        finally:
            self._flying[delivery.webhook_id] -= 1
            self._wake.set()

    def _end(self, delivery: Delivery, tried: Tried) -> None:
        state, wait_s = self._fate(delivery, tried)
        if tried.error is not None:
            log("webhook_failed", webhook=delivery.webhook, event_id=delivery.event_id, attempt=delivery.attempts,
                state=state, error=tried.error)  # fmt: skip
        with self._engine.begin() as connection:
            end_try(connection, delivery, tried, state=state, wait_s=wait_s)

    def _fate(self, delivery: Delivery, tried: Tried) -> tuple[str, float]:
        """Decide what becomes of a delivery: its state, and the wait before the next try."""
        if tried.error is None:
            return "delivered", 0.0
        wait_s = backoff_s(delivery.attempts, self._random)
        if tried.retry_after_s is not None:
            wait_s = max(wait_s, tried.retry_after_s)
        age_s = (datetime.now(UTC) - delivery.created_at).total_seconds()
        if tried.status == GONE or age_s + wait_s > self._age_s_max:
            return "dead", 0.0
        return "waiting", wait_s


def backoff_s(attempts: int, jitter: random.Random) -> float:
    """Seconds before the next try: doubling from 5 s to an hour, less up to half, so that many do not come at once."""
    longest = min(WAIT_S_MAX, FIRST_WAIT_S * 2.0 ** min(attempts - 1, 20))
    return longest * (1 - jitter.random() / 2)


async def _try(poster: Poster, delivery: Delivery) -> Tried:
    """Try once. An unexpected error is an error of this try, too: unwritten, it would be taken again forever."""
    try:
        if delivery.body is None:
            return Tried(error="its body could not be made; the log says why")
        return await poster.post(delivery.url, _headers(delivery, delivery.body), delivery.body)
    except Exception as error:  # noqa: BLE001 - logged, and written on the delivery
        log("webhook_unexpected", level=logging.ERROR, webhook=delivery.webhook, event_id=delivery.event_id,
            error=repr(error))  # fmt: skip
        return Tried(error=f"unexpected {error!r}")


def _headers(delivery: Delivery, body: bytes) -> dict[str, str]:
    """Return the headers of one try. It is signed again, since receivers refuse old timestamps."""
    keys = [delivery.secret, *([delivery.old_secret] if delivery.old_secret else [])]
    signed = signed_headers(keys, str(delivery.event_id), int(time.time()), body)
    return {"content-type": CONTENT_TYPE, **signed}
