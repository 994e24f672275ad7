import contextlib
import logging
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from paho.mqtt.client import Client

from ingest.mqtt import BatchRecorder, Broker, Message, Subscriber
from ingest.mqtt.broker import make_client
from stocktide.entrypoints.stopping import StopWish
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.settings import Settings
from tests.ingest.mqtt.brokers import (
    Publisher,
    RunningBroker,
    ScriptedBroker,
    as_structured,
    mosquitto,
)
from tests.ingest.mqtt.subscribers import (
    WAIT_S_MAX,
    listening,
    make_certificate,
    make_subscriber,
    settings_for,
    wait_until,
)
from tests.ingest.samples import event

ROOM = Path(__file__).parents[3] / "ingest" / "mqtt"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    with mosquitto(tmp_path) as running:
        yield running


def test_paho_is_used_by_its_public_interface_alone() -> None:
    assert type(make_client(Broker("localhost", 1883, False), "c-1", "5")) is Client
    for module in ROOM.glob("*.py"):
        assert not re.search(r"\(Client\)|[cC]lient\._", module.read_text("utf-8")), module


def count_of(database: sa.Engine) -> int:
    with database.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM ledger")).scalar_one())


@dataclass
class GatedRecorder(BatchRecorder):
    """Records a batch when a test lets it."""

    gate: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def record(self, messages: Sequence[Message]) -> None:
        """Wait, then record."""
        assert self.gate.acquire(timeout=WAIT_S_MAX)
        super().record(messages)


@contextlib.contextmanager
def running(subscriber: Subscriber) -> Iterator[None]:
    """A subscriber in a thread, whether it connects or not."""
    thread = threading.Thread(target=subscriber.run)
    thread.start()
    try:
        yield
    finally:
        subscriber.stop()
        thread.join(WAIT_S_MAX)
    assert not thread.is_alive()


def test_message_is_acknowledged_on_the_connection_that_it_came_by_alone(
    database: sa.Engine,
) -> None:
    with contextlib.closing(ScriptedBroker()) as broker:
        settings = Settings(create_on_first_sight=True, mqtt_url=broker.url, mqtt_version="3.1.1")
        subscriber = make_subscriber(database, settings, recording=GatedRecorder)
        gate = subscriber._batches
        assert isinstance(gate, GatedRecorder)
        with running(subscriber):
            # the first attempt brings a message, and ends before the topics are granted
            first = broker.accept(session_present=False)
            broker.publish(first, 1, "stocktide/x", as_structured(event("sale", "e1"))[0])
            wait_until(lambda: subscriber.counts.received == 1)
            first.close()
            # the broker has forgotten us, and gives the same number to another message
            second = broker.accept(session_present=False)
            broker.take_subscription(second)
            broker.publish(second, 1, "stocktide/x", as_structured(event("sale", "e2"))[0])
            wait_until(lambda: subscriber.counts.received == 2)
            gate.gate.release()
            wait_until(lambda: subscriber.status()["accepted"] == 1)
            second.settimeout(0.5)
            with pytest.raises(TimeoutError):
                broker.read(second)
            gate.gate.release()
            second.settimeout(WAIT_S_MAX)
            assert broker.read(second) == (0x40, b"\x00\x01")
            second.close()
    assert subscriber.status()["accepted"] == 2


@contextlib.contextmanager
def database_away(database: sa.Engine, postgres: Postgres) -> Iterator[None]:
    """Nobody reaches the database."""
    name = database.url.database
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def publish_sales(broker: RunningBroker, count: int) -> None:
    with Publisher(broker) as publisher:
        for number in range(count):
            publisher.send("stocktide/x", *as_structured(event("sale", f"e{number}")))


