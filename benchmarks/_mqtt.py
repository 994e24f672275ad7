"""The rate of MQTT QoS 1: from publishing to the commit, through a real broker and the real subscriber."""

import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg

from stocktide.domain.kinds import SALE
from tests.find_tools import find_tool

ROOT = Path(__file__).parents[1]
WINDOW = 500
START_S_MAX = 30.0
DONE_S_MAX = 300.0
TOPIC = b"stocktide/bench"


def measure_mqtt(database_url: str, messages: int = 20_000, workers: int = 1) -> float:
    """Measure messages a second, from publishing with QoS 1 to the commit. All processes share the cores.

    Raises RuntimeError without mosquitto, or when not every message was recorded once.
    """
    tag = f"mqtt-{time.time_ns()}"
    packets = _packets(messages, tag)
    with (
        tempfile.TemporaryDirectory(prefix="stocktide-bench-mqtt-") as folder,
        ExitStack() as stack,
    ):
        port = stack.enter_context(_broker(Path(folder)))
        stack.enter_context(_workers(database_url, port, Path(folder), workers))
        publisher = _connect(port)
        _wait_for_workers(database_url, publisher, tag)
        before = _recorded(database_url)
        started = time.perf_counter()
        _publish(publisher, packets)
        while (done := _recorded(database_url) - before) < messages:
            if time.perf_counter() - started > DONE_S_MAX:
                raise RuntimeError(f"{done} of {messages} messages were recorded")
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        publisher.close()
    if done != messages:
        raise RuntimeError(f"{done} events of {messages} messages")
    return messages / seconds


@contextmanager
def _broker(folder: Path) -> Iterator[int]:
    program = find_tool("mosquitto")
    if program is None:
        raise RuntimeError("no mosquitto: python -m tests.find_tools --install")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        "max_inflight_messages 2000\nmax_queued_messages 0\n"
    )
    with subprocess.Popen(
        [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield port
        finally:
            process.terminate()


@contextmanager
def _workers(database_url: str, port: int, folder: Path, workers: int) -> Iterator[None]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("STOCKTIDE_")},
        "STOCKTIDE_HOME": str(folder / "home"),
        "STOCKTIDE_DATABASE_URL": database_url,
        "STOCKTIDE_REDIS_URL": "unix:///nowhere",
        "STOCKTIDE_CREATE_ON_FIRST_SIGHT": "true",
        "STOCKTIDE_MQTT_URL": f"mqtt://127.0.0.1:{port}",
        **({"STOCKTIDE_MQTT_GROUP": "bench"} if workers > 1 else {}),
    }
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "stocktide.entrypoints.cli",
                "mqtt",
                "--worker",
                str(number + 1),
            ],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(workers)
    ]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(30)


def _wait_for_workers(database_url: str, publisher: socket.socket, tag: str) -> None:
    """Publish single events until one comes through, then until no more do: the subscription stands."""
    deadline = time.perf_counter() + START_S_MAX
    before, number = _recorded(database_url), 0
    while _recorded(database_url) == before:
        if time.perf_counter() > deadline:
            raise RuntimeError("no worker listens")
        _publish(publisher, _packets(1, f"{tag}-start-{number}"))
        number += 1
        time.sleep(0.3)
    time.sleep(1.0)


def _recorded(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(accepted), 0) FROM feed_minutes WHERE feed = 'mqtt'"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _packets(messages: int, tag: str) -> list[bytes]:
    """Encode PUBLISH packets of MQTT 3.1.1, QoS 1, beforehand, so that publishing costs next to nothing."""
    now = datetime.now(UTC).isoformat()
    packets = []
    for number in range(messages):
        payload = msgspec.json.encode(
            {
                "specversion": "1.0", "id": f"{tag}-{number:09d}", "source": "/bench/mqtt", "type": SALE.type,
                "time": now,
                "data": {"product": f"P{number * 7919 % 500}", "location": f"L{number // 1000 % 20}",
                         "quantity": 1 + number % 3, "price": 2.5, "currency": "EUR"},
            }
        )  # fmt: skip
        body = (
            struct.pack("!H", len(TOPIC)) + TOPIC + struct.pack("!H", number % 65_535 + 1) + payload
        )
        packets.append(b"\x32" + _length(len(body)) + body)
    return packets


def _connect(port: int) -> socket.socket:
    deadline = time.perf_counter() + START_S_MAX
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port))
            break
        except ConnectionRefusedError:
            if time.perf_counter() > deadline:
                raise
            time.sleep(0.05)
    client_id = b"bench-publisher"
    body = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack("!H", len(client_id)) + client_id
    connection.sendall(b"\x10" + _length(len(body)) + body)
    _receive(connection, 4)
    return connection


def _publish(connection: socket.socket, packets: list[bytes]) -> None:
    """Send in windows; each is acknowledged by the broker (4 bytes a PUBACK) before the next goes."""
    for start in range(0, len(packets), WINDOW):
        window = packets[start : start + WINDOW]
        connection.sendall(b"".join(window))
        _receive(connection, 4 * len(window))


def _receive(connection: socket.socket, size: int) -> None:
    while size > 0:
        chunk = connection.recv(size)
        if not chunk:
            raise RuntimeError("the broker hung up")
        size -= len(chunk)


def _length(size: int) -> bytes:
    """Encode a remaining length, 7 bits a byte."""
    encoded = bytearray()
    while True:
        size, low = divmod(size, 128)
        encoded.append(low | (0x80 if size else 0))
        if not size:
            return bytes(encoded)
