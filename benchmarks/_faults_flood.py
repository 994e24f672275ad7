"""The sign-in flood of faults.py: clients that guess passwords, beside as many that ask for nothing."""

import asyncio
import json
import multiprocessing
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from multiprocessing.synchronize import Event
from typing import Any
from urllib.parse import urlsplit

from benchmarks._faults_load import Memory, machine_load, memory_mb
from tests.system.running import Running

CLIENTS = 60
READ_EVERY_S = 0.02
# How a client floods: a route that does nothing; guesses from one address; guesses from an address for each client.
KINDS = ("livez", "one_address", "many_addresses")


def flood_figures(running: Running, seconds: float) -> dict[str, Any]:
    """Return the waits of authenticated reads beside clients that do nothing and beside those that guess."""
    found: dict[str, Any] = {"fault": "flood", "seconds": seconds, "clients": CLIENTS}
    found["api_mb_before"] = memory_mb(running)["api"]
    for kind in KINDS:
        with Memory(running) as memory, _flooding(running, kind) as statuses:
            waits = _read(running, seconds)
        found[kind] = {
            "reads": len(waits),
            "read_p50_ms": statistics.median(waits) * 1e3,
            "read_p99_ms": statistics.quantiles(waits, n=100)[98] * 1e3,
            "read_longest_ms": max(waits) * 1e3,
            "answers": dict(statuses.get()),
            "api_mb_peak": memory.peak_mb["api"],
            "machine": machine_load(),
        }
    time.sleep(2)
    found["api_mb_after"] = memory_mb(running)["api"]
    return found


def _read(running: Running, seconds: float) -> list[float]:
    waits: list[float] = []
    with running.client("read") as client:
        until = time.monotonic() + seconds
        while (began := time.monotonic()) < until:
            client.get("/v1/stock").raise_for_status()
            waits.append(time.monotonic() - began)
            time.sleep(READ_EVERY_S)
    return waits


@contextmanager
def _flooding(running: Running, kind: str) -> Iterator[Any]:
    context = multiprocessing.get_context("spawn")
    port, ending, told = urlsplit(running.state()["api"]).port, context.Event(), context.Queue()
    process = context.Process(target=_flood, args=(port, kind, ending, told), daemon=True)
    process.start()
    time.sleep(2)  # it loads, connects and is at full speed
    try:
        yield told
    finally:
        ending.set()
        process.join(10)


def _flood(port: int, kind: str, ending: Event, told: Any) -> None:
    statuses: Counter[int] = Counter()

    async def all_clients() -> None:
        clients = [asyncio.create_task(_client(port, kind, n, statuses)) for n in range(CLIENTS)]
        await asyncio.to_thread(ending.wait)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    asyncio.run(all_clients())
    told.put(statuses)


async def _client(port: int, kind: str, number: int, statuses: Counter[int]) -> None:
    """Send one request after the other, each as soon as the last was answered."""
    address = f"127.0.1.{number + 1}" if kind == "many_addresses" else "127.0.0.1"
    reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
    for attempt in count():
        writer.write(_request(kind, f"guess-{kind}-{number}-{attempt}"))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        statuses[int(head[9:12])] += 1


def _request(kind: str, username: str) -> bytes:
    if kind == "livez":
        return b"GET /livez HTTP/1.1\r\nHost: faults\r\n\r\n"
    body = json.dumps({"username": username, "password": "wrong"}).encode()
    head = f"POST /v1/sessions HTTP/1.1\r\nHost: faults\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
