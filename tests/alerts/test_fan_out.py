import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import jsonschema  # type: ignore[import-untyped]
import pytest
import redis
import sqlalchemy as sa

from alerts.cloud_event import cloud_event, json_schema
from alerts.fan_out import FanOut, Subscription
from stocktide.entrypoints.api import create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database_names import ALERTS_CHANGED
from stocktide.foundation.errors import Transient
from stocktide.foundation.keys import create_key, revoke_key
from stocktide.foundation.settings import load_settings
from tests.alerts.shops import Shops
from tests.conftest import Api
from tests.conftest import serving as served
from tests.http import NO_TLS

WAIT_S = 10.0


class Stream:
    """An open stream, read in the background: what came, and when."""

    def __init__(self, client: httpx.Client, **query: Any) -> None:
        headers = query.pop("headers", None)
        self.events: list[dict[str, Any]] = []
        self.comments: list[str] = []
        self.ended = threading.Event()
        self._stack = contextlib.ExitStack()
        request = client.stream("GET", "/v1/alerts/stream", params=query, headers=headers)
        self.answer = self._stack.enter_context(request)
        self._lines = self.answer.iter_lines()
        if self.answer.status_code == 200:
            assert next(self._lines) == ": connected"
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        event: dict[str, Any] = {}
        with contextlib.suppress(httpx.HTTPError, httpx.StreamError):
            for line in self._lines:
                name, _, value = line.partition(": ")
                if not line and "data" in event:
                    self.events.append(event)
                    event = {}
                elif line and name == "":
                    self.comments.append(value)
                elif line:
                    event[name] = value
        self.ended.set()

    def ids(self) -> list[int]:
        return [int(event["id"]) for event in self.events]

    def close(self) -> None:
        # shut the socket down: closing a response in one thread does not wake its reader in another
        network: Any = self.answer.extensions["network_stream"]
        with contextlib.suppress(OSError):
            network.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._thread.join(WAIT_S)
        self._stack.close()


def wait_until(done: Callable[[], bool], why: str = "") -> None:
    until = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < until, why
        time.sleep(0.01)


@contextlib.contextmanager
def opened(client: httpx.Client, **query: Any) -> Iterator[Stream]:
    stream = Stream(client, **query)
    try:
        yield stream
    finally:
        stream.close()


@contextlib.contextmanager
def serving(database: sa.Engine, valkey: "redis.Redis", **settings: Any) -> Iterator[str]:
    """Another API process's worth of service, with settings of its own."""
    cache = connect_cache(f"unix://{valkey.get_connection_kwargs()['path']}")
    app = create_app(load_settings(**settings), database, cache, signing_key="x" * 32)
    with served(app, log_level="critical") as url:
        yield url


@contextlib.contextmanager
def reader(database: sa.Engine, url: str, name: str = "reader") -> Iterator[httpx.Client]:
    with database.begin() as connection:
        text = create_key(connection, name, "read")
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {text}"}, verify=NO_TLS
    ) as client:
        yield client


def flap(shops: Shops, times: int) -> None:
    """Open and close an alert in turn."""
    for n in range(times):
        shops.stock(1, 1, n % 2)
        shops.evaluate()


def test_stream_brings_what_opens_and_closes_as_cloud_events(api: Api, shops: Shops) -> None:
    with opened(api.read) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        flap(shops, 2)
        wait_until(lambda: len(stream.events) == 2)
    first, second = (json.loads(event["data"]) for event in stream.events)
    for event in (first, second):
        jsonschema.validate(event, json_schema())
    assert [event["event"] for event in stream.events] == [
        "stocktide.alert.opened",
        "stocktide.alert.closed",
    ]
    assert first["id"] == stream.events[0]["id"]
    assert (first["subject"], first["data"]["state"], first["data"]["value"]) == ("A/S1", "open", 0)
    assert (second["data"]["state"], second["data"]["since"]) == ("closed", first["data"]["since"])


def test_stream_goes_on_without_a_gap_after_last_event_id(api: Api, shops: Shops) -> None:
    flap(shops, 6)
    with (
        opened(api.read, headers={"Last-Event-ID": "2"}) as by_header,
        opened(api.read, last_event_id=4) as by_query,
        opened(api.read) as from_now,
    ):
        wait_until(lambda: by_header.ids() == [3, 4, 5, 6])
        wait_until(lambda: by_query.ids() == [5, 6])
        flap(shops, 2)
        wait_until(lambda: by_header.ids() == [3, 4, 5, 6, 7, 8])
        assert by_query.ids() == [5, 6, 7, 8]
        assert from_now.ids() == [7, 8]
    for wrong in ("x", "1" * 30, "-1"):
        answer = api.read.get("/v1/alerts/stream", headers={"Last-Event-ID": wrong})
        assert answer.json()["code"] == "last_event_id"


