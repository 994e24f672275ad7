"""Events in: HTTP and files become an append-only stock ledger in Postgres."""

from ingest.events import Fault, StockEvent
from ingest.kinds import KINDS
from ingest.ledger import Ledger, Outcome
from ingest.parser import EventParser
from ingest.recording import Recorder

__all__ = ["KINDS", "EventParser", "Fault", "Ledger", "Outcome", "Recorder", "StockEvent"]
