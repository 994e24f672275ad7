import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from ingest.mqtt import broker_of
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.errors import Unauthorized
from stocktide.foundation.settings import Settings
from tests.ingest.mqtt.brokers import (
    Publisher,
    RunningBroker,
    as_binary,
    as_structured,
    demo_broker,
    mosquitto,
)
from tests.ingest.mqtt.subscribers import (
    listening,
    make_certificate,
    make_subscriber,
    settings_for,
    wait_until,
)
from tests.ingest.samples import event


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[RunningBroker]:
    with mosquitto(tmp_path) as running:
        yield running


def recorded(database: sa.Engine) -> list[Any]:
    query = (
        "SELECT event_id, kind, sku, code, quantity_milli, observed_milli, counterparty, occurred_at FROM ledger"
        " JOIN products USING (product_id) JOIN locations USING (location_id) ORDER BY event_id, occurred_at"
    )
    with database.connect() as connection:
        return list(connection.execute(sa.text(query)))


def rejects(database: sa.Engine) -> dict[str, tuple[str, int]]:
    with database.connect() as connection:
        rows = connection.execute(sa.text("SELECT raw, reason, times_seen FROM rejects"))
        return {
            bytes(row.raw).decode(errors="replace"): (row.reason, row.times_seen) for row in rows
        }


def test_mqtt_records_both_modes_and_plain_json_once_each(
    database: sa.Engine, broker: RunningBroker
) -> None:
    with (
        listening(make_subscriber(database, settings_for(broker))) as subscriber,
        Publisher(broker) as publisher,
    ):
        publisher.send("stocktide/till", *as_structured(event("sale", "structured", quantity=2)))
        publisher.send("stocktide/till", *as_binary(event("sale", "binary", quantity=3)))
        publisher.send("shop/S1/shelf/shelf-1/count", b'{"observed": 7, "seq": 4, "battery": 3.1}')
        publisher.send("shop/S1/shelf/shelf-1/count", b"8")
        publisher.send("stocktide/till", *as_binary(event("sale", "structured", quantity=2)))
        publisher.settle()
        wait_until(lambda: subscriber.counts.acknowledged == 5)
    status = subscriber.status()
    assert (status["accepted"], status["duplicate"], status["in_hand"]) == (4, 1, 0)
    by_id = {row.event_id: row for row in recorded(database)}
    assert by_id["structured"].quantity_milli == -2000
    assert by_id["binary"].quantity_milli == -3000
    shelf = by_id["shop/S1/shelf/shelf-1/count#4"]
    assert (shelf.kind, shelf.sku, shelf.code, shelf.observed_milli) == ("reading", "A", "S1", 7000)
    assert shelf.counterparty == "shelf-1"
    assert sum(row.observed_milli == 8000 for row in by_id.values()) == 1


def test_mqtt_keeps_poison_once_and_is_not_given_it_again(
    database: sa.Engine, broker: RunningBroker
) -> None:
    wrong = {
        b"\x00\xff": "malformed_json",
        b'{"specversion": "1.0"': "malformed_json",
        b'{"specversion": "1.0", "id": "1"}': "missing_field",
    }
    with (
        listening(make_subscriber(database, settings_for(broker))) as subscriber,
        Publisher(broker) as publisher,
    ):
        for payload in wrong:
            publisher.send("stocktide/x", payload, {"ContentType": "application/cloudevents+json"})
        publisher.send("stocktide/x", b"<event/>", {"ContentType": "text/xml"})
        publisher.send("shop/S1/shelf/shelf-1/count", b'"many"')
        publisher.send("shop/S1/shelf/shelf-2/count", b"5")
        publisher.send("stocktide/x", *as_structured(event("sale", "after")))
        publisher.settle()
        wait_until(lambda: subscriber.counts.acknowledged == 7)
    assert (subscriber.status()["accepted"], subscriber.status()["rejected"]) == (1, 6)
    kept = rejects(database)
    for payload, reason in wrong.items():
        assert kept[payload.decode(errors="replace")] == (reason, 1)
    assert kept["<event/>"][0] == "no_rule"
    assert kept['"many"'][0] == "wrong_type"
    with (
        listening(make_subscriber(database, settings_for(broker))) as again,
        Publisher(broker) as publisher,
    ):
        publisher.send("stocktide/x", *as_structured(event("sale", "later")))
        publisher.settle()
        wait_until(lambda: again.counts.acknowledged == 1)
    assert again.counts.received == 1


def test_mqtt_acknowledges_nothing_while_the_database_is_away_and_loses_nothing(
    database: sa.Engine, broker: RunningBroker, postgres: Postgres
) -> None:
    name = database.url.database
    with (
        listening(make_subscriber(database, settings_for(broker))) as subscriber,
        Publisher(broker) as publisher,
    ):
        with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            for number in range(50):
                publisher.send("stocktide/x", *as_structured(event("sale", f"e{number}")))
            publisher.settle()
            wait_until(lambda: subscriber.counts.received == 50)
            time.sleep(0.5)
            assert subscriber.counts.acknowledged == 0
            assert subscriber.connected
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        wait_until(lambda: subscriber.counts.acknowledged == 50)
    assert len(recorded(database)) == 50


def test_mqtt_ends_with_every_event_once_when_the_broker_restarts(
    database: sa.Engine, broker: RunningBroker
) -> None:
    with listening(make_subscriber(database, settings_for(broker))) as subscriber:
        with Publisher(broker) as publisher:
            for number in range(1500):
                publisher.send("stocktide/x", *as_structured(event("sale", f"a{number}")))
            publisher.settle()
        broker.stop()
        wait_until(lambda: not subscriber.connected)
        broker.start()
        with Publisher(broker) as publisher:
            for number in range(500):
                publisher.send("stocktide/x", *as_structured(event("sale", f"b{number}")))
        wait_until(lambda: subscriber.status()["accepted"] == 2000)
    assert subscriber.counts.connections >= 2
    assert len({row.event_id for row in recorded(database)}) == len(recorded(database)) == 2000


