"""A look at a whole file of text before it is read: its encoding, how its lines end, how quotes are escaped."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from stocktide.foundation.errors import Invalid

CHUNK_BYTES = 2**20
COMPRESSED = ".gz"
# Byte-order marks, the longest first: that of UTF-32 begins with that of UTF-16.
MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass
class Survey:
    """What stands in the whole file. crlf, lf, cr: line ends of each kind. backslashed: quotes after a backslash."""

    encoding: str
    crlf: int = 0
    lf: int = 0
    cr: int = 0
    backslashed: int = 0

    @property
    def line_end(self) -> str:
        """Return what ends a line for Python's reader: CR alone only where nothing else does."""
        return "\r" if self.cr and not self.lf + self.crlf else "\n"

    def newline(self) -> str:
        """Describe the line ends, with counts where they are mixed."""
        counts = {"CRLF": self.crlf, "LF": self.lf, "CR": self.cr}
        there = {name: count for name, count in counts.items() if count}
        if len(there) < 2:
            return next(iter(there), "LF")
        return ", ".join(f"{name} ({count:,})" for name, count in there.items())


def data_suffix(path: Path) -> str:
    """Return the lower-case suffix that tells what is in a file: of till.csv.gz, .csv."""
    name = path.name.lower()
    return (
        Path(name.removesuffix(COMPRESSED)).suffix
        if name.endswith(COMPRESSED)
        else path.suffix.lower()
    )


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file, unpacked where its name ends with .gz. Raises Invalid where that fails on the way, OSError."""
    if not path.name.lower().endswith(COMPRESSED):
        with path.open("rb") as plain:
            yield plain
        return
    try:
        with gzip.open(path) as unpacked:
            yield cast(BinaryIO, unpacked)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        why = f"it cannot be unpacked ({error}); compress or transfer it again."
        raise Invalid("file_unreadable", f"{path}: {why}") from None


@contextmanager
def open_text(path: Path, survey: Survey) -> Iterator[TextIO]:
    """Open a file of text that was surveyed; lines keep their ends. Raises as `open_bytes`."""
    with (
        open_bytes(path) as file,
        io.TextIOWrapper(file, encoding=survey.encoding, newline=survey.line_end) as text,
    ):
        yield text


def survey_file(path: Path, encoding: str | None = None) -> Survey:
    """Read a whole file once. encoding: the declared one. Raises Invalid for a byte that is no text, with its line."""
    with open_bytes(path) as file:
        head = file.read(CHUNK_BYTES)
        found = Survey(encoding or _marked(head) or "utf-8")
        decoder = codecs.getincrementaldecoder(found.encoding)()
        chunk, carried = head, ""
        while True:
            try:
                text = carried + decoder.decode(chunk, final=not chunk)
            except UnicodeError as error:
                raise _undecodable(path, found, error) from None
            # what may be the first half of a pair waits for the second
            carried = text[-1:] if chunk and text[-1:] in ("\r", "\\") else ""
            _count(found, text[: len(text) - len(carried)])
            if chunk is head:
                _refuse_nul(path, text, encoding)
            if not chunk:
                return found
            chunk = file.read(CHUNK_BYTES)


def _count(found: Survey, text: str) -> None:
    pairs = text.count("\r\n")
    found.crlf += pairs
    found.lf += text.count("\n") - pairs
    found.cr += text.count("\r") - pairs
    found.backslashed += text.count('\\"')


def _marked(head: bytes) -> str | None:
    return next((name for mark, name in MARKS if head.startswith(mark)), None)


def _refuse_nul(path: Path, text: str, encoding: str | None) -> None:
    """Refuse a NUL in the first line: text of two bytes a character, without a mark that tells so."""
    if encoding is None and "\x00" in text.partition("\n")[0]:
        why = 'a NUL byte; if it is UTF-16, set encoding = "utf-16-le" in [file], or save the file as UTF-8.'
        raise Invalid("file_encoding", f"{path}, line 1: {why}")


def _undecodable(path: Path, found: Survey, error: UnicodeError) -> Invalid:
    line, said = found.lf + found.crlf or found.cr, "it"
    if isinstance(error, UnicodeDecodeError):
        before = error.object[: error.start]
        line += before.count(b"\n") or (before.count(b"\r") if found.line_end == "\r" else 0)
        said = f"byte 0x{error.object[error.start]:02x}"
    is_found = found.encoding.startswith("utf-8")
    name = "UTF-8" if is_found else found.encoding
    hint = 'save it as UTF-8, or set encoding = "cp1252" (or its own) in [file] of the mapping.'
    return Invalid("file_encoding", f"{path}, line {line + 1}: {said} is not {name} text; {hint}")
