"""The service that ingest is measured on: real servers, API processes on one socket, and a no-op beside the route."""

import os
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from stocktide.entrypoints.listening import listen
from stocktide.foundation.database import create_engine, migrate
from stocktide.foundation.embedded import Postgres, Valkey
from stocktide.foundation.keys import create_key

ROOT = Path(__file__).parents[1]
START_S_MAX = 60.0


@dataclass(frozen=True)
class Service:
    """Where the API listens, a key for it, the database's address, and where processes find their settings.

    pids: of the API's processes, and of PostgreSQL's first one.
    """

    port: int
    key: str
    database_url: str
    environment: dict[str, str]
    pids: dict[str, Collection[int]]

    def client(self) -> httpx.Client:
        """Return a client with the key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=60)

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        """Return a connection of its own to the database."""
        return psycopg.connect(self.database_url, autocommit=True)


async def no_op(_scope: object, _receive: object, send: Any) -> None:
    """Answer as the events route does, having done nothing: what one request costs at the least."""
    body = b'{"index":0,"id":"0","outcome":"accepted"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve(descriptor: int) -> None:
    """Run one API process with the no-op route; what `stocktide api` runs, and that route."""
    from starlette.routing import Route

    from stocktide.entrypoints.serving import serve_api
    from stocktide.foundation.settings import load_settings

    settings = load_settings()
    assert settings.database_url
    assert settings.redis_url

    class NoOp:
        """A class's instance is served as bare ASGI, as the events route is."""

        __call__ = staticmethod(no_op)

    serve_api(
        settings,
        database_url=settings.database_url,
        redis_url=settings.redis_url,
        descriptor=descriptor,
        routes=[Route("/noop", NoOp(), methods=["POST"])],
    )


@contextmanager
def service(*, processes: int, products: int, locations: int) -> Iterator[Service]:
    """Start servers in a temporary home, API processes, and a catalogue of products and locations."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="stocktide-bench-"))
        home = Path(folder)
        postgres, valkey = Postgres(home), Valkey(home)
        postgres.start()
        stack.callback(postgres.stop)
        valkey.start()
        stack.callback(valkey.stop)
        engine = create_engine(postgres.url())
        migrate(engine)
        with engine.begin() as connection:
            key = create_key(connection, "bench", "operate")
        engine.dispose()
        listening = stack.enter_context(listen("127.0.0.1", 0))
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "STOCKTIDE_HOME": folder,
            "STOCKTIDE_DATABASE_URL": postgres.url(),
            "STOCKTIDE_REDIS_URL": valkey.url,
        }
        code = f"from benchmarks._ingest_service import serve; serve({listening.fileno()})"
        api: list[int] = []
        for _ in range(processes):
            process = subprocess.Popen(
                [sys.executable, "-c", code],
                env=environment,
                pass_fds=[listening.fileno()],
                cwd=ROOT,
            )
            api.append(process.pid)
            stack.callback(process.wait)
            stack.callback(process.terminate)
        postgres_pid = postgres.orphan_pid()
        assert postgres_pid is not None
        made = Service(
            port=listening.getsockname()[1],
            key=key,
            database_url=postgres.url(),
            environment=environment,
            pids={"API": api, "PostgreSQL": [postgres_pid]},
        )
        _wait(made)
        _fill(made, products, locations)
        yield made


def _wait(made: Service) -> None:
    deadline = time.monotonic() + START_S_MAX
    # the socket is open before anybody accepts: the first answer says that somebody does
    with made.client() as client:
        client.get("/healthz").raise_for_status()
    # and the second process is given the time that the first one took
    time.sleep(min(8.0, max(2.0, deadline - START_S_MAX - time.monotonic() + 8.0)))


def _fill(made: Service, products: int, locations: int) -> None:
    with made.client() as client:
        rows = [{"sku": f"P{n}"} for n in range(products)]
        client.put("/v1/products", json={"products": rows}).raise_for_status()
        places = [{"code": f"L{n}"} for n in range(locations)]
        client.put("/v1/locations", json={"locations": places}).raise_for_status()


def ordered_id(rng: random.Random) -> str:
    """Make a UUID of version 7: the time first, as senders with well-made ids do."""
    milliseconds = time.time_ns() // 1_000_000
    value = milliseconds << 80 | 7 << 76 | rng.getrandbits(12) << 64 | 2 << 62 | rng.getrandbits(62)
    return str(uuid.UUID(int=value))
