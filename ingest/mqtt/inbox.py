"""Messages that wait for the recording thread, bounded in number and bytes."""

from dataclasses import dataclass

from ingest.mqtt.message import Message

BATCH_MESSAGES_MAX = 1_000
BATCH_BYTES_MAX = 16 * 2**20
# With the most messages in hand this bounds memory: beyond it we stop reading, and the broker waits.
WAITING_BYTES_MAX = 64 * 2**20


@dataclass
class Counts:
    """Counts since the start. redelivered: among the received, those that the broker marked as sent before.

    given_back: received, but not recorded when the connection ended, so that they come again.
    """

    received: int = 0
    redelivered: int = 0
    given_back: int = 0
    acknowledged: int = 0
    connections: int = 0


class Inbox:
    """At most `messages_max` messages and WAITING_BYTES_MAX bytes, and the one message that goes beyond."""

    def __init__(self, messages_max: int, counts: Counts) -> None:
        self._messages_max = messages_max
        self._counts = counts
        self._waiting: list[Message] = []
        self._bytes = 0
        # set when the process is told to stop, by a signal's handler, too
        self.closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        """Return True if one more may be read.

        One more than the broker may have unacknowledged: at the limit it has nothing to send but the answers to our
        pings, and a connection on which those are not read is given up.
        """
        fits = len(self._waiting) <= self._messages_max and self._bytes < WAITING_BYTES_MAX
        return fits and not self.closed

    def put(self, message: Message) -> None:
        """Add a message that was read."""
        self._counts.received += 1
        self._counts.redelivered += message.dup
        self._waiting.append(message)
        self._bytes += message.size

    def take_batch(self) -> list[Message]:
        """Take the oldest messages, as many as are recorded together."""
        size = count = 0
        for message in self._waiting[:BATCH_MESSAGES_MAX]:
            if count and size + message.size > BATCH_BYTES_MAX:
                break
            size += message.size
            count += 1
        batch = self._waiting[:count]
        del self._waiting[:count]
        self._bytes -= size
        return batch

    def drop_older(self, connection: int) -> None:
        """Drop messages of earlier connections: the broker sends them again by this one."""
        kept = [one for one in self._waiting if one.connection == connection or not one.qos]
        self._counts.given_back += len(self._waiting) - len(kept)
        self._waiting = kept
        self._bytes = sum(message.size for message in kept)
