"""The subscriber: reads from the broker, hands batches to a recording thread, acknowledges what is committed.

One thread reads and acknowledges, one records; while a batch is being committed, the next collects. Acknowledged means
committed: a message is acknowledged after its batch, in the order of arrival, on the connection that it came by. What
was not acknowledged when the connection or this process ended is delivered again, and is then a duplicate.
"""

import random
import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

from ingest.mqtt.batches import BatchRecorder
from ingest.mqtt.broker import Broker
from ingest.mqtt.connection import Connection, ConnectionEnded, VersionRefused
from ingest.mqtt.messages import Message
from ingest.mqtt.worker import RecordingWorker
from stocktide.errors import Invalid
from stocktide.telemetry import log

BATCH_MESSAGES_MAX = 1_000
# With the most messages in hand this bounds memory: beyond it we stop reading, and the broker waits.
WAITING_BYTES_MAX = 64 * 2**20
TICK_S = 1.0
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# Connected this long, the next failure starts the back-off anew.
WELL_AFTER_S = 30.0
STOP_S_MAX = 8.0


@dataclass(frozen=True)
class Session:
    """How we present ourselves to the broker: the name and life of our session, the topics, the limits."""

    client_id: str
    filters: tuple[str, ...]
    version: str = "auto"
    session_s: int = 604_800
    inflight_max: int = 1_000


@dataclass
class Counts:
    """What happened since the start. redelivered: among the received, those that the broker marked as sent before."""

    received: int = 0
    redelivered: int = 0
    acknowledged: int = 0
    connections: int = 0


class Subscriber:
    """One worker. `run` returns when `stop` was called; other threads may call `stop` and `status`."""

    def __init__(self, broker: Broker, session: Session, batches: BatchRecorder) -> None:
        self._broker = broker
        self._session = session
        self._batches = batches
        self._probing = session.version == "auto"
        self._version = "5" if session.version == "auto" else session.version
        self._worker = RecordingWorker(batches.record)
        self._waiting: list[Message] = []
        self._waiting_bytes = 0
        self._stopping = threading.Event()
        self.counts = Counts()
        self.connected = False

    def stop(self) -> None:
        """Ask `run` to end: what is here is recorded and acknowledged first, as far as the database answers."""
        self._stopping.set()
        self._worker.wake()

    def status(self) -> dict[str, Any]:
        """Counts since the start: received = accepted + duplicate + conflict + rejected + in_hand."""
        outcomes = {
            name: self._batches.outcomes[name]
            for name in ("accepted", "duplicate", "conflict", "rejected")
        }
        return {
            "connected": self.connected,
            "mqtt": self._version,
            **asdict(self.counts),
            **outcomes,
            "in_hand": self.counts.received - sum(outcomes.values()),
        }

    def run(self) -> None:
        """Listen until stopped. Raises Invalid, Unauthorized, Forbidden where the broker will never have us."""
        self._worker.start()
        failures = 0
        try:
            while not self._stopping.is_set():
                began = time.monotonic()
                try:
                    self._listen()
                except VersionRefused:
                    self._step_down()
                    continue
                except (ConnectionEnded, OSError) as error:
                    log("mqtt_disconnected", broker=self._broker.shown, why=str(error)[:300])
                if time.monotonic() - began > WELL_AFTER_S:
                    failures = 0
                self._pause(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
                failures += 1
        finally:
            self._worker.stop(STOP_S_MAX)

    def _step_down(self) -> None:
        """Go on with 3.1.1 where the broker refuses 5, if we may choose."""
        if self._session.version != "auto" or self._version != "5":
            raise Invalid(
                "mqtt_version",
                f"{self._broker.shown} refuses MQTT {self._version}; change STOCKTIDE_MQTT_VERSION.",
            )
        self._probing = False
        log("mqtt_version_refused", broker=self._broker.shown, refused="5", next="3.1.1")
        self._version = "3.1.1"

    def _pause(self, seconds: float) -> None:
        """Wait before the next try, and go on recording what is here already."""
        until = time.monotonic() + seconds * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            self._stopping.wait(min(left, 0.05))
            self._collect_done(None)
            self._hand_over()

    def _listen(self) -> None:
        """One connection, from CONNECT to its end."""
        self._probe()
        session, number = self._session, self.counts.connections + 1
        connection = Connection(self._broker, session.client_id, self._version, number, self._take)
        try:
            connection.open(
                session.filters,
                session_s=session.session_s,
                inflight_max=session.inflight_max,
                signal=self._worker.done_signal,
            )
            self.counts.connections = number
            self.connected = True
            log(
                "mqtt_connected",
                broker=self._broker.shown,
                mqtt=self._version,
                client_id=session.client_id,
                topics=list(session.filters),
                session_present=connection.session_present,
            )
            while not self._stopping.is_set():
                self._turn(connection)
            self._finish(connection)
        finally:
            self.connected = False
            connection.close()

    def _probe(self) -> None:
        """Find out once whether the broker speaks MQTT 5, if we may choose."""
        if not self._probing:
            return
        name = f"{self._session.client_id}-probe"
        connection = Connection(self._broker, name, "5", 0, self._take)
        try:
            connection.probe(self._worker.done_signal)
        finally:
            connection.close()
        self._probing = False

    def _turn(self, connection: Connection) -> None:
        full = (
            len(self._waiting) >= self._session.inflight_max
            or self._waiting_bytes >= WAITING_BYTES_MAX
        )
        connection.serve(self._worker.done_signal, TICK_S, read=not full)
        self._collect_done(connection)
        self._hand_over()

    def _finish(self, connection: Connection) -> None:
        """Record and acknowledge what is here, as far as it goes in time."""
        deadline = time.monotonic() + STOP_S_MAX
        while (self._waiting or not self._worker.idle()) and time.monotonic() < deadline:
            connection.serve(self._worker.done_signal, 0.05, read=False)
            self._collect_done(connection)
            self._hand_over()
        self._collect_done(connection)

    def _take(self, message: Message) -> None:
        self.counts.received += 1
        self.counts.redelivered += message.dup
        self._waiting.append(message)
        self._waiting_bytes += len(message.payload)

    def _hand_over(self) -> None:
        """Give the recording thread what waits, when it is idle."""
        if not self._waiting or not self._worker.idle():
            return
        batch = self._waiting[:BATCH_MESSAGES_MAX]
        del self._waiting[:BATCH_MESSAGES_MAX]
        self._waiting_bytes -= sum(len(message.payload) for message in batch)
        self._worker.give(batch)

    def _collect_done(self, connection: Connection | None) -> None:
        """Acknowledge what is committed. A message of an older connection comes again by this one, and is then."""
        for batch in self._worker.done():
            for message in batch:
                if (
                    connection is not None
                    and message.qos
                    and message.connection == connection.number
                ):
                    connection.acknowledge(message.mid, message.qos)
                    self.counts.acknowledged += 1
