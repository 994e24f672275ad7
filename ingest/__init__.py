"""Events in: HTTP and files become an append-only stock ledger in Postgres."""

from ingest.events import KINDS, EventParser, Fault, StockEvent
from ingest.ledger import Ledger, Outcome
from ingest.recording import Recorder

__all__ = ["KINDS", "EventParser", "Fault", "Ledger", "Outcome", "Recorder", "StockEvent"]
