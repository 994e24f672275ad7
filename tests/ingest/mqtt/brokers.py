"""Real MQTT brokers for the tests, and a publisher that waits until the broker has what it sent."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.find_tools import find_tool

STRUCTURED = "application/cloudevents+json"
UP_S_MAX = 10.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class RunningBroker:
    """A broker's process, to be stopped and started again on the same port with the same folder."""

    command: Sequence[str]
    port: int
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + UP_S_MAX
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert self.process.poll() is None, "the broker ended"
                assert time.monotonic() < deadline, "the broker does not listen"
                time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(10)
            self.process = None


@contextmanager
def mosquitto(
    folder: Path, *, auth: str = "allow_anonymous true", listener: str = ""
) -> Iterator[RunningBroker]:
    """Mosquitto: MQTT 5 and 3.1.1, with sessions that outlive a restart."""
    program = find_tool("mosquitto")
    if program is None:
        pytest.skip("no MQTT 5 broker: python -m tests.find_tools --install")
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\n{listener}\n{auth}\nuser root\npersistence true\n"
        f"persistence_location {folder}/\nmax_inflight_messages 1000\nmax_queued_messages 0\n"
    )
    broker = RunningBroker([program, "-c", str(config)], port)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextmanager
def demo_broker(home: Path) -> Iterator[RunningBroker]:
    """The demo's own: amqtt, 3.1.1 only."""
    port = free_port()
    environment = {**os.environ, "STOCKTIDE_HOME": str(home)}
    broker = RunningBroker(
        [sys.executable, "-m", "stocktide.entrypoints.cli", "broker", "--port", str(port)],
        port,
        environment,
    )
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def as_structured(event: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Payload and properties of an event in structured mode."""
    return json.dumps(event).encode(), {"ContentType": STRUCTURED}


def as_binary(event: Mapping[str, Any]) -> tuple[bytes, dict[str, Any]]:
    """Payload and properties of an event in binary mode."""
    attributes = [(name, value) for name, value in event.items() if name != "data"]
    return json.dumps(event["data"]).encode(), {
        "ContentType": "application/json; charset=utf-8",
        "UserProperty": attributes,
    }


class Publisher:
    """Publishes with QoS 1; `settle` waits until the broker has acknowledged all."""

    def __init__(
        self, broker: RunningBroker, *, five: bool = True, tls: Path | None = None
    ) -> None:
        self._five = five
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            protocol=MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311,
        )
        self._client.max_inflight_messages_set(200)
        if tls is not None:
            ca, certificate, key = (
                str(tls / name) for name in ("server.pem", "client.pem", "client.key")
            )
            self._client.tls_set(ca, certificate, key)
        self._client.connect("localhost" if tls else "127.0.0.1", broker.port)
        self._client.loop_start()
        self._sent: list[Any] = []

    def send(
        self,
        topic: str,
        payload: bytes,
        properties: Mapping[str, Any] | None = None,
        *,
        retain: bool = False,
    ) -> None:
        carried = None
        if self._five:
            carried = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            for name, value in (properties or {}).items():
                setattr(carried, name, value)
        self._sent.append(
            self._client.publish(topic, payload, qos=1, retain=retain, properties=carried)
        )

    def settle(self) -> None:
        for info in self._sent:
            info.wait_for_publish(20)
            assert info.is_published()
        self._sent.clear()

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.settle()
        finally:
            self._client.disconnect()
            self._client.loop_stop()


class ScriptedBroker:
    """Speaks just enough MQTT 3.1.1 to do what no real broker can be made to do at the wanted moment."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(UP_S_MAX)
        self._ahead = b""

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._server.getsockname()[1]}"

    def accept(self, *, session_present: bool) -> socket.socket:
        """Take a connection and its CONNECT, and answer."""
        client, _ = self._server.accept()
        client.settimeout(UP_S_MAX)
        self._ahead = b""
        assert self.read(client)[0] == 0x10
        client.sendall(bytes((0x20, 2, session_present, 0)))
        return client

    def take_subscription(self, client: socket.socket) -> None:
        """Read a SUBSCRIBE, and grant all its topics with QoS 1."""
        head, body = self.read(client)
        assert head == 0x82
        index, topics = 2, 0
        while index < len(body):
            index += 3 + int.from_bytes(body[index : index + 2])
            topics += 1
        client.sendall(bytes((0x90, 2 + topics)) + body[:2] + b"\x01" * topics)

    def publish(self, client: socket.socket, mid: int, topic: str, payload: bytes) -> None:
        """Send one message of QoS 1."""
        body = len(topic).to_bytes(2) + topic.encode() + mid.to_bytes(2) + payload
        size, rest = bytearray(), len(body)
        while rest or not size:
            size.append(rest % 128 | (128 if rest > 127 else 0))
            rest //= 128
        client.sendall(b"\x32" + bytes(size) + body)

    def read(self, client: socket.socket) -> tuple[int, bytes]:
        """One packet: its first byte and its body."""
        head, size, shift = self._bytes(client, 1)[0], 0, 0
        while True:
            (byte,) = self._bytes(client, 1)
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return head, self._bytes(client, size)

    def close(self) -> None:
        self._server.close()

    def _bytes(self, client: socket.socket, count: int) -> bytes:
        while len(self._ahead) < count:
            more = client.recv(4096)
            assert more, "the subscriber hung up"
            self._ahead += more
        found, self._ahead = self._ahead[:count], self._ahead[count:]
        return found
