"""What a file is, by its name and first line, and what became of it as a report: done or failed, with counts."""

from collections import Counter
from pathlib import Path
from typing import Any

from ingest.epcis import Refused, capture, movement_states, read_document
from ingest.files.event_lines import BYTE_ORDER_MARK, holds_events, record_lines
from ingest.files.importing import Tally, import_file
from ingest.files.mapping import Mapping
from ingest.files.source_file import JSON_LINES
from ingest.recording.recording import Recorder
from stocktide.errors import Invalid
from stocktide.stored_text import storable

FEED = "watch"
EPCIS = (".json", ".jsonld")
EPCIS_TYPE = "application/ld+json"
EPCIS_BYTES_MAX = 64 * 2**20

Report = dict[str, Any]


def mapping_of(path: Path, mapping: Mapping | None, recorder: Recorder) -> Mapping | None:
    """The mapping, if it is what reads this file: no EPCIS document, and no lines that are events. Raises OSError."""
    suffix = path.suffix.lower()
    if mapping is None or suffix in EPCIS:
        return None
    if suffix in JSON_LINES and holds_events(path, recorder.settings.body_bytes_max):
        return None
    return mapping


def read_file(path: Path, mapping: Mapping | None, recorder: Recorder) -> Report:
    """Record a file by its kind; mapping: of `mapping_of`. Raises Invalid where nobody reads it, Transient, OSError."""
    suffix = path.suffix.lower()
    if mapping is not None:
        return _told(import_file(path, mapping, recorder, _ignore))
    if suffix in EPCIS:
        return _read_epcis(path, recorder)
    if suffix in JSON_LINES:
        return _told(record_lines(path, recorder, FEED, _ignore))
    raise Invalid("mapping_missing", f"{path.name}: only a mapping (--mapping) can read it.")


def error_report(code: str, message: str) -> Report:
    """The report of a file that failed as a whole."""
    return {"state": "failed", "error": {"code": code, "message": storable(message)}}


def _read_epcis(path: Path, recorder: Recorder) -> Report:
    """Capture a document, each event by itself. Such a document is held in memory whole: its length has a limit."""
    size = path.stat().st_size
    if size > EPCIS_BYTES_MAX:
        raise Invalid(
            "file_too_large",
            f"{path.name}: {size} bytes; an EPCIS document has at most {EPCIS_BYTES_MAX}. Split it.",
        )
    raw = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    try:
        document = read_document(raw)
    except Refused as refused:
        recorder.keep(FEED, EPCIS_TYPE, raw, refused.fault)
        raise Invalid(refused.fault.reason, f"{path.name}: {refused.fault.message}") from None
    captured = capture(recorder, FEED, EPCIS_TYPE, document, "proceed")
    names = Counter(name for name, _identity in captured.outcomes)
    reasons = Counter(fault.reason for _place, fault in captured.faults)
    tally = Tally(len(document.events))
    tally.outcomes.update(
        accepted=names["captured"],
        duplicate=names["duplicate"],
        conflict=reasons.pop("conflict", 0),
    )
    tally.rejected.update(reasons)
    with recorder.engine.connect() as connection:
        movements = movement_states(connection, captured.capture_id)
    # an event that is captured may yet have moved nothing: `accepted` is not said of its goods
    return {**_told(tally), "capture_id": str(captured.capture_id), "movements": movements}


def _told(tally: Tally) -> Report:
    told: Report = {"state": "done", **tally.as_dict()}
    if tally.read == 0:
        told |= error_report("file_empty", "It contains no event.")
    elif sum(tally.rejected.values()) == tally.read:
        told |= error_report(
            "all_rejected", "Nothing of it could be recorded; what it holds is kept as rejects."
        )
    return told


def _ignore(_done: int, _total: int | None) -> None:
    """Show no progress."""
