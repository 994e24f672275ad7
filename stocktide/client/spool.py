"""Events that wait on disk: append-only segment files of one event a line, and a cursor that says what is delivered.

An event is in the spool once it is synced. The cursor is moved after delivery and need not be synced: what is sent
twice for it is a duplicate. A line that a killed process left unfinished was never acknowledged, and is cut off.
It needs a POSIX system: its locks and synced folders do not exist on Windows.
"""

import contextlib
import fcntl
import os
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from stocktide.client.errors import SpoolInUse, StoreFull
from stocktide.client.segments import Place, Segments, write_all
from stocktide.client.stores import CLOSED

SEGMENT_BYTES = 4 * 2**20
# Lines that were damaged on disk, and events that the server will never take, with the reason: for people to look at.
DAMAGED = "damaged.txt"
REFUSED = "refused.ndjson"


@dataclass
class _Peeked:
    """Lines that the last `peek` read: those to send, those that are damaged, and where it stopped."""

    place: Place
    sound: list[bytes] = field(default_factory=list)
    spoilt: list[bytes] = field(default_factory=list)
    size: int = 0

    @property
    def events(self) -> int:
        return len(self.sound) + len(self.spoilt)

    def add(self, place: Place, line: bytes) -> None:
        self.place = place
        self.size += len(line)
        if _is_sound(line):
            self.sound.append(line[:-1])
        else:
            self.spoilt.append(line)


class SpoolStore:
    """A folder of segments; one process at a time. Holds at most `bytes_max` bytes that are not delivered."""

    def __init__(self, folder: Path, bytes_max: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        self._sealed = self._released = self._torn = False
        folder.mkdir(parents=True, exist_ok=True)
        self._segments = Segments(folder)
        self._owner = _own(folder)
        try:
            self._place = self._segments.read_cursor()
            self._segments.cut_unfinished_line()
            self._writing = max([self._place.segment, *self._segments.numbers()])
            self._peeked = _Peeked(self._place)
            self._events, self._bytes = self._count()
            self._file = self._segments.open_to_append(self._writing)
        except BaseException:
            os.close(self._owner)
            raise

    def append(self, line: bytes) -> None:
        """Store one event; it is on disk when this returns. Raises StoreFull, ValueError once sealed."""
        with self._lock:
            if self._sealed:
                raise ValueError(CLOSED)
            if self._bytes + len(line) + 1 > self._bytes_max:
                raise StoreFull(f"{self._folder} holds {self._bytes} bytes that wait already.")
            try:
                self._write(line + b"\n")
            except OSError as error:
                raise StoreFull(f"{self._folder} cannot be written: {error.strerror}.") from error
            self._events += 1
            self._bytes += len(line) + 1

    def peek(self, events_max: int, bytes_max: int) -> list[bytes]:
        """Return the oldest events without removing them; lines that are damaged on disk are left out."""
        with self._lock:
            peeked = _Peeked(self._place)
            for place, line in self._segments.lines(self._place, self._writing):
                full = peeked.events >= events_max or peeked.size + len(line) > bytes_max
                if peeked.events and full:
                    break
                peeked.add(place, line)
            if not peeked.events:
                # files that somebody moved away hold nothing any more
                self._events = self._bytes = 0
            self._peeked = peeked
            return peeked.sound

    def done(self) -> None:
        """Remove what the last `peek` read; damaged lines are put aside."""
        with self._lock:
            peeked, self._peeked = self._peeked, _Peeked(self._peeked.place)
            if peeked.spoilt:
                with (self._folder / DAMAGED).open("ab") as aside:
                    aside.writelines(peeked.spoilt)
            self._place = peeked.place
            self._events -= peeked.events
            self._bytes -= peeked.size
            self._segments.write_cursor(self._place)

    def give_up(self, line: bytes, reason: str, message: str) -> None:
        """Write down an event that the server will never take, and why. Raises StoreFull, OSError."""
        given_up = {
            "at": datetime.now(UTC).isoformat(),
            "reason": reason,
            "message": message,
            "event": msgspec.Raw(line),
        }
        content = msgspec.json.encode(given_up) + b"\n"
        file = os.open(self._folder / REFUSED, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.fstat(file).st_size + len(content) > self._bytes_max:
                raise StoreFull(f"{self._folder / REFUSED} is full: inspect it, then move it away.")
            write_all(file, content)
        finally:
            os.close(file)

    def waiting(self) -> int:
        """Return how many events are stored."""
        with self._lock:
            return self._events

    def seal(self) -> bool:
        """Take no more events; returns False if it was sealed before."""
        with self._lock:
            first, self._sealed = not self._sealed, True
            return first

    def close(self) -> None:
        """Release the folder; stored events stay."""
        with self._lock:
            if self._released:
                return
            self._sealed = self._released = True
            os.close(self._file)
            os.close(self._owner)

    def _write(self, line: bytes) -> None:
        """Write one line behind the others, in a new segment where this one is full, torn or taken away."""
        status = os.fstat(self._file)
        if status.st_size >= self._segment_bytes or status.st_nlink == 0 or self._torn:
            file = self._segments.open_to_append(self._writing + 1)
            os.close(self._file)
            self._file, self._writing, self._torn = file, self._writing + 1, False
            status = os.fstat(file)
        try:
            write_all(self._file, line)
        except OSError:
            # until it is cut off, it would corrupt the line behind it
            self._torn = True
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, status.st_size)
                self._torn = False
            raise

    def _count(self) -> tuple[int, int]:
        events = size = 0
        for _, line in self._segments.lines(self._place, self._writing):
            events += 1
            size += len(line)
        return events, size


def _own(folder: Path) -> int:
    """Lock the folder for this process; returns the descriptor that holds it. Raises SpoolInUse."""
    owner = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(owner)
        raise SpoolInUse(f"Another process sends from {folder}.") from None
    return owner


def _is_sound(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