def test_memory_is_bounded_while_the_database_is_away_and_connections_come_and_go(
    database: sa.Engine,
    broker: RunningBroker,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # full, we read no answer to a ping: the connection ends, and by the next the broker sends all of it again
    monkeypatch.setattr("ingest.mqtt.broker.KEEPALIVE_S", 1)
    settings = settings_for(broker, mqtt_version="3.1.1")
    subscriber = make_subscriber(database, settings, inflight_max=50)
    most = lost = 0

    def watched(holds: bool) -> bool:
        nonlocal most
        most = max(most, int(subscriber.status()["in_hand"]))
        return holds

    with listening(subscriber):
        with database_away(database, postgres):
            publish_sales(broker, 600)
            while lost < 3:
                number = subscriber._attempts
                wait_until(lambda: watched(subscriber._attempts > number))  # noqa: B023 - asked at once
                lost += 1
        wait_until(lambda: watched(count_of(database) == 600))
        wait_until(lambda: watched(subscriber.status()["in_hand"] == 0))
    # a batch that is being recorded, and what waits behind it
    assert most <= 2 * 51
    assert subscriber.counts.given_back > 0
    status = subscriber.status()
    assert status["received"] == status["accepted"] + status["duplicate"] + status["given_back"]


def test_connection_by_mqtt_5_outlasts_a_database_that_is_away(
    database: sa.Engine,
    broker: RunningBroker,
    postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.mqtt.broker.KEEPALIVE_S", 2)
    settings = settings_for(broker, mqtt_version="5")
    subscriber = make_subscriber(database, settings, inflight_max=50)
    with listening(subscriber):
        with database_away(database, postgres):
            publish_sales(broker, 200)
            wait_until(lambda: subscriber.status()["in_hand"] == 50)
            # held is what the broker may have unacknowledged, and pings are answered
            time.sleep(5.5)
            assert subscriber.status()["in_hand"] == 50
        wait_until(lambda: count_of(database) == 200)
    assert subscriber._attempts == 1


def test_what_waits_is_given_back_when_the_broker_restarts(
    database: sa.Engine, broker: RunningBroker, postgres: Postgres
) -> None:
    subscriber = make_subscriber(database, settings_for(broker), inflight_max=50)
    with listening(subscriber):
        with database_away(database, postgres):
            publish_sales(broker, 200)
            wait_until(lambda: subscriber.status()["in_hand"] == 50)
            broker.stop()
            wait_until(lambda: not subscriber.connected)
            broker.start()
            wait_until(lambda: subscriber.counts.received == 100)
            status = subscriber.status()
            # given back is all but the batch that is being recorded
            assert status["in_hand"] == 100 - status["given_back"] <= 100
        wait_until(lambda: count_of(database) == 200)
        wait_until(lambda: subscriber.status()["in_hand"] == 0)


def test_broker_leaves_out_what_is_larger_than_we_take(
    database: sa.Engine, broker: RunningBroker
) -> None:
    subscriber = make_subscriber(database, settings_for(broker), packet_bytes_max=2_000)
    with listening(subscriber), Publisher(broker) as publisher:
        publisher.send("stocktide/x", b"x" * 5_000)
        publisher.send("stocktide/x", *as_structured(event("sale", "small")))
        publisher.settle()
        wait_until(lambda: subscriber.counts.acknowledged == 1)
    assert subscriber.counts.received == 1
    assert subscriber.status()["accepted"] == 1


# paho leaves the socket of a failed handshake to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("ca", "host", "why"),
    [
        ("other", "localhost", "self-signed certificate"),
        ("server", "127.0.0.1", "IP address mismatch"),
        (None, "localhost", "self-signed certificate"),
    ],
)
def test_mqtt_trusts_no_broker_with_another_authority_or_name(
    database: sa.Engine,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    ca: str | None,
    host: str,
    why: str,
) -> None:
    caplog.set_level(logging.INFO, "stocktide")
    for name in ("server", "other"):
        make_certificate(tmp_path, name, "localhost")
    tls = f"certfile {tmp_path / 'server.pem'}\nkeyfile {tmp_path / 'server.key'}"
    with mosquitto(tmp_path, listener=tls) as broker:
        settings = Settings(
            mqtt_url=f"mqtts://{host}:{broker.port}",
            mqtt_ca_file=tmp_path / f"{ca}.pem" if ca else None,
            mqtt_version="5",
        )
        subscriber = make_subscriber(database, settings)
        with running(subscriber):
            wait_until(
                lambda: any(record.message == "mqtt_disconnected" for record in caplog.records)
            )
    said = [
        record.__dict__["fields"]["why"] for record in caplog.records if "fields" in record.__dict__
    ]
    assert "certificate verify failed" in said[0]
    assert why in said[0]
    assert subscriber.counts.connections == 0


def interrupted(wait: Callable[[], object], stop: Callable[[], None], line: int) -> bool:
    """Wait in a thread, and stop from within it before its line number `line`, as a signal's handler does.

    Tells whether that line was reached. The wait must end.
    """
    left = [line]

    def trace(_frame: FrameType, happened: str, _more: Any) -> Any:
        left[0] -= happened == "line"
        if left[0] == 0:
            sys.settrace(None)
            stop()
            left[0] = -1
        return trace

    def traced() -> None:
        sys.settrace(trace)
        try:
            wait()
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=traced, daemon=True)
    thread.start()
    thread.join(WAIT_S_MAX)
    assert not thread.is_alive(), f"stopped before line {line}, it waits forever"
    return left[0] < 0


def test_subscriber_stops_wherever_the_signal_finds_it(
    database: sa.Engine, broker: RunningBroker
) -> None:
    def stopped_at(line: int) -> bool:
        subscriber = make_subscriber(database, settings_for(broker))
        try:
            return interrupted(lambda: subscriber._pause(0.05), subscriber.stop, line)
        finally:
            subscriber._recording.stop(0)

    line = 1
    while stopped_at(line):
        line += 1
    assert line > 5


def test_watch_stops_wherever_the_signal_finds_it() -> None:
    line = 1
    while True:
        wish = StopWish()
        if not interrupted(lambda: wish.wait(0.05), wish.set, line):  # noqa: B023 - called at once
            break
        assert wish.is_set()
        line += 1
    assert line > 3
    wish.set()
    began = time.monotonic()
    assert wish.wait(10)
    assert time.monotonic() - began < 5
