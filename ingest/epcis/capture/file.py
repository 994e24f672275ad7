"""A file that is an EPCIS document."""

from collections import Counter
from pathlib import Path

from ingest.epcis.capture.capture import capture
from ingest.epcis.capture.jobs import movement_states
from ingest.epcis.model.document import read_document
from ingest.epcis.model.reading import Refused
from ingest.files.event_lines import BYTE_ORDER_MARK
from ingest.files.file_intake import FEED, told
from ingest.files.tally import Tally
from ingest.recording.formats import Report
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Invalid

SUFFIXES = frozenset({".json", ".jsonld"})
CONTENT_TYPE = "application/ld+json"
BYTES_MAX = 64 * 2**20


def read_epcis_file(path: Path, recorder: Recorder) -> Report:
    """Capture a document, each event by itself. Such a document is held in memory whole: its length has a limit."""
    size = path.stat().st_size
    if size > BYTES_MAX:
        raise Invalid(
            "file_too_large",
            f"{path.name}: {size} bytes; an EPCIS document has at most {BYTES_MAX}. Split it.",
        )
    raw = path.read_bytes().removeprefix(BYTE_ORDER_MARK)
    try:
        document = read_document(raw)
    except Refused as refused:
        recorder.keep(FEED, CONTENT_TYPE, raw, refused.fault)
        raise Invalid(refused.fault.reason, f"{path.name}: {refused.fault.message}") from None
    captured = capture(recorder, FEED, CONTENT_TYPE, document, "proceed")
    names = Counter(captured.names)
    reasons = Counter(fault.reason for _index, fault in captured.faults)
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
    return {**told(tally), "capture_id": str(captured.capture_id), "movements": movements}
