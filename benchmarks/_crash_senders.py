"""Senders of crash.py: processes of their own that send each request again until it is answered."""

import gzip
import http.client
import itertools
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import paho.mqtt.client as paho
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks._crash_events import Sent, stream

NDJSON, BATCH, SINGLE = (
    "application/x-ndjson",
    "application/cloudevents-batch+json",
    "application/cloudevents+json",
)
# What requests hold, in turn: lines, an array, packed lines, more lines than the server records at once; then singles.
SHAPES = (
    (NDJSON, 1_000, ""),
    (BATCH, 500, ""),
    (NDJSON, 1_000, "gzip"),
    (NDJSON, 5_000, ""),
    (BATCH, 1_000, ""),
)
SINGLES = 10
ANSWER_S_MAX = 60.0
PATIENCE_S = 180.0
RETRY_S = 0.05


@dataclass
class Report:
    """What a sender saw. wrong: outcomes that are not right, with some examples."""

    outcomes: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    in_doubt: int = 0
    wrong: int = 0
    examples: list[str] = field(default_factory=list)

    def judge(self, sent: Sent, outcome: str, *, again: bool) -> None:
        """Compare an outcome; `again`: the request was sent before and not answered."""
        if again and sent.outcome == "accepted" and outcome == "duplicate":
            self.in_doubt += 1
        elif outcome != sent.outcome:
            self.wrong += 1
            self.examples.append(f"{sent.outcome} was answered {outcome}: {sent.raw[:300]!r}")
            del self.examples[5:]
        self.outcomes[sent.outcome] += 1


