"""Events that wait on disk: append-only segment files of one event a line, and a cursor that says what is delivered.

An event is in the spool once it is synced. The cursor is moved after delivery and need not be synced: what is sent
twice for it is a duplicate. A line that a killed process left unfinished was never promised to anybody, and is cut off.
"""

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from stocktide.client.errors import SpoolInUse, StoreFull

SEGMENT_BYTES = 4 * 2**20
SUFFIX = ".ndjson"
DAMAGED = "damaged.txt"


class SpoolStore:
    """A folder of segments; one process at a time. Holds at most `bytes_max` bytes that are not delivered."""

    def __init__(self, folder: Path, bytes_max: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._folder = folder
        self._bytes_max = bytes_max
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._owner = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._owner)
            raise SpoolInUse(f"Another process sends from {folder}.") from None
        self._segment, self._offset = self._read_cursor()
        self._peeked: tuple[int, int, int, int] | None = None
        self._cut_unfinished_line()
        self._events, self._bytes = self._count()
        numbers = self._numbers()
        self._writing = numbers[-1] if numbers else self._segment
        self._file = self._open_segment(self._writing)

    def append(self, line: bytes) -> None:
        """Keep one event; it is on disk when this returns. Raises StoreFull."""
        with self._lock:
            if self._bytes + len(line) + 1 > self._bytes_max:
                raise StoreFull(f"{self._folder} holds {self._bytes} bytes that wait already.")
            if os.fstat(self._file).st_size >= self._segment_bytes:
                os.close(self._file)
                self._writing += 1
                self._file = self._open_segment(self._writing)
            size = os.fstat(self._file).st_size
            try:
                _write_all(self._file, line + b"\n")
                os.fsync(self._file)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, size)
                raise StoreFull(f"{self._folder} cannot be written: {error.strerror}.") from error
            self._events += 1
            self._bytes += len(line) + 1

    def peek(self, events_max: int, bytes_max: int) -> list[bytes]:
        """The oldest events, without taking them away; lines that the disk has spoilt are put aside."""
        with self._lock:
            found: list[bytes] = []
            size = count = 0
            segment, offset = self._segment, self._offset
            for number, line in self._lines(segment, offset):
                if found and (len(found) >= events_max or size + len(line) > bytes_max):
                    break
                offset = len(line) if number != segment else offset + len(line)
                segment = number
                size += len(line)
                count += 1
                if self._is_sound(line):
                    found.append(line[:-1])
            self._peeked = (segment, offset, count, size)
            return found

    def done(self) -> None:
        """Take away what the last `peek` gave."""
        with self._lock:
            if self._peeked is None:
                return
            self._segment, self._offset, count, size = self._peeked
            self._peeked = None
            self._events -= count
            self._bytes -= size
            self._write_cursor()
            for number in self._numbers():
                if number < self._segment:
                    self._path(number).unlink(missing_ok=True)

    def waiting(self) -> int:
        """How many events are kept."""
        with self._lock:
            return self._events

    def close(self) -> None:
        """Give the folder free; what is kept stays."""
        with self._lock:
            os.close(self._file)
            os.close(self._owner)

    def _lines(self, segment: int, offset: int) -> Iterator[tuple[int, bytes]]:
        """Lines from a place on, each with its segment."""
        for number in range(segment, self._writing + 1):
            try:
                file = self._path(number).open("rb")
            except FileNotFoundError:
                continue
            with file:
                file.seek(offset if number == segment else 0)
                for line in file:
                    if line.endswith(b"\n"):
                        yield number, line

    def _is_sound(self, line: bytes) -> bool:
        try:
            msgspec.json.decode(line, type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            with (self._folder / DAMAGED).open("ab") as aside:
                aside.write(line)
            return False
        return True

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}{SUFFIX}"

    def _numbers(self) -> list[int]:
        return sorted(
            int(path.stem) for path in self._folder.glob(f"*{SUFFIX}") if path.stem.isdecimal()
        )

    def _open_segment(self, number: int) -> int:
        file = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return file

    def _read_cursor(self) -> tuple[int, int]:
        """Segment and offset of the first event that is not delivered."""
        numbers = self._numbers()
        first = numbers[0] if numbers else 1
        try:
            segment, offset = map(int, (self._folder / "cursor").read_text("ascii").split())
        except (FileNotFoundError, ValueError):
            return first, 0
        return (segment, offset) if not numbers or segment >= first else (first, 0)

    def _write_cursor(self) -> None:
        scratch = self._folder / "cursor.new"
        scratch.write_text(f"{self._segment} {self._offset}", "ascii")
        scratch.replace(self._folder / "cursor")

    def _cut_unfinished_line(self) -> None:
        for number in self._numbers()[-1:]:
            path = self._path(number)
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(path, whole)

    def _count(self) -> tuple[int, int]:
        events = size = 0
        for number in self._numbers():
            if number < self._segment:
                continue
            with self._path(number).open("rb") as file:
                file.seek(self._offset if number == self._segment else 0)
                for line in file:
                    events += 1
                    size += len(line)
        return events, size


def _write_all(file: int, content: bytes) -> None:
    while content:
        content = content[os.write(file, content) :]
