"""From the start of an event's POST to its alert on an open stream, at 1,000 events/s, durable commits.

API and evaluator are processes of their own, as under `stocktide up`; PostgreSQL has fsync and synchronous_commit on.
Most events are sales that cross nothing; ten a second take a pair to zero or back. Times count from when a POST was
due, so a late sender counts against us. Prints the claim alert_p99_ms. `--quick` for a look, `--batch 10` for ten
events in a POST instead of one.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Run as a script, this file's folder comes first on the path, and this file would stand for the package `alerts`.
sys.path[0] = str(Path(__file__).parents[1])

import httpx
import numpy as np
import sqlalchemy as sa

from benchmarks._claims import at_least, at_most
from stocktide.domain.kinds import RECEIPT, SALE, EventKind
from stocktide.foundation.database import create_engine, migrate
from stocktide.foundation.embedded import Postgres, Valkey
from stocktide.foundation.keys import create_key

GOAL_MS = 1_000.0
RATE = 1_000
PRODUCTS, LOCATIONS = 500, 20
# Pairs that are taken to zero and back, each so seldom that its crossings are judged one by one.
WATCHED = 100
CROSSINGS_A_SECOND = 10
GRACE_S = 10.0
CONNECTIONS = 64
TYPE = "application/cloudevents-batch+json"
Pair = tuple[str, str]


@dataclass
class Crossings:
    """When each crossing was due, until its alert comes; one queue a pair, for alerts of one pair come in order."""

    due: dict[Pair, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    taken_ms: list[float] = field(default_factory=list)
    unasked: int = 0

    def waiting(self) -> int:
        """Count the crossings whose alert has not come."""
        return sum(map(len, self.due.values()))

    def came(self, pair: Pair, at: float) -> None:
        """Note when a pair's alert came."""
        if self.due[pair]:
            self.taken_ms.append((at - self.due[pair].popleft()) * 1_000)
        else:
            self.unasked += 1


@dataclass
class Service:
    """Where it answers, and with which key."""

    url: str
    key: str

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers of a request."""
        return {"authorization": f"Bearer {self.key}"}


@contextmanager
def part(environment: dict[str, str], *arguments: str) -> Iterator[None]:
    """Run one of our processes."""
    command = [sys.executable, "-m", "stocktide.entrypoints.cli", *arguments]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield
        assert process.poll() is None, f"{arguments} ended"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def service() -> Iterator[tuple[Service, sa.Engine]]:
    """Run API and evaluator over their own servers."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stocktide-bench-")))
        postgres, valkey = Postgres(home), Valkey(home)
        for server in (postgres, valkey):
            server.start()
            stack.callback(server.stop)
        engine = create_engine(postgres.url())
        migrate(engine)
        with engine.begin() as connection:
            key = create_key(connection, "bench", "operate")
            for name in ("fsync", "synchronous_commit"):
                print(f"{name} = {connection.exec_driver_sql(f'SHOW {name}').scalar()}")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **os.environ,
            "STOCKTIDE_HOME": str(home),
            "STOCKTIDE_DATABASE_URL": postgres.url(),
            "STOCKTIDE_REDIS_URL": valkey.url,
            "STOCKTIDE_API_PORT": str(port),
        }
        stack.enter_context(part(environment, "api"))
        stack.enter_context(part(environment, "alerts", "run"))
        found = Service(f"http://127.0.0.1:{port}", key)
        wait_until_healthy(found.url)
        yield found, engine
        engine.dispose()


def wait_until_healthy(url: str) -> None:
    """Wait until the API answers, for up to 30 s."""
    until = time.monotonic() + 30
    while True:
        try:
            httpx.get(f"{url}/healthz").raise_for_status()
            return
        except httpx.HTTPError:
            assert time.monotonic() < until, "the API does not answer"
            time.sleep(0.1)


def stock_up(found: Service, engine: sa.Engine) -> None:
    """Put products, locations, and stock: plenty of most, one unit of what is watched; until all of it is judged."""
    with httpx.Client(base_url=found.url, headers=found.headers, timeout=60) as client:
        products = [{"sku": f"P{n}", "name": f"Product {n}"} for n in range(PRODUCTS)]
        client.put("/v1/products", json={"products": products}).raise_for_status()
        locations = [{"code": f"L{n}"} for n in range(LOCATIONS)]
        client.put("/v1/locations", json={"locations": locations}).raise_for_status()
        watched = set(watched_pairs())
        pairs = [(f"P{p}", f"L{s}") for p in range(PRODUCTS) for s in range(LOCATIONS)]
        events = [
            event(RECEIPT, f"r{n}", pair, 1 if pair in watched else 10**6)
            for n, pair in enumerate(pairs)
        ]
        for chunk in chunks(events):
            answer = client.post(
                "/v1/events", content=json.dumps(chunk), headers={"content-type": TYPE}
            )
            assert answer.json()["accepted"] == len(chunk), answer.text[:500]
    until = time.monotonic() + 60
    while True:
        with engine.connect() as connection:
            if not connection.exec_driver_sql("SELECT count(*) FROM stock_changes").scalar():
                return
        assert time.monotonic() < until, "the evaluator does not come along"
        time.sleep(0.1)