def test_list_and_stream_join_without_a_gap(api: Api, shops: Shops) -> None:
    flap(shops, 1)
    as_of = api.read.get("/v1/alerts").json()["as_of"]
    flap(shops, 2)
    with opened(api.read, last_event_id=as_of) as stream:
        wait_until(lambda: len(stream.events) == 1)
        assert stream.ids() == [as_of + 1]


def test_stream_pages_through_a_long_past(
    api: Api, shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.fan_out.PAGE", 3)
    flap(shops, 11)
    with opened(api.read, last_event_id=0) as stream:
        wait_until(lambda: stream.ids() == list(range(1, 12)))


def test_streams_on_two_processes_bring_the_same(
    api: Api, shops: Shops, database: sa.Engine, valkey: "redis.Redis"
) -> None:
    with (
        serving(database, valkey) as url,
        reader(database, url) as client,
        opened(api.read) as here,
        opened(client) as there,
    ):
        flap(shops, 5)
        wait_until(lambda: here.ids() == there.ids() == [1, 2, 3, 4, 5])


def test_stream_is_filtered(api: Api, shops: Shops) -> None:
    with (
        opened(api.read, rule="negative_balance") as by_rule,
        opened(api.read, location="S2", last_event_id=0) as by_place,
    ):
        shops.stock(1, 1, -1)
        shops.stock(1, 2, 0)
        shops.evaluate()
        wait_until(lambda: len(by_rule.events) == len(by_place.events) == 1)
        assert json.loads(by_rule.events[0]["data"])["data"]["rule"] == "negative_balance"
        assert json.loads(by_place.events[0]["data"])["data"]["location"] == "S2"


def test_stream_beats_ends_when_asked_and_bounds_its_clients(
    shops: Shops, database: sa.Engine, valkey: "redis.Redis"
) -> None:
    settings = {"alert_stream_heartbeat_s": 0.1, "alert_stream_clients_max": 1}
    with serving(database, valkey, **settings) as url, reader(database, url) as client:
        with opened(client) as stream:
            wait_until(lambda: stream.comments.count("heartbeat") >= 2)
            refused = client.get("/v1/alerts/stream")
            assert (refused.status_code, refused.json()["code"]) == (503, "streams_full")
            assert refused.headers["retry-after"] == "10"
        wait_until(lambda: client.get("/v1/alerts/stream", params={"for_s": 1}).status_code == 200)
    assert shops.history() == []


def test_stream_ends_within_a_second_when_its_key_is_revoked(
    api: Api, shops: Shops, database: sa.Engine
) -> None:
    with reader(database, api.url) as client, opened(client) as stream:
        with database.begin() as connection:
            revoke_key(connection, "reader")
        assert stream.ended.wait(2)
        assert stream.comments[-1] == "closed, key_revoked"
        flap(shops, 1)
        assert stream.events == []


def test_client_that_does_not_read_is_let_go_and_others_are_not_held_up(
    shops: Shops, database: sa.Engine, valkey: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alerts.fan_out.QUEUE_MAX", 5)
    monkeypatch.setattr("alerts.sse_response.SEND_S_MAX", 0.5)
    settings = {"alert_stream_clients_max": 2}
    with serving(database, valkey, **settings) as url, reader(database, url) as client:
        address = urlsplit(url)
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
        slow.connect((address.hostname, address.port))
        slow.sendall(
            b"GET /v1/alerts/stream HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n\r\n"
            % client.headers["authorization"].encode()
        )
        assert slow.recv(12) == b"HTTP/1.1 200"
        with opened(client) as stream:
            # long texts, so that the socket's buffers fill soon; never more of them at once than a queue holds
            shops.stock(1, 1, 0)
            shops.evaluate()
            with database.begin() as connection:
                connection.execute(sa.text("UPDATE products SET name = repeat('x', 200000)"))
            told = 1
            until = time.monotonic() + WAIT_S
            while client.get("/v1/alerts/stream?for_s=1").status_code == 503:
                assert time.monotonic() < until, "the slow client was never let go"
                shops.stock(1, 1, told % 2)
                shops.evaluate()
                told += 1
                wait_until(lambda told=told: len(stream.events) >= told)  # type: ignore[misc]
            assert stream.ids() == list(range(1, len(stream.events) + 1))
        slow.close()


def test_stream_goes_on_when_the_database_drops_its_listener(
    api: Api, shops: Shops, database: sa.Engine
) -> None:
    with opened(api.read) as stream:
        flap(shops, 1)
        wait_until(lambda: len(stream.events) == 1)
        cut_listeners(database)
        flap(shops, 2)
        wait_until(lambda: len(stream.events) == 2)


@contextlib.asynccontextmanager
async def following(engine: sa.Engine) -> AsyncIterator[FanOut]:
    """A fan-out beside the test, in its loop."""
    fan_out = FanOut(engine, load_settings())
    task = asyncio.create_task(fan_out.run())
    try:
        yield fan_out
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def joined(fan_out: FanOut) -> Subscription:
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                return fan_out.join(lambda _frame: True)
            except Transient:
                await asyncio.sleep(0.01)


async def next_id(subscription: Subscription) -> int:
    async with asyncio.timeout(WAIT_S):
        return (await subscription.queue.get()).event_id


async def wait_dropped(subscription: Subscription) -> None:
    async with asyncio.timeout(WAIT_S):
        while not subscription.dropped:
            await asyncio.sleep(0.01)


def cut_listeners(database: sa.Engine) -> None:
    with database.begin() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = :query"
                " AND datname = current_database()"
            ),
            {"query": f"LISTEN {ALERTS_CHANGED}"},
        )


