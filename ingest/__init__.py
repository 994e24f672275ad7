"""Events in: HTTP, MQTT, EPCIS and files become an append-only stock ledger in Postgres.

The rooms, in the order of an event's way: `http`, `mqtt`, `epcis`, `files` and `shopify` take it in; `parsing` makes it
an event, or says what is wrong with it; `recording` commits it together with others; `ledger` writes it and what it
changes; `rejects` keeps what was refused until it is fixed. `customers` tells who is behind a pseudonym, and erases
them. `calendar` keeps what a chain knows ahead, and `rates` what currencies are worth, beside the events.
Import-linter holds the direction: doors above recording, above the ledger, above parsing.
"""

# loaded so that their formats are registered
from ingest import epcis as epcis
from ingest import shopify as shopify
from ingest.ledger.ledger import Ledger
from ingest.ledger.outcomes import Outcome
from ingest.parsing.events import Correction, Fault, StockEvent
from ingest.parsing.kinds import DATA_TYPES
from ingest.parsing.parser import EventParser
from ingest.recording.recording import Recorder

__all__ = [
    "DATA_TYPES",
    "Correction",
    "EventParser",
    "Fault",
    "Ledger",
    "Outcome",
    "Recorder",
    "StockEvent",
]
