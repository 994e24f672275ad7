import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import redis
import sqlalchemy as sa
import uvicorn

import stocktide.foundation.key_ring
from stocktide.entrypoints.api import create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine
from stocktide.foundation.errors import Transient, Unauthorized
from stocktide.foundation.key_ring import KeyRing
from stocktide.foundation.keys import (
    Key,
    Limits,
    create_key,
    hash_key,
    list_keys,
    look_up_key,
    replace_key,
    revoke_key,
)
from stocktide.foundation.settings import load_settings
from tests.conftest import Api
from tests.http import NO_TLS, QuickServer

# What a revocation may take everywhere, and the slack of a busy machine on top of the ring's half second.
WITHIN_S = 1.0


class Counted:
    """Counts the queries of a ring."""

    def __init__(self, ring: KeyRing) -> None:
        self.queries = 0
        sa.event.listen(ring._engine, "before_cursor_execute", self._count)

    def _count(self, *_: Any) -> None:
        self.queries += 1


def slowly(connection: sa.Connection, hashed: bytes) -> Key:
    """Look a key up so slowly that whoever asks meanwhile finds it under way."""
    time.sleep(0.5)
    return look_up_key(connection, hashed)


@pytest.fixture
def ring(database: sa.Engine) -> Iterator[KeyRing]:
    ring = KeyRing(database)
    yield ring
    ring.close()


def made(database: sa.Engine, name: str = "k", limits: Limits = Limits()) -> str:  # noqa: B008 - frozen
    with database.begin() as connection:
        return create_key(connection, name, "ingest", limits)


def fetch(ring: KeyRing, text: str) -> Key:
    return asyncio.run(ring.fetch(text))


def test_find_asks_no_database_once_the_key_is_fetched(database: sa.Engine, ring: KeyRing) -> None:
    text = made(database)
    assert ring.find(text) is None
    key = fetch(ring, text)
    ring.close()
    counted = Counted(ring)
    assert all(ring.find(text) is key for _ in range(1_000))
    assert counted.queries == 0


def test_find_reads_a_busy_key_again_in_the_background(database: sa.Engine) -> None:
    text = made(database)
    with contextlib.closing(KeyRing(database, fresh_s=1.0)) as ring:
        fetch(ring, text)
        counted = Counted(ring)
        began = asked = time.monotonic()
        paused, missed = False, 0
        while asked - began < 2.6:
            # a key that nobody asked for in the half second before its end is not busy: then the machine paused
            paused = paused or time.monotonic() - asked > 0.2
            asked = time.monotonic()
            if ring.find(text) is None:
                missed += not paused
                fetch(ring, text)
                paused = False
            time.sleep(0.001)
    # read about every half second, and never waited for
    assert missed == 0
    assert 2 <= counted.queries <= 12


def test_find_gives_a_key_on_when_it_cannot_be_read_again(
    database: sa.Engine, ring: KeyRing
) -> None:
    text = made(database)
    key = fetch(ring, text)
    ring.close()
    time.sleep(0.3)
    # the ring is closed: a fresh key holds on for as long as it may be believed, and asks again each time
    assert ring.find(text) is key
    assert not ring._keys[hash_key(text)].refreshing
    time.sleep(0.3)
    assert ring.find(text) is None


