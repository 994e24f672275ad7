"""Subscriber: reads from the broker, hands batches to a recording thread, acknowledges what is committed.

One thread reads and acknowledges, one records; while a batch is being committed, the next collects. Acknowledged means
committed: a message is acknowledged after its batch, in the order of arrival, on the connection that it came by. What
was not acknowledged when the connection or this process ended is delivered again, and is then a duplicate.
"""

import random
import select
import time
from dataclasses import asdict, replace
from typing import Any

from ingest.ledger.outcomes import OUTCOMES
from ingest.mqtt.batches import BatchRecorder
from ingest.mqtt.broker import Broker, Session
from ingest.mqtt.connection import Connection, ConnectionEnded, VersionRefused
from ingest.mqtt.inbox import Counts, Inbox
from ingest.mqtt.recording_thread import RecordingThread
from stocktide.foundation.errors import Invalid
from stocktide.foundation.heartbeat import EVERY_S, beat
from stocktide.foundation.telemetry import log

TICK_S = 1.0
BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# Connected this long, the next failure starts the back-off again.
WELL_AFTER_S = 30.0
STOP_S_MAX = 8.0


class Subscriber:
    """One worker. `run` returns when `stop` was called; other threads may call `stop` and `status`."""

    def __init__(self, broker: Broker, session: Session, batches: BatchRecorder) -> None:
        self._broker = broker
        self._session = session
        self._batches = batches
        self._probing = session.version == "auto"
        self._version = "5" if session.version == "auto" else session.version
        self._recording = RecordingThread(batches.record)
        self.counts = Counts()
        self._inbox = Inbox(session.inflight_max, self.counts)
        self._attempts = 0
        # plain, not an Event: a signal's handler sets it, and must wait for no lock
        self._stopping = False
        self.connected = False

    def stop(self) -> None:
        """Ask `run` to end: what is here is recorded and acknowledged first, as far as the database answers."""
        self._stopping = self._inbox.closed = True
        self._recording.wake()

    def status(self) -> dict[str, Any]:
        """Return counts: received = accepted + duplicate + conflict + rejected + given_back + in_hand."""
        outcomes: dict[str, int] = {name: self._batches.outcomes[name] for name in OUTCOMES}
        return {
            "connected": self.connected,
            "mqtt": self._version,
            **asdict(self.counts),
            **outcomes,
            "in_hand": self.counts.received - self.counts.given_back - sum(outcomes.values()),
        }

    def run(self) -> None:
        """Listen until stopped. Raises Invalid, Unauthorized, Forbidden where the broker refuses us for good."""
        self._recording.start()
        failures = 0
        try:
            while not self._stopping:
                beat()
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
            self._recording.stop(STOP_S_MAX)

    def _step_down(self) -> None:
        """Go on with 3.1.1 where the broker refuses 5, if we may choose."""
        if self._session.version != "auto" or self._version != "5":
            refused = f"{self._broker.shown} refuses MQTT {self._version}"
            raise Invalid("mqtt_version", f"{refused}; change STOCKTIDE_MQTT_VERSION.")
        self._probing = False
        log("mqtt_version_refused", broker=self._broker.shown, refused="5", next="3.1.1")
        self._version = "3.1.1"

    def _pause(self, seconds: float) -> None:
        """Wait before the next try, and go on recording what is here already."""
        until = time.monotonic() + seconds * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        while not self._stopping and (left := until - time.monotonic()) > 0:
            beat()
            select.select([self._recording.done_signal], [], [], min(left, EVERY_S))
            self._collect_done(None)
            self._hand_over()

    def _listen(self) -> None:
        """Serve one connection, from CONNECT to its end."""
        self._probe()
        # each attempt has a number of its own: also one that ends early may have brought messages
        self._attempts += 1
        connection = Connection(
            self._broker, self._session, self._version, self._attempts, self._inbox
        )
        try:
            connection.open(self._recording.done_signal)
            while not self._stopping:
                self._turn(connection)
            self._finish(connection)
        finally:
            self.connected = False
            connection.close()

    def _probe(self) -> None:
        """Find out once whether the broker speaks MQTT 5, if we may choose."""
        if not self._probing:
            return
        guest = replace(self._session, client_id=f"{self._session.client_id}-probe")
        connection = Connection(self._broker, guest, "5", 0, self._inbox)
        try:
            connection.probe(self._recording.done_signal)
        finally:
            connection.close()
        self._probing = False

    def _turn(self, connection: Connection) -> None:
        beat()
        connection.serve(self._recording.done_signal, TICK_S)
        if not self.connected and connection.subscribed():
            self._note_connected(connection)
        self._collect_done(connection)
        self._hand_over()

    def _note_connected(self, connection: Connection) -> None:
        self.counts.connections += 1
        self.connected = True
        log(
            "mqtt_connected",
            broker=self._broker.shown,
            mqtt=self._version,
            client_id=self._session.client_id,
            topics=list(self._session.filters),
            session_present=connection.session_present,
        )

    def _finish(self, connection: Connection) -> None:
        """Record and acknowledge what is here, as far as it goes in time."""
        deadline = time.monotonic() + STOP_S_MAX
        while (len(self._inbox) or not self._recording.idle()) and time.monotonic() < deadline:
            connection.serve(self._recording.done_signal, 0.05)
            self._collect_done(connection)
            self._hand_over()
        self._collect_done(connection)

    def _hand_over(self) -> None:
        """Give the recording thread what waits, when it is idle."""
        if len(self._inbox) and self._recording.idle():
            self._recording.give(self._inbox.take_batch())

    def _collect_done(self, connection: Connection | None) -> None:
        """Acknowledge what is committed. A message of an older connection comes again by this one, and is then."""
        for message in self._recording.done():
            if connection and message.qos and message.connection == connection.number:
                connection.acknowledge(message.mid, message.qos)
                self.counts.acknowledged += 1
