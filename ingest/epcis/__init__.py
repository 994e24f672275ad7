"""EPCIS 2.0: events of supply chains, captured, queried, and told to the ledger as movements."""

from ingest.epcis.capture.capture import capture
from ingest.epcis.capture.conflict import CONFLICT_SOURCE, conflict_of
from ingest.epcis.capture.file import SUFFIXES, read_epcis_file
from ingest.epcis.capture.jobs import Captured, movement_states
from ingest.epcis.model.document import Document, read_bare_event, read_document
from ingest.epcis.model.hash import event_hash
from ingest.epcis.model.reading import Refused
from ingest.epcis.movements.post_movements import post_movements, retry_rejected
from ingest.recording.formats import Format, register_format

__all__ = [
    "CONFLICT_SOURCE",
    "Captured",
    "Document",
    "Refused",
    "capture",
    "conflict_of",
    "event_hash",
    "movement_states",
    "post_movements",
    "read_bare_event",
    "read_document",
    "retry_rejected",
]

register_format(Format("epcis", SUFFIXES, read_epcis_file, conflict_of))
