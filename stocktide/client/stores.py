"""Where events wait until they are delivered: in memory."""

import threading
from collections import deque
from typing import Protocol

from stocktide.client.errors import StoreFull


class Store(Protocol):
    """Events in the order of sending. `append` may be called by many threads, the rest by the sending one."""

    def append(self, line: bytes) -> None:
        """Keep one event. Raises StoreFull."""

    def peek(self, events_max: int, bytes_max: int) -> list[bytes]:
        """The oldest events, at least one if there are any, without taking them away."""

    def done(self) -> None:
        """Take away what the last `peek` gave."""

    def waiting(self) -> int:
        """How many events are kept."""

    def close(self) -> None:
        """Give the store free."""


class MemoryStore:
    """At most `events_max` events; they are lost when the process ends."""

    def __init__(self, events_max: int) -> None:
        self._events_max = events_max
        self._lines: deque[bytes] = deque()
        self._peeked = 0
        self._lock = threading.Lock()

    def append(self, line: bytes) -> None:
        """Keep one event. Raises StoreFull."""
        with self._lock:
            if len(self._lines) >= self._events_max:
                raise StoreFull(f"{len(self._lines)} events wait already, and the server is away.")
            self._lines.append(line)

    def peek(self, events_max: int, bytes_max: int) -> list[bytes]:
        """The oldest events, without taking them away."""
        found: list[bytes] = []
        size = 0
        with self._lock:
            for line in self._lines:
                if found and (len(found) >= events_max or size + len(line) > bytes_max):
                    break
                found.append(line)
                size += len(line)
            self._peeked = len(found)
        return found

    def done(self) -> None:
        """Take away what the last `peek` gave."""
        with self._lock:
            for _ in range(self._peeked):
                self._lines.popleft()
            self._peeked = 0

    def waiting(self) -> int:
        """How many events are kept."""
        with self._lock:
            return len(self._lines)

    def close(self) -> None:
        """Nothing is to be given free."""
