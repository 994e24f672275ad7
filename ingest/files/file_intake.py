"""Files by their kind, as name and first line tell it, and reports on them: done or failed, with counts."""

from pathlib import Path

from ingest.files.event_lines import holds_events, record_lines
from ingest.files.importing import import_file
from ingest.files.mapping import Mapping
from ingest.files.source_file import JSON_LINES
from ingest.files.survey import data_suffix
from ingest.files.tally import Tally
from ingest.recording.formats import Report, format_of_file, format_of_suffix
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Invalid
from stocktide.foundation.stored_text import storable

FEED = "watch"


def mapping_of(path: Path, mapping: Mapping | None, recorder: Recorder) -> Mapping | None:
    """Return the mapping if it is what reads this file: no format of its own, no lines of events. Raises OSError."""
    if mapping is None or format_of_suffix(path):
        return None
    if data_suffix(path) in JSON_LINES and holds_events(path, recorder.settings.body_bytes_max):
        return None
    return mapping


def read_file(path: Path, mapping: Mapping | None, recorder: Recorder) -> Report:
    """Record a file by its kind; mapping: of `mapping_of`. Raises Invalid where nobody reads it, Transient, OSError."""
    if mapping is not None:
        return told(import_file(path, mapping, recorder, _ignore))
    known = format_of_file(path)
    if known is not None:
        return known.read_file(path, recorder)
    if data_suffix(path) in JSON_LINES:
        return told(record_lines(path, recorder, FEED, _ignore))
    raise Invalid("mapping_missing", f"{path.name}: only a mapping (--mapping) can read it.")


def error_report(code: str, message: str) -> Report:
    """Return the report of a file that failed as a whole."""
    return {"state": "failed", "error": {"code": code, "message": storable(message)}}


def told(tally: Tally) -> Report:
    """Return a report on what became of a file's events."""
    report: Report = {"state": "done", **tally.as_dict(), **tally.findings()}
    if tally.read == 0:
        report |= error_report("file_empty", "It contains no event.")
    elif tally.all_rejected:
        report |= error_report(
            "all_rejected", "Nothing of it could be recorded; what it holds is kept as rejects."
        )
    return report


def _ignore(_done: int, _total: int | None) -> None:
    """Show no progress."""
