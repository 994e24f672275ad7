"""One connection to the broker, driven by our own loop: paho reads and writes packets, we say when."""

import select
import ssl
import time
from datetime import UTC, datetime
from socket import socket
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode

from ingest.mqtt.broker import Broker, Session, make_client, open_connection
from ingest.mqtt.inbox import Inbox
from ingest.mqtt.message import Message
from stocktide.foundation.errors import Forbidden, Unauthorized

READS_MAX = 256
CONNECT_S_MAX = 10.0
FLUSH_S = 2.0
REFUSED_VERSION = 0x84
BAD_SIGN_IN = (0x86, 0x87)
FAILED_FROM = 0x80


class ConnectionEnded(Exception):
    """Connection ended; the message says why."""


class VersionRefused(ConnectionEnded):
    """The broker does not speak this version of MQTT."""


class Connection:
    """One connection, from CONNECT to the end. The inbox gets every message, with the connection's `number`."""

    def __init__(
        self, broker: Broker, session: Session, version: str, number: int, inbox: Inbox
    ) -> None:
        self._broker = broker
        self._session = session
        self._five = version == "5"
        self.number = number
        self._inbox = inbox
        self._connack: Any = None
        self._subacks: list[Any] | None = None
        self._answer_by = 0.0
        self._why = "the broker closed it"
        self._taken = 0
        self.session_present = False
        self._client = make_client(broker, session.client_id, version)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        # with this set, paho leaves it to us when to write
        self._client.on_socket_register_write = lambda *_: None

    def open(self, signal: socket) -> None:
        """Connect, and ask for the topics with QoS 1. Raises ConnectionEnded, Unauthorized, OSError.

        What the broker sends again comes before its answer to that: see `subscribed`.
        """
        open_connection(self._client, self._broker, self._session, five=self._five)
        self._wait_for_connack(signal)
        code, refused = self._connack.value, f"{self._broker.shown} refuses us: {self._connack}"
        if code == REFUSED_VERSION:
            raise VersionRefused(f"{self._broker.shown} does not speak this version of MQTT")
        if code in BAD_SIGN_IN:
            why = f"{refused}. Check STOCKTIDE_MQTT_USERNAME and _PASSWORD."
            raise Unauthorized("mqtt_sign_in", why)
        if code >= FAILED_FROM:
            raise ConnectionEnded(refused)
        self._client.subscribe([(name, 1) for name in self._session.filters])
        self._answer_by = time.monotonic() + CONNECT_S_MAX

    def subscribed(self) -> bool:
        """Return True if the broker has taken our topics. Raises Forbidden, or ConnectionEnded if it says nothing."""
        if self._subacks is None:
            if time.monotonic() > self._answer_by:
                raise ConnectionEnded("the broker does not answer")
            return False
        for name, answer in zip(self._session.filters, self._subacks, strict=False):
            if answer.value >= FAILED_FROM:
                why = f"{self._broker.shown} refuses the topic {name!r}: {answer}."
                raise Forbidden("mqtt_subscribe", why)
        return True

    def probe(self, signal: socket) -> None:
        """Ask whether the broker speaks MQTT 5, by a CONNECT that a 3.1.1 broker can read to its end.

        Raises VersionRefused, ConnectionEnded, OSError. Any other answer, also a refusal, is one in MQTT 5.
        """
        self._client.connect(self._broker.host, self._broker.port, clean_start=True)
        self._wait_for_connack(signal)
        if self._connack.value == REFUSED_VERSION:
            raise VersionRefused(f"{self._broker.shown} does not speak MQTT 5")

    def serve(self, signal: socket, timeout_s: float) -> None:
        """Wait for the broker or for `signal`, then read, write and keep alive. Raises ConnectionEnded.

        Nothing is read while the inbox has no room; the broker waits then.
        """
        sock = self._client.socket()
        if sock is None:
            raise ConnectionEnded(self._why)
        read = self._may_read()
        # what TLS has deciphered already does not show on the socket
        pending = read and isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
        readable, _, _ = select.select(
            [signal, sock] if read else [signal],
            [sock] if self._client.want_write() else [],
            [],
            0 if pending else timeout_s,
        )
        if pending or sock in readable:
            self._read()
        if self._client.want_write():
            self._check(self._client.loop_write())
        self._check(self._client.loop_misc())

    def acknowledge(self, mid: int, qos: int) -> None:
        """Acknowledge one message; it is sent by the next `serve` or `flush`."""
        self._client.ack(mid, qos)

    def close(self) -> None:
        """Send what is to be sent, say good-bye, and close; the session stays at the broker."""
        deadline = time.monotonic() + FLUSH_S
        try:
            self._client.disconnect()
            while (sock := self._client.socket()) and self._client.want_write():
                if time.monotonic() > deadline:
                    return
                select.select([], [sock], [], 0.1)
                self._client.loop_write()
        except (OSError, ValueError):
            return  # it was gone already
        finally:
            if (left := self._client.socket()) is not None:
                left.close()

    def _may_read(self) -> bool:
        """Before the first answer nothing else comes, so that is always read."""
        if self._connack is None or self._inbox.has_room:
            return True
        # an answer that we do not read is not late
        self._answer_by = time.monotonic() + CONNECT_S_MAX
        return False

    def _read(self) -> None:
        """Read packets until a read brings no message: the socket is then drained, or has something else."""
        for _ in range(READS_MAX):
            if not self._may_read():
                return
            before = self._taken
            self._check(self._client.loop_read())
            if self._taken == before:
                return

    def _wait_for_connack(self, signal: socket) -> None:
        deadline = time.monotonic() + CONNECT_S_MAX
        while self._connack is None:
            if time.monotonic() > deadline:
                raise ConnectionEnded("the broker does not answer")
            self.serve(signal, 0.1)

    def _check(self, code: MQTTErrorCode) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or self._client.socket() is None:
            if self._connack is not None and self._connack.value >= FAILED_FROM:
                return  # said with more words by `open`
            raise ConnectionEnded(self._why)

    def _on_connect(self, _client: Client, _data: Any, flags: Any, reason: Any, _more: Any) -> None:
        self._connack = reason
        self.session_present = bool(flags.session_present)
        if self.session_present:
            self._inbox.drop_older(self.number)

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, reasons: Any, _more: Any
    ) -> None:
        self._subacks = list(reasons)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: Any, reason: Any, _more: Any
    ) -> None:
        self._why = str(reason)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._taken += 1
        self._answer_by = time.monotonic() + CONNECT_S_MAX
        self._inbox.put(_message_of(message, self.number, five=self._five))


def _message_of(message: MQTTMessage, number: int, *, five: bool) -> Message:
    properties = message.properties
    return Message(
        topic=_topic_of(message),
        payload=bytes(message.payload),
        received_at=datetime.now(UTC),
        mid=message.mid,
        qos=message.qos,
        dup=bool(message.dup),
        retain=bool(message.retain),
        five=five,
        content_type=getattr(properties, "ContentType", None) if five else None,
        properties=tuple(getattr(properties, "UserProperty", ())) if five else (),
        connection=number,
    )


def _topic_of(message: MQTTMessage) -> str:
    try:
        return message.topic
    except UnicodeDecodeError:
        return "(a topic that is not UTF-8)"
