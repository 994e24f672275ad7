"""EPCIS 2.0: events of supply chains, captured, queried, and told to the ledger as movements."""

from ingest.epcis.capture import capture
from ingest.epcis.capture_job import Captured
from ingest.epcis.conflict import CONFLICT_SOURCE, conflict_of
from ingest.epcis.document import Document, read_bare_event, read_document
from ingest.epcis.hash import event_hash
from ingest.epcis.jobs import movement_states
from ingest.epcis.reading import Refused
from ingest.epcis.settle import retry_rejected, settle

__all__ = [
    "CONFLICT_SOURCE",
    "Captured",
    "Document",
    "Refused",
    "capture",
    "conflict_of",
    "event_hash",
    "movement_states",
    "read_bare_event",
    "read_document",
    "retry_rejected",
    "settle",
]
