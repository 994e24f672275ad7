"""An export that was left in a watched folder, or dropped on a page, by itself."""

from pathlib import Path

from ingest.recording.formats import Report
from ingest.recording.recording import Recorder
from ingest.shopify.importing import import_exports
from ingest.shopify.reading import Options


def read_export_file(path: Path, recorder: Recorder) -> Report:
    """Record a whole export and report on it. Raises Invalid, Transient, OSError."""
    done = import_exports([path], Options(), recorder, lambda _done, _of: None)
    report: Report = {
        "state": "done",
        **done.tally.as_dict(),
        **done.tally.findings(),
        "export": done.as_dict(),
    }
    if done.tally.all_rejected:
        why = "Nothing of it could be recorded; what it holds is kept as rejects."
        report |= {"state": "failed", "error": {"code": "all_rejected", "message": why}}
    return report
