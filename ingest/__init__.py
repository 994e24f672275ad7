"""Events in: HTTP, MQTT and files become an append-only stock ledger in Postgres."""

from ingest.events import Correction, Fault, StockEvent
from ingest.kinds import KINDS
from ingest.ledger import Ledger
from ingest.outcomes import Outcome
from ingest.parser import EventParser
from ingest.recording import Recorder

__all__ = [
    "KINDS",
    "Correction",
    "EventParser",
    "Fault",
    "Ledger",
    "Outcome",
    "Recorder",
    "StockEvent",
]
