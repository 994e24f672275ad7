"""EPCIS 2.0: events of supply chains, captured, queried, and told to the ledger as movements."""

from ingest.epcis.capture import Captured, capture
from ingest.epcis.document import Document, read_bare_event, read_document
from ingest.epcis.hash import event_hash
from ingest.epcis.reading import Refused
from ingest.epcis.settle import retry_rejected, settle

__all__ = [
    "Captured",
    "Document",
    "Refused",
    "capture",
    "event_hash",
    "read_bare_event",
    "read_document",
    "retry_rejected",
    "settle",
]