class HttpSender:
    """One connection, kept as long as it lasts."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._connection: http.client.HTTPConnection | None = None
        self.report = Report()

    def send(self, sents: list[Sent], content_type: str, encoding: str) -> None:
        """Send until it is answered, and judge each outcome."""
        body = _body(sents, content_type)
        if encoding:
            body = gzip.compress(body, 1)
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": content_type}
        if encoding:
            headers["Content-Encoding"] = encoding
        started, again = time.monotonic(), False
        while (answer := self._try(headers, body, single=content_type == SINGLE)) is None:
            again = True
            assert time.monotonic() < started + PATIENCE_S, "no answer for minutes"
            time.sleep(RETRY_S)
        for sent, outcome in zip(sents, answer, strict=True):
            self.report.judge(sent, outcome, again=again)

    def _try(self, headers: dict[str, str], body: bytes, *, single: bool) -> list[str] | None:
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection(
                    "127.0.0.1", self._port, timeout=ANSWER_S_MAX
                )
            self._connection.request("POST", "/v1/events", body, headers)
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.report.retries[type(error).__name__] += 1
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            return None
        if single and response.status in (200, 400, 409):
            return [msgspec.json.decode(answer)["outcome"]]
        if response.status == 200:
            return [shown["outcome"] for shown in msgspec.json.decode(answer)["outcomes"]]
        self.report.retries[str(response.status)] += 1
        if response.status != 503:
            self.report.wrong += 1
            self.report.examples.append(f"{response.status}: {answer[:300]!r}")
        return None


def _body(sents: list[Sent], content_type: str) -> bytes:
    if content_type == SINGLE:
        return sents[0].raw
    if content_type == NDJSON:
        return b"\n".join(sent.raw for sent in sents)
    return b"[" + b",".join(sent.raw for sent in sents) + b"]"


@dataclass(frozen=True)
class Addresses:
    """Where the service is."""

    port: int
    key: str
    mqtt_port: int
    database_url: str


@dataclass
class Shared:
    """What senders and the one who started them share: Addresses and Reports go through queues."""

    progress: Any
    broker_ended_at: Any
    addresses: Any
    reports: Any

    def count(self, inputs: int) -> None:
        """Count the inputs that have their outcome."""
        with self.progress.get_lock():
            self.progress.value += inputs


def send_http(sender: str, inputs: int, shared: Shared) -> None:
    """Send a stream in requests of all shapes, once there is where to; then report."""
    at: Addresses = shared.addresses.get()
    client = HttpSender(at.port, at.key)
    waiting: Iterator[Sent] = stream(sender, inputs)
    shapes = itertools.cycle(SHAPES)
    while True:
        content_type, size, encoding = next(shapes)
        taken = list(itertools.islice(waiting, size))
        if not taken:
            break
        # what is no JSON would cut a whole array: it has to go alone
        together = [s for s in taken if content_type != BATCH or s.outcome != "rejected"]
        alone = [s for s in taken if content_type == BATCH and s.outcome == "rejected"]
        if together:
            client.send(together, content_type, encoding)
        alone += itertools.islice(waiting, SINGLES)
        for sent in alone:
            client.send([sent], SINGLE, "")
        shared.count(len(together) + len(alone))
    shared.reports.put(client.report)


MQTT_CHUNK = 500
TOPIC = "stocktide/crash"
MQTT_LOOK_S = 0.2
MQTT_SETTLE_S = 20.0


def send_mqtt(sender: str, inputs: int, shared: Shared) -> None:
    """Publish a stream with QoS 1, chunk by chunk, and look up what became of each.

    The demo's broker forgets everything when it ends. Only what was published just before or after that is published
    again; anything else that does not arrive was lost by us.
    """
    report = Report()
    at: Addresses = shared.addresses.get()
    publisher = _Publisher(at.mqtt_port)
    waiting = stream(sender, inputs)
    while chunk := list(itertools.islice(waiting, MQTT_CHUNK)):
        published_at = publisher.publish(chunk)
        give_up_at = time.monotonic() + PATIENCE_S
        missing = _missing(at.database_url, chunk)
        while missing and time.monotonic() < give_up_at:
            time.sleep(MQTT_LOOK_S)
            in_doubt = shared.broker_ended_at.value > published_at - MQTT_SETTLE_S
            if in_doubt and time.time() > published_at + 2.0:
                report.retries["broker away"] += 1
                published_at = publisher.publish(chunk)
            missing = _missing(at.database_url, chunk)
        report.wrong += missing
        report.outcomes.update([sent.outcome for sent in chunk])
        shared.count(len(chunk))
    publisher.close()
    shared.reports.put(report)


class _Publisher:
    """Publishes with QoS 1; the library sends again what the broker had not acknowledged when it went."""

    def __init__(self, port: int) -> None:
        self._acknowledged: set[int] = set()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, f"crash-{uuid.uuid4().hex}")
        self._client.on_publish = lambda _client, _data, mid, *_: self._acknowledged.add(mid)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def publish(self, chunk: list[Sent]) -> float:
        """Publish and wait until the broker has taken all; returns when it began, by the wall's clock."""
        began = time.time()
        self._acknowledged.clear()
        numbers = {self._client.publish(TOPIC, sent.raw, qos=1).mid for sent in chunk}
        while not numbers <= self._acknowledged:
            assert time.time() < began + PATIENCE_S, "the broker takes nothing"
            time.sleep(0.005)
        return began

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def _missing(database_url: str, chunk: list[Sent]) -> int:
    """Count the inputs of a chunk that have left no trace; all of them while the database is down."""
    ids = [s.event["id"] for s in chunk if s.outcome == "accepted" and s.event]
    source = next(s.event["source"] for s in chunk if s.event)
    refused = {s.raw for s in chunk if s.outcome in ("rejected", "conflict")}
    try:
        with psycopg.connect(database_url, connect_timeout=5) as connection:
            row = connection.execute(
                "SELECT (SELECT count(*) FROM event_identities JOIN sources USING (source_id)"
                " WHERE source = %s AND event_id = ANY(%s)),"
                " (SELECT count(DISTINCT raw_hash) FROM rejects"
                " WHERE raw_hash IN (SELECT sha256(r) FROM unnest(%s::bytea[]) AS t (r)))",
                (source, ids, list(refused)),
            ).fetchone()
    except psycopg.OperationalError:
        return len(chunk)
    assert row is not None
    return len(ids) - int(row[0]) + len(refused) - int(row[1])