@contextmanager
def worker_process(
    environment: dict[str, str], number: int = 1
) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "stocktide.entrypoints.cli",
            "mqtt",
            "--worker",
            str(number),
            "--json",
        ],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def worker_environment(
    database_url: str, broker: RunningBroker, home: Path, **more: str
) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("STOCKTIDE_")},
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_DATABASE_URL": database_url,
        "STOCKTIDE_REDIS_URL": "unix:///nowhere",
        "STOCKTIDE_MQTT_URL": broker.url,
        "STOCKTIDE_CREATE_ON_FIRST_SIGHT": "true",
        **more,
    }


def count_of(database: sa.Engine) -> int:
    with database.connect() as connection:
        return int(connection.execute(sa.text("SELECT count(*) FROM ledger")).scalar_one())


def test_mqtt_ends_with_every_event_once_when_it_is_killed(
    database: sa.Engine, database_url: str, broker: RunningBroker, home: Path
) -> None:
    environment = worker_environment(database_url, broker, home)
    numbers = iter(range(4000))
    with Publisher(broker) as publisher:
        with worker_process(environment):
            publisher.send("stocktide/x", *as_structured(event("sale", "first")))
            publisher.settle()
            # the session stands once something came through it
            while count_of(database) == 0:
                time.sleep(0.2)
                publisher.send("stocktide/x", *as_structured(event("sale", "first")))
            for number in numbers:
                publisher.send("stocktide/x", *as_structured(event("sale", f"e{number}")))
                # it is killed while they come, however fast it is
                if number % 50 == 0 and count_of(database) > 200:
                    break
        for number in numbers:
            publisher.send("stocktide/x", *as_structured(event("sale", f"e{number}")))
        publisher.settle()
    seen = count_of(database)
    assert seen < 4001
    with worker_process(environment) as process:
        wait_until(lambda: count_of(database) == 4001)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        last = json.loads(process.stdout.read().splitlines()[-1])
        assert process.wait(10) == 0
    assert count_of(database) == 4001
    # what was committed but not acknowledged came again, and was known
    assert last["received"] == last["accepted"] + last["duplicate"]
    assert last["accepted"] == 4001 - seen


def test_mqtt_shares_a_subscription_between_two_workers(
    database: sa.Engine, broker: RunningBroker
) -> None:
    settings = settings_for(broker)
    first = make_subscriber(database, settings, client_id="shared-1", group="g")
    second = make_subscriber(database, settings, client_id="shared-2", group="g")
    with listening(first), listening(second), Publisher(broker) as publisher:
        for number in range(400):
            publisher.send(
                "stocktide/x", *as_structured(event("sale", f"e{number}", product=f"P{number % 9}"))
            )
        publisher.settle()
        wait_until(lambda: first.counts.acknowledged + second.counts.acknowledged == 400)
    assert min(first.counts.received, second.counts.received) > 0
    assert first.status()["accepted"] + second.status()["accepted"] == 400
    assert count_of(database) == 400


def test_mqtt_falls_back_to_3_1_1_when_the_broker_refuses_5(
    database: sa.Engine, home: Path
) -> None:
    with demo_broker(home) as broker:
        with (
            listening(make_subscriber(database, settings_for(broker))) as subscriber,
            Publisher(broker, five=False) as publisher,
        ):
            publisher.send("stocktide/x", json.dumps(event("sale", "old")).encode())
            publisher.send("shop/S1/shelf/shelf-1/count", b"12.5")
            publisher.settle()
            wait_until(lambda: subscriber.counts.acknowledged == 2)
        assert subscriber.status()["mqtt"] == "3.1.1"
        assert subscriber.status()["accepted"] == 2


def test_mqtt_ends_when_the_broker_refuses_the_sign_in(
    database: sa.Engine, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mosquitto(tmp_path, auth="allow_anonymous false") as broker:
        settings = settings_for(broker, mqtt_username="till", mqtt_password="not-this-one")
        with pytest.raises(Unauthorized, match=r"refuses us.*STOCKTIDE_MQTT_USERNAME"):
            make_subscriber(database, settings).run()
    assert "not-this-one" not in caplog.text + repr(settings) + repr(broker_of(settings))


def test_mqtt_listens_over_tls_with_a_client_certificate(
    database: sa.Engine, tmp_path: Path
) -> None:
    for name, subject in (("server", "localhost"), ("client", "till")):
        make_certificate(tmp_path, name, subject)
    tls = "\n".join(
        f"{option} {tmp_path / name}"
        for option, name in (
            ("cafile", "client.pem"),
            ("certfile", "server.pem"),
            ("keyfile", "server.key"),
        )
    )
    with mosquitto(tmp_path, listener=f"{tls}\nrequire_certificate true") as broker:
        settings = Settings(
            create_on_first_sight=True,
            mqtt_url=f"mqtts://localhost:{broker.port}",
            mqtt_ca_file=tmp_path / "server.pem",
            mqtt_cert_file=tmp_path / "client.pem",
            mqtt_key_file=tmp_path / "client.key",
        )
        with (
            listening(make_subscriber(database, settings)) as subscriber,
            Publisher(broker, tls=tmp_path) as publisher,
        ):
            for number in range(300):
                publisher.send("stocktide/x", *as_structured(event("sale", f"e{number}")))
            publisher.settle()
            wait_until(lambda: subscriber.counts.acknowledged == 300)
    assert count_of(database) == 300
