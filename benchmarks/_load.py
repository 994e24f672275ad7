"""A load generator: keep-alive connections that send prepared requests, each as soon as its last was answered.

Runs as a process of its own, on uvloop: what it costs is taken from the same two cores, but from no server's thread.
"""

import asyncio
import multiprocessing
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import uvloop


@dataclass
class Load:
    """What came back: statuses, seconds a request, seconds in all, and the bodies where they were asked for."""

    seconds: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


class _Connection(asyncio.Protocol):
    """One connection: writes a request, waits for its answer, writes the next."""

    def __init__(
        self, waiting: "deque[bytes]", load: Load, keep: bool, done: asyncio.Event
    ) -> None:
        self._waiting, self._load, self._keep, self._done = waiting, load, keep, done
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._next()

    def _next(self) -> None:
        if not self._waiting:
            self._transport.close()
            self._done.set()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(self._waiting.popleft())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        start = head.lower().index(b"content-length:") + 15
        length = int(head[start:].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._load.latencies.append(time.perf_counter() - self._sent_at)
        status = int(head[9:12])
        self._load.statuses[status] = self._load.statuses.get(status, 0) + 1
        if self._keep:
            self._load.bodies.append(body[:length])
        self._buffer = b""
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's name
        self._done.set()


def request(path: str, key: str, content_type: str, body: bytes) -> bytes:
    """Return the bytes of one POST."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send_all(port: int, requests: Sequence[bytes], connections: int, *, keep: bool = False) -> Load:
    """Send requests over some connections from a process of its own."""
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sending, port, requests, connections, keep))
    process.start()
    load: Load = receiving.recv()
    process.join()
    assert sum(load.statuses.values()) == len(requests), load.statuses
    return load


def _work(
    sending: object, port: int, requests: Sequence[bytes], connections: int, keep: bool
) -> None:
    load = Load()
    uvloop.run(_send(port, deque(requests), connections, load, keep))
    sending.send(load)  # type: ignore[attr-defined]


async def _send(
    port: int, waiting: "deque[bytes]", connections: int, load: Load, keep: bool
) -> None:
    loop = asyncio.get_running_loop()
    events = [asyncio.Event() for _ in range(connections)]
    started = time.perf_counter()
    for done in events:
        connect = partial(_Connection, waiting, load, keep, done)
        await loop.create_connection(connect, "127.0.0.1", port)
    for done in events:
        await done.wait()
    load.seconds = time.perf_counter() - started