def test_fan_out_goes_on_when_the_shared_pool_is_exhausted(shops: Shops) -> None:
    url = shops.engine.url.render_as_string(hide_password=False)
    shared = sa.create_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.1)

    async def follow() -> list[int]:
        async with following(shared) as fan_out:
            subscription = await joined(fan_out)
            with shared.connect():
                flap(shops, 2)
                await asyncio.sleep(0.5)
            flap(shops, 2)
            return [await next_id(subscription) for _ in range(4)]

    assert asyncio.run(follow()) == [1, 2, 3, 4]
    shared.dispose()


def test_fan_out_drops_its_clients_and_starts_again_when_it_fails(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that beats and brings nothing would be worse than none."""

    def fail(*_: object) -> dict[str, Any]:
        raise ValueError

    async def follow() -> int:
        async with following(shops.engine) as fan_out:
            subscription = await joined(fan_out)
            with monkeypatch.context() as patch:
                patch.setattr("alerts.fan_out.cloud_event", fail)
                flap(shops, 1)
                await wait_dropped(subscription)
                fan_out.leave(subscription)
                with pytest.raises(Transient, match="not ready"):
                    fan_out.join(lambda _frame: True)
            again = await joined(fan_out)
            flap(shops, 2)
            return await next_id(again)

    assert asyncio.run(follow()) == 2


def test_an_event_that_cannot_be_written_is_a_comment_for_who_asks_for_what_was_before(
    shops: Shops, monkeypatch: pytest.MonkeyPatch
) -> None:
    flap(shops, 3)

    def failing_on_two(row: sa.RowMapping, source: str) -> dict[str, Any]:
        if row["event_id"] == 2:
            raise IndexError("no such rule")
        return cloud_event(row, source)

    async def follow() -> list[bytes]:
        async with following(shops.engine) as fan_out:
            return [frame.text for frame in await fan_out.page_after(0)]

    monkeypatch.setattr("alerts.fan_out.cloud_event", failing_on_two)
    first, second, third = asyncio.run(follow())
    assert second == b"id: 2\n: this change could not be written; the log says why\n\n"
    assert b"event: stocktide.alert" in first
    assert b"event: stocktide.alert" in third


def test_fan_out_goes_back_with_a_database_that_was_restored(shops: Shops) -> None:
    async def follow() -> int:
        async with following(shops.engine) as fan_out:
            subscription = await joined(fan_out)
            flap(shops, 3)
            assert [await next_id(subscription) for _ in range(3)] == [1, 2, 3]
            with shops.engine.begin() as connection:
                connection.exec_driver_sql("ALTER TABLE alert_events DISABLE TRIGGER ALL")
                connection.exec_driver_sql("DELETE FROM alert_events WHERE event_id > 1")
                connection.exec_driver_sql("ALTER TABLE alert_events ALTER event_id RESTART WITH 2")
            cut_listeners(shops.engine)
            await wait_dropped(subscription)
            again = await joined(fan_out)
            shops.stock(1, 2, 0)
            shops.evaluate()
            return await next_id(again)

    assert asyncio.run(follow()) == 2


def test_stream_after_an_event_that_this_database_never_had_goes_on_from_now_and_says_so(
    api: Api, shops: Shops
) -> None:
    """A backup was restored: to wait for the number that the client had would lose every alert until then."""
    flap(shops, 2)
    with opened(api.read, last_event_id=1_000) as stream:
        wait_until(
            lambda: stream.comments[-1:] == ["event 1000 is not known here, going on after 2"]
        )
        flap(shops, 2)
        wait_until(lambda: stream.ids() == [3, 4])
