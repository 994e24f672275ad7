"""One message of the broker, unchanged."""

from collections.abc import Sequence
from datetime import datetime

import msgspec


class Message(msgspec.Struct, frozen=True):
    """One PUBLISH. `five` tells whether it came by MQTT 5, which alone has a content type and properties.

    `connection` is the number of the connection that it came by: only there can it be acknowledged.
    """

    topic: str
    payload: bytes
    received_at: datetime
    mid: int = 0
    qos: int = 0
    dup: bool = False
    retain: bool = False
    five: bool = False
    content_type: str | None = None
    properties: Sequence[tuple[str, str]] = ()
    connection: int = 0

    @property
    def size(self) -> int:
        """Return about how many bytes it takes."""
        properties = sum(len(name) + len(value) for name, value in self.properties)
        return len(self.payload) + len(self.topic) + properties
