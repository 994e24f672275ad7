"""Sends the outbox: each change of an alert to each webhook that wants it, at least once, till it is taken or too old.

A delivery is taken with a lease and tried outside any transaction: a sender that dies leaves it due again. What one
rule says of one subject arrives in order; apart from that, one that waits to be tried again holds up no other.
"""

import asyncio
import email.utils
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import msgspec
import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from alerts.addresses import allowed_by, check_url, resolve
from alerts.cloud_event import cloud_event
from alerts.evaluation import DELIVERIES_DUE
from alerts.signature import signed_headers
from stocktide.database import statement
from stocktide.errors import StocktideError
from stocktide.settings import Settings
from stocktide.telemetry import log

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
FIRST_WAIT_S = 5.0
WAIT_S_MAX = 3_600.0
POLL_S = 1.0
RECONNECT_S = 1.0
# In flight: of one webhook, and of all.
EACH_MAX = 8
FLIGHT_MAX = 64
LEASE_SLACK_S = 60.0
CLEAR_EVERY_S = 3_600.0
KEEP_DAYS = 30
ERROR_MAX = 300
OK = range(200, 300)
GONE = 410


@dataclass(frozen=True)
class Tried:
    """How one try went. error None: taken. retry_after_s: what the receiver asked for."""

    status: int | None = None
    error: str | None = None
    retry_after_s: float | None = None


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

    def run(self) -> None:
        """Run until stopped; a database that is away is waited for."""
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
        listening = asyncio.create_task(self._listen())
        tries: set[asyncio.Task[None]] = set()
        # no proxy and no netrc of the environment: what is connected to is what was checked
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False) as client:
            while not self._stopped.is_set():
                self._wake.clear()
                for row in await asyncio.to_thread(self._claim):
                    task = asyncio.create_task(self._deliver(client, row))
                    tries.add(task)
                    task.add_done_callback(tries.discard)
                await self._idle()
            listening.cancel()
            await asyncio.gather(listening, *tries, return_exceptions=True)

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

    def _claim(self) -> list[sa.RowMapping]:
        room = FLIGHT_MAX - self._flying.total()
        if room <= 0:
            return []
        try:
            self._clear_old()
            with self._engine.begin() as connection:
                rows = connection.execute(
                    statement("alerts/claim_deliveries"),
                    {
                        "each": EACH_MAX,
                        "most": room,
                        "busy": [webhook for webhook, n in self._flying.items() if n > 0],
                        "lease_s": self._timeout_s + LEASE_SLACK_S,
                    },
                )
                claimed = list(rows.mappings())
        except DBAPIError as error:
            log("sender_lost_database", error=str(error.orig).strip())
            return []
        self._flying.update(row["webhook_id"] for row in claimed)
        return claimed

    async def _deliver(self, client: httpx.AsyncClient, row: sa.RowMapping) -> None:
        try:
            tried = await self._try(client, row)
            await asyncio.to_thread(self._end, row, tried)
        except DBAPIError as error:
            # it is sent again when its lease ends: the receiver knows the webhook-id
            log("sender_lost_database", error=str(error.orig).strip())
        finally:
            self._flying[row["webhook_id"]] -= 1
            self._wake.set()

    async def _try(self, client: httpx.AsyncClient, row: sa.RowMapping) -> Tried:
        body = msgspec.json.encode(cloud_event(row, self._source))
        keys = [row["secret"], *([row["old_secret"]] if row["old_secret"] else [])]
        signed = signed_headers(keys, str(row["event_id"]), int(time.time()), body)
        try:
            async with asyncio.timeout(self._timeout_s):
                target = check_url(row["url"], self._allowed)
                address = await resolve(target, self._allowed)
                request = client.build_request(
                    "POST",
                    target.url_at(address),
                    content=body,
                    headers={"host": target.authority, "content-type": CONTENT_TYPE, **signed},
                    # the certificate is checked for the name, whatever the address
                    extensions={"sni_hostname": target.host},
                    timeout=self._timeout_s,
                )
                answer = await client.send(request, stream=True)
                await answer.aclose()
        except TimeoutError:
            return Tried(error=f"no answer within {self._timeout_s:g} s")
        except StocktideError as error:
            return Tried(error=error.message)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Tried(error=f"{type(error).__name__}: {error}")
        return _tried(answer)

    def _end(self, row: sa.RowMapping, tried: Tried) -> None:
        state, wait_s = self._fate(row, tried)
        if tried.error is not None:
            log("webhook_failed", webhook=row["webhook"], event_id=row["event_id"], attempt=row["attempts"],
                state=state, error=tried.error)  # fmt: skip
        with self._engine.begin() as connection:
            connection.execute(
                statement("alerts/end_try"),
                {
                    "state": state,
                    "status": tried.status,
                    "error": tried.error and tried.error[:ERROR_MAX].replace("\x00", ""),
                    "wait_s": wait_s,
                    "delivery_id": row["delivery_id"],
                },
            )
            if tried.status == GONE:
                connection.execute(
                    sa.text(
                        "UPDATE webhooks SET active = false, note = 'it answered 410 Gone', updated_at = now()"
                        " WHERE webhook_id = :webhook_id"
                    ),
                    {"webhook_id": row["webhook_id"]},
                )

    def _fate(self, row: sa.RowMapping, tried: Tried) -> tuple[str, float]:
        """Decide what becomes of a delivery: its state, and the wait before the next try."""
        if tried.error is None:
            return "delivered", 0.0
        wait_s = backoff_s(row["attempts"], self._random)
        if tried.retry_after_s is not None:
            wait_s = max(wait_s, tried.retry_after_s)
        age_s = (datetime.now(UTC) - row["created_at"]).total_seconds()
        if tried.status == GONE or age_s + wait_s > self._age_s_max:
            return "dead", 0.0
        return "waiting", wait_s

    def _clear_old(self) -> None:
        now = time.monotonic()
        if now - self._cleared_at < CLEAR_EVERY_S:
            return
        self._cleared_at = now
        with self._engine.begin() as connection:
            connection.execute(
                sa.text(
                    "DELETE FROM deliveries WHERE state <> 'waiting'"
                    " AND ended_at < now() - make_interval(days => :days)"
                ),
                {"days": KEEP_DAYS},
            )


def backoff_s(attempts: int, jitter: random.Random) -> float:
    """Seconds before the next try: doubling from 5 s to an hour, less up to half, so that many do not come at once."""
    longest = min(WAIT_S_MAX, FIRST_WAIT_S * 2.0 ** min(attempts - 1, 20))
    return longest * (1 - jitter.random() / 2)


def _tried(answer: httpx.Response) -> Tried:
    if answer.status_code in OK:
        return Tried(answer.status_code)
    more = "; redirects are not followed" if answer.is_redirect else ""
    return Tried(
        answer.status_code,
        f"it answered {answer.status_code}{more}",
        _retry_after_s(answer.headers.get("retry-after"), datetime.now(UTC)),
    )


def _retry_after_s(value: str | None, now: datetime) -> float | None:
    """Read a Retry-After header: seconds, or an HTTP date; None where it is neither."""
    if value is None:
        return None
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        at = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
