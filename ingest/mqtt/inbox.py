"""Messages that wait for the recording thread, bounded in number and bytes."""

from ingest.mqtt.message import Message

BATCH_MESSAGES_MAX = 1_000
BATCH_BYTES_MAX = 16 * 2**20
# With the most messages in hand this bounds memory: beyond it we stop reading, and the broker waits.
WAITING_BYTES_MAX = 64 * 2**20


class Inbox:
    """At most `messages_max` messages and WAITING_BYTES_MAX bytes, and the one message that goes beyond."""

    def __init__(self, messages_max: int) -> None:
        self._messages_max = messages_max
        self._waiting: list[Message] = []
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def has_room(self) -> bool:
        """Return True if one more may be read.

        One more than the broker may have unacknowledged: at the limit it has nothing to send but the answers to our
        pings, and a connection on which those are not read is given up.
        """
        return len(self._waiting) <= self._messages_max and self._bytes < WAITING_BYTES_MAX

    def put(self, message: Message) -> None:
        """Add a message that was read."""
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

    def drop_older(self, connection: int) -> int:
        """Drop messages of earlier connections that the broker sends again by this one. Returns how many."""
        kept = [one for one in self._waiting if one.connection == connection or not one.qos]
        dropped = len(self._waiting) - len(kept)
        self._waiting = kept
        self._bytes = sum(message.size for message in kept)
        return dropped
