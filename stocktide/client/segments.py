"""The files of a spool: segments of one event a line, numbered in order, and a cursor at the first undelivered one."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SUFFIX = ".ndjson"


class Place(NamedTuple):
    """Start of a line: the segment's number, and bytes from its start."""

    segment: int
    offset: int


class Segments:
    """The files of one folder. Not safe for several threads: the spool's lock is around it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def numbers(self) -> list[int]:
        """Return the numbers of the segments that exist, the oldest first."""
        found = self._folder.glob(f"*{SUFFIX}")
        return sorted(int(path.stem) for path in found if path.stem.isdecimal())

    def open_to_append(self, number: int) -> int:
        """Open a segment, new or old; its name is on disk when this returns. Gives the descriptor."""
        file = os.open(self._path(number), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        folder = os.open(self._folder, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
        return file

    def lines(self, start: Place, last: int) -> Iterator[tuple[Place, bytes]]:
        """Yield lines from a place to the end of segment `last`, each with the place behind it.

        A last line without its end was never acknowledged, and is skipped.
        """
        for number in self.numbers():
            if not start.segment <= number <= last:
                continue
            try:
                file = self._path(number).open("rb")
            except FileNotFoundError:
                continue
            with file:
                offset = file.seek(start.offset if number == start.segment else 0)
                for line in file:
                    offset += len(line)
                    if line.endswith(b"\n"):
                        yield Place(number, offset), line

    def cut_unfinished_line(self) -> None:
        """Cut off what a killed process left of a line."""
        for number in self.numbers()[-1:]:
            content = self._path(number).read_bytes()
            whole = content.rfind(b"\n") + 1
            if whole < len(content):
                os.truncate(self._path(number), whole)

    def read_cursor(self) -> Place:
        """Return the place of the first undelivered line. Where files were changed by hand, everything is sent again.

        An event that is sent again is a duplicate; one that is skipped is lost.
        """
        numbers = self.numbers()
        first = Place(numbers[0] if numbers else 1, 0)
        try:
            place = Place(*map(int, (self._folder / "cursor").read_text("ascii").split()))
        except (FileNotFoundError, ValueError, TypeError):
            return first
        if place < first or (numbers and place.segment not in numbers):
            return first
        return place if self._begins_line(place) else Place(place.segment, 0)

    def write_cursor(self, place: Place) -> None:
        """Write that everything before a place is delivered, and delete the segments that hold nothing else."""
        scratch = self._folder / "cursor.new"
        scratch.write_text(f"{place.segment} {place.offset}", "ascii")
        scratch.replace(self._folder / "cursor")
        for number in self.numbers():
            if number < place.segment:
                self._path(number).unlink(missing_ok=True)

    def _begins_line(self, place: Place) -> bool:
        """Return True if the segment exists and a line ends right before the place."""
        if place.offset <= 0:
            return False
        try:
            with self._path(place.segment).open("rb") as file:
                file.seek(place.offset - 1)
                return file.read(1) == b"\n"
        except (FileNotFoundError, OverflowError):
            return False

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}{SUFFIX}"


def write_all(file: int, content: bytes) -> None:
    """Write all of it, and wait until it is on disk. Raises OSError."""
    while content:
        content = content[os.write(file, content) :]
    os.fsync(file)
