"""Subscribers for the tests: in a thread, on real brokers, with certificates that sign themselves."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from ingest.mqtt import BatchRecorder, Session, Subscriber, broker_of, read_topic_rules
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import StocktideError
from stocktide.foundation.settings import Settings
from tests.ingest.mqtt.brokers import RunningBroker

WAIT_S_MAX = 20.0
SHELF = {
    "mqtt": {
        "topics": [{"topic": "shop/{location}/shelf/{device}/count", "kind": "reading"}],
        "devices": {"shelf-1": {"product": "A"}},
    }
}


def settings_for(broker: RunningBroker, **more: Any) -> Settings:
    return Settings(create_on_first_sight=True, mqtt_url=broker.url, **more)


def make_subscriber(
    database: sa.Engine,
    settings: Settings,
    *,
    client_id: str = "test-1",
    group: str | None = None,
    recording: type[BatchRecorder] = BatchRecorder,
    **more: Any,
) -> Subscriber:
    """A subscriber that runs when its `run` is called; `more` are parts of its session."""
    rules = read_topic_rules("stocktide/#", SHELF)
    batches = recording(Recorder(database, settings), rules, client_id)
    session = Session(client_id, tuple(rules.filters(group)), settings.mqtt_version, **more)
    return Subscriber(broker_of(settings), session, batches)


@contextmanager
def listening(subscriber: Subscriber) -> Iterator[Subscriber]:
    """A subscriber in a thread; what ended it early is raised here."""
    failed: list[StocktideError] = []

    def run() -> None:
        try:
            subscriber.run()
        except StocktideError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: subscriber.connected or bool(failed))
        if not failed:
            yield subscriber
    finally:
        subscriber.stop()
        thread.join(WAIT_S_MAX)
    assert not thread.is_alive()
    if failed:
        raise failed[0]


def wait_until(holds: Any) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _named(subject: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(subject))
    except ValueError:
        return x509.DNSName(subject)


def make_certificate(folder: Path, name: str, subject: str) -> None:
    """A certificate that signs itself, for a host or a client, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([_named(subject)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