def test_known_keys_do_not_wait_behind_guesses(
    database: sa.Engine, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = made(database)
    key = fetch(ring, text)
    release = threading.Event()

    def slow_for_guesses(connection: sa.Connection, hashed: bytes) -> Key:
        if hashed != hash_key(text):
            assert release.wait(20)
        return look_up_key(connection, hashed)

    monkeypatch.setattr(stocktide.foundation.key_ring, "look_up_key", slow_for_guesses)
    monkeypatch.setattr(stocktide.foundation.key_ring, "PENDING_MAX", 10)

    async def among_guesses() -> list[Any]:
        guesses = [asyncio.ensure_future(ring.fetch(f"stk_{n}")) for n in range(50)]
        await asyncio.sleep(0.3)
        try:
            # older than half its life: it is read again, and nobody notices
            assert ring.find(text) is key
            await asyncio.sleep(0.3)
            again = await asyncio.wait_for(ring.fetch(text), 5)
            assert again is not key
            assert ring.find(text) is again
        finally:
            release.set()
        return await asyncio.gather(*guesses, return_exceptions=True)

    answers = asyncio.run(among_guesses())
    assert [type(answer) for answer in answers].count(Transient) == 40


def test_key_is_looked_up_while_others_hold_every_connection(
    database: sa.Engine, ring: KeyRing
) -> None:
    text = made(database)
    with contextlib.ExitStack() as held:
        pool = database.pool
        assert isinstance(pool, sa.QueuePool)
        for _ in range(2 * pool.size()):
            held.enter_context(database.connect())
        assert asyncio.run(asyncio.wait_for(ring.fetch(text), 10)).name == "k"


def test_known_keys_are_read_while_a_last_use_cannot_be_written(
    database: sa.Engine, ring: KeyRing
) -> None:
    first, second = made(database, "a"), made(database, "b")
    with database.begin() as blocking:
        blocking.execute(sa.text("SELECT FROM access_keys FOR UPDATE"))
        for text in (first, second, first, second):
            assert asyncio.run(asyncio.wait_for(ring.fetch(text), 10)).scope == "ingest"


def test_find_stops_within_a_second_when_the_key_is_revoked(
    database: sa.Engine, ring: KeyRing
) -> None:
    text = made(database)
    fetch(ring, text)
    with database.begin() as connection:
        revoke_key(connection, "k")
    revoked = time.monotonic()
    with pytest.raises(Unauthorized, match="'k' was revoked") as caught:
        use_for_ever(ring, text)
    assert time.monotonic() - revoked < WITHIN_S
    assert caught.value.code == "key_revoked"


def test_find_refuses_a_cached_key_at_the_moment_it_expires(
    database: sa.Engine, ring: KeyRing
) -> None:
    text = made(database, limits=Limits(expires_at=datetime.now(UTC) + timedelta(seconds=0.3)))
    assert fetch(ring, text).name == "k"
    time.sleep(0.35)
    with pytest.raises(Unauthorized, match="expired at"):
        ring.find(text)


def test_ring_remembers_what_is_no_key_within_bounds(
    database: sa.Engine, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stocktide.foundation.key_ring.REFUSED_MAX", 5)
    text = made(database)
    fetch(ring, text)
    for n in range(20):
        with pytest.raises(Unauthorized, match="unknown"):
            fetch(ring, f"stk_guess_{n}")
    counted = Counted(ring)
    with pytest.raises(Unauthorized, match="unknown"):
        ring.find("stk_guess_19")
    assert counted.queries == 0
    assert ring.find("stk_guess_0") is None
    assert ring.find(text) is not None


def test_fetch_shares_one_query_and_turns_a_flood_of_guesses_away(
    database: sa.Engine, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stocktide.foundation.key_ring.PENDING_MAX", 10)
    monkeypatch.setattr("stocktide.foundation.key_ring.look_up_key", slowly)
    text = made(database)
    counted = Counted(ring)

    async def together() -> tuple[list[Any], list[Any]]:
        same = await asyncio.gather(*[ring.fetch(text) for _ in range(50)])
        guesses = [ring.fetch(f"stk_{n}") for n in range(100)]
        return same, await asyncio.gather(*guesses, return_exceptions=True)

    same, guessed = asyncio.run(together())
    assert len({id(key) for key in same}) == 1
    assert {type(answer) for answer in guessed} == {Unauthorized, Transient}
    assert counted.queries <= 2 + 10


def test_fetch_goes_on_for_others_when_one_caller_leaves(
    database: sa.Engine, ring: KeyRing
) -> None:
    text = made(database)

    async def one_leaves() -> Key:
        first, second = (asyncio.ensure_future(ring.fetch(text)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(one_leaves()).name == "k"


def test_ring_writes_the_last_use_behind_and_once_a_minute(
    database: sa.Engine, ring: KeyRing
) -> None:
    text = made(database)
    for _ in range(3):
        fetch(ring, text)
    ring.close()
    with database.connect() as connection:
        (key,) = list_keys(connection)
        assert key.last_used_at is not None
        assert connection.execute(sa.text("SELECT xmin::text FROM access_keys")).scalar_one()
    again = KeyRing(database)
    fetch(again, text)
    again.close()
    with database.connect() as connection:
        assert list_keys(connection)[0].last_used_at == key.last_used_at


def test_limiter_outlives_readings_of_the_key(database: sa.Engine, ring: KeyRing) -> None:
    text = made(database, limits=Limits(rate=10.0))
    first = fetch(ring, text)
    assert first.limiter.take(1_000, time.monotonic()) == 0
    again = fetch(ring, text)
    assert again is not first
    assert again.limiter.take(1, time.monotonic()) > 90


def test_ring_refuses_the_old_text_when_a_service_gets_a_fresh_key(
    database: sa.Engine, ring: KeyRing
) -> None:
    with database.begin() as connection:
        old = replace_key(connection, "dashboard", "operate")
        new = replace_key(connection, "dashboard", "operate")
    assert fetch(ring, new).scope == "operate"
    with pytest.raises(Unauthorized, match="unknown"):
        fetch(ring, old)


def use_for_ever(ring: KeyRing, text: str) -> None:
    while True:
        if ring.find(text) is None:
            fetch(ring, text)
        time.sleep(0.005)


@pytest.fixture
def second_api(database_url: str, valkey: "redis.Redis") -> Iterator[str]:
    """Another API on the same database, as on another host."""
    engine = create_engine(database_url)
    cache = connect_cache(f"unix://{valkey.get_connection_kwargs()['path']}")
    app = create_app(load_settings(), engine, cache, signing_key="x" * 32)
    server = QuickServer(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    engine.dispose()


def test_revocation_holds_on_every_api_within_a_second(
    api: Api, second_api: str, database: sa.Engine
) -> None:
    text = made(database)
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(
                httpx.Client(
                    base_url=url, headers={"Authorization": f"Bearer {text}"}, verify=NO_TLS
                )
            )
            for url in (api.url, second_api)
        ]

        def codes() -> list[str]:
            return [client.get("/v1/stock").json()["code"] for client in clients]

        # known to both, and of a scope that does not read
        assert codes() == ["key_scope", "key_scope"]
        with database.begin() as connection:
            revoke_key(connection, "k")
        revoked = time.monotonic()
        while codes() != ["key_revoked", "key_revoked"]:
            assert time.monotonic() - revoked < WITHIN_S
        assert clients[1].get("/v1/stock").headers["www-authenticate"] == "Bearer"
