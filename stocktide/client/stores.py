"""Stores of events that wait until they are delivered: in memory."""

import threading
from collections import deque
from typing import Protocol

from stocktide.client.errors import StoreFull

CLOSED = "The client is closed."


class Store(Protocol):
    """Events in the order of sending. `append` may be called by many threads, the rest by the sending one."""

    def append(self, line: bytes) -> None:
        """Store one event. Raises StoreFull, ValueError once sealed."""

    def peek(self, events_max: int, bytes_max: int) -> list[bytes]:
        """Return the oldest events, at least one if there are any, without removing them."""

    def done(self) -> None:
        """Remove what the last `peek` returned."""

    def give_up(self, line: bytes, reason: str, message: str) -> None:
        """Write down an event that will never be taken, where there is a place for it. Raises StoreFull, OSError."""

    def waiting(self) -> int:
        """Return how many events are stored."""

    def seal(self) -> bool:
        """Take no more events; returns False if it was sealed before."""

    def close(self) -> None:
        """Release the store."""


class MemoryStore:
    """At most `events_max` events; they are lost when the process ends."""

    def __init__(self, events_max: int) -> None:
        self._events_max = events_max
        self._lines: deque[bytes] = deque()
        self._peeked = 0
        self._sealed = False
        self._lock = threading.Lock()

    def append(self, line: bytes) -> None:
        """Store one event. Raises StoreFull, ValueError once sealed."""
        with self._lock:
            if self._sealed:
                raise ValueError(CLOSED)
            if len(self._lines) >= self._events_max:
                raise StoreFull(f"{len(self._lines)} events wait already, and the server is away.")
            self._lines.append(line)

    def peek(self, events_max: int, bytes_max: int) -> list[bytes]:
        """Return the oldest events without removing them."""
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
        """Remove what the last `peek` returned."""
        with self._lock:
            for _ in range(self._peeked):
                self._lines.popleft()
            self._peeked = 0

    def give_up(self, line: bytes, reason: str, message: str) -> None:
        """Do nothing: the outcome reports it."""

    def waiting(self) -> int:
        """Return how many events are stored."""
        with self._lock:
            return len(self._lines)

    def seal(self) -> bool:
        """Take no more events; returns False if it was sealed before."""
        with self._lock:
            first, self._sealed = not self._sealed, True
            return first

    def close(self) -> None:
        """Do nothing: there is nothing to release."""