def chunks(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the events in batches of 1,000."""
    for start in range(0, len(events), 1_000):
        yield events[start : start + 1_000]


def watched_pairs() -> list[Pair]:
    """List the pairs whose crossings are timed."""
    return [(f"P{n}", f"L{n % LOCATIONS}") for n in range(WATCHED)]


def event(kind: EventKind, event_id: str, pair: Pair, quantity: int) -> dict[str, Any]:
    """Build an event of now."""
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/bench",
        "type": kind.type,
        "time": datetime.now(UTC).isoformat(),
        "data": {"product": pair[0], "location": pair[1], "quantity": quantity},
    }


def watch(found: Service, crossings: Crossings, opened: threading.Event) -> None:
    """Read the stream until it ends; note when each alert came."""
    with (
        httpx.Client(base_url=found.url, headers=found.headers, timeout=60) as client,
        client.stream("GET", "/v1/alerts/stream", params={"rule": "out_of_stock"}) as answer,
    ):
        answer.raise_for_status()
        try:
            for line in answer.iter_lines():
                at = time.perf_counter()
                opened.set()
                if line.startswith("data: "):
                    data = json.loads(line[6:])["data"]
                    crossings.came((data["product"], data["location"]), at)
        except httpx.HTTPError:
            return


@dataclass
class Connection:
    """A plain HTTP/1.1 client: a full one takes more of the two cores than the service does."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: str

    @classmethod
    async def open(cls, found: Service) -> "Connection":
        """Connect to the API, and build the head of every request."""
        place = urlsplit(found.url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        head = (
            f"POST /v1/events HTTP/1.1\r\nhost: {place.netloc}\r\nauthorization: Bearer {found.key}\r\n"
            f"content-type: {TYPE}\r\ncontent-length: "
        )
        return cls(reader, writer, head)

    async def post(self, events: list[dict[str, Any]]) -> int:
        """Send events; how many were accepted."""
        body = json.dumps(events).encode()
        self.writer.write(f"{self.head}{len(body)}\r\n\r\n".encode() + body)
        status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
        lengths = [line for line in lines if line.startswith("content-length:")]
        answer = await self.reader.readexactly(int(lengths[0].partition(":")[2]))
        assert " 200 " in status, (status, answer)
        return int(json.loads(answer)["accepted"])


async def send(found: Service, crossings: Crossings, seconds: float, batch: int) -> float:
    """POST batches on a fixed schedule, whether or not the ones before are answered. Returns events/s."""
    rng = random.Random(1)  # noqa: S311 - the same load every time
    names = itertools.count()
    turns = itertools.cycle(watched_pairs())
    out: set[Pair] = set()
    watched = set(watched_pairs())
    every = RATE // CROSSINGS_A_SECOND

    def next_event(due: float) -> dict[str, Any]:
        n = next(names)
        if n % every == 0:
            pair = next(turns)
            crossings.due[pair].append(due)
            kind = RECEIPT if pair in out else SALE
            out.symmetric_difference_update({pair})
            return event(kind, f"e{n}", pair, 1)
        while True:
            pair = (f"P{rng.randrange(PRODUCTS)}", f"L{rng.randrange(LOCATIONS)}")
            if pair not in watched:
                return event(SALE, f"e{n}", pair, 1)

    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        idle.put_nowait(await Connection.open(found))

    async def post(events: list[dict[str, Any]]) -> int:
        connection = await idle.get()
        accepted = await connection.post(events)
        idle.put_nowait(connection)
        return accepted

    began = time.perf_counter()
    posts = []
    for n in range(int(seconds * RATE / batch)):
        due = began + n * batch / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        posts.append(asyncio.create_task(post([next_event(due) for _ in range(batch)])))
    accepted = sum(await asyncio.gather(*posts))
    rate = accepted / (time.perf_counter() - began)
    while not idle.empty():
        idle.get_nowait().writer.close()
    return rate


def main() -> None:
    """Measure, and print the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 s instead of 30")
    parser.add_argument("--batch", type=int, default=1, help="events in one POST")
    arguments = parser.parse_args()
    crossings, opened = Crossings(), threading.Event()
    with service() as (found, engine):
        stock_up(found, engine)
        watcher = threading.Thread(target=watch, args=(found, crossings, opened), daemon=True)
        watcher.start()
        assert opened.wait(10), "the stream did not open"
        seconds = 5.0 if arguments.quick else 30.0
        rate = asyncio.run(send(found, crossings, seconds, arguments.batch))
        until = time.monotonic() + GRACE_S
        while crossings.waiting() and time.monotonic() < until:
            time.sleep(0.05)
    assert crossings.waiting() == 0, f"{crossings.waiting()} crossings raised no alert"
    assert crossings.unasked == 0, f"{crossings.unasked} alerts that nothing asked for"
    taken = np.array(crossings.taken_ms)
    p50, p99 = np.quantile(taken, (0.5, 0.99))
    print(
        f"{rate:,.0f} events/s in POSTs of {arguments.batch}; {len(taken)} alerts, each on the stream once:"
        f" p50 {p50:.0f} ms, p99 {p99:.0f} ms, longest {taken.max():.0f} ms"
    )
    at_least("alert_events_per_s", rate, 0.95 * RATE)
    at_most("alert_p99_ms", float(p99), GOAL_MS)


if __name__ == "__main__":
    main()
