"""A file of CloudEvents, one a line, recorded in bounded memory."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from ingest.files.importing import Advance
from ingest.files.survey import open_bytes
from ingest.files.tally import Tally
from ingest.ledger.outcomes import Outcome, rejected
from ingest.parsing.events import Fault
from ingest.recording.recording import Recorder

STRUCTURED = "application/cloudevents+json"
CHUNK_LINES = 2_000
CHUNK_BYTES = 4 * 2**20
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def holds_events(path: Path, line_bytes_max: int) -> bool:
    """Return True if the first line with something on it is a CloudEvent, not a row for a mapping."""
    with open_bytes(path) as file:
        for line in iter(lambda: file.readline(line_bytes_max), b""):
            text = line.removeprefix(BYTE_ORDER_MARK).strip()
            if text:
                try:
                    return "specversion" in msgspec.json.decode(text, type=dict[str, msgspec.Raw])
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    return False
    return False


def record_lines(path: Path, recorder: Recorder, feed: str, advance: Advance) -> Tally:
    """Record a file of events; a line's fault is counted and kept. Raises as Recorder.record, and OSError.

    Stopped or killed at any moment, it can be run again: what was recorded answers "duplicate".
    """
    tally = Tally(0)
    line_bytes_max = recorder.settings.body_bytes_max
    for lines in _chunks(path, line_bytes_max):
        tally.read += len(lines)
        whole = [line for line in lines if len(line) <= line_bytes_max]
        for outcome in recorder.record(feed, STRUCTURED, whole):
            tally.add(outcome)
        for line in lines:
            if len(line) > line_bytes_max:
                tally.add(_keep_start(recorder, feed, path, line[:line_bytes_max]))
        advance(tally.accounted, None)
    tally.check()
    return tally


def _keep_start(recorder: Recorder, feed: str, path: Path, start: bytes) -> Outcome:
    """Keep what fits of a line that is longer than a request may be."""
    message = f"{path.name}: a line is longer than {len(start)} bytes; its start is kept."
    fault = Fault("broken_line", message)
    recorder.keep(feed, STRUCTURED, start, fault)
    return rejected(fault)


def _chunks(path: Path, line_bytes_max: int) -> Iterator[list[bytes]]:
    """Yield lines that hold something, some at a time; of one that is too long, one byte more than allowed."""
    lines: list[bytes] = []
    size = 0
    with open_bytes(path) as file:
        if file.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
            file.seek(0)
        while line := file.readline(line_bytes_max + 2):
            kept = line.strip() if len(line) <= line_bytes_max + 1 else line[: line_bytes_max + 1]
            while not line.endswith(b"\n") and (line := file.readline(CHUNK_BYTES)):
                pass  # the rest of a line that is too long
            if kept:
                lines.append(kept)
                size += len(kept)
            if len(lines) >= CHUNK_LINES or size >= CHUNK_BYTES:
                yield lines
                lines, size = [], 0
    if lines:
        yield lines
