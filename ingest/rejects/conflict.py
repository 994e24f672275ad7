"""A conflict's two payloads side by side: what the ledger holds under an identity, and what was refused for it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.ledger.customers import renamed
from ingest.ledger.dimensions import Surrogates
from ingest.ledger.entries import Entries
from ingest.parsing.events import Correction, Fault, StockEvent
from ingest.parsing.numbers import MICRO, MILLI
from ingest.recording.recording import Recorder
from stocktide.domain.kinds import CORRECTION, KINDS, EventKind
from stocktide.foundation.database import statement

SAME_NAME = ("product", "location", "to_location", "currency", "promotion", "order_id", "order_line", "customer_id",
             "channel", "reason", "lot", "expires_on", "expected_on")  # fmt: skip
# Instead of the pseudonym of a customer that no event has named.
NOT_KNOWN = "a customer who is not known"


def side_by_side(
    connection: sa.Connection,
    recorder: Recorder,
    raw: bytes,
    source: str,
    event_id: str,
) -> dict[str, Any] | None:
    """Compare in the sender's field names and the product's own unit; None where the ledger has no such event.

    Returns `recorded`, `refused` (None: it is no event any more) and `differing`, the fields that are not the same.
    The caller rolls back.
    """
    surrogates = Surrogates()
    source_id = surrogates.sources_of(connection, [source]).get(source)
    if source_id is None:
        return None
    entries = Entries(connection, half_life_s=1.0)
    identity = (source_id, event_id)
    held = entries.recorded([identity]).get(identity)
    if held is None:
        return None
    recorded = _recorded_fields(connection, held)
    refused = _refused_fields(connection, surrogates, recorder, raw)
    fields = [*recorded, *(name for name in refused or {} if name not in recorded)]
    differing = [] if refused is None else [f for f in fields if recorded.get(f) != refused.get(f)]
    return {"recorded": recorded, "refused": refused, "differing": differing}


def sender_fields(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a StockEvent, or of a ledger's row as one, under its sender's names, without empty ones."""
    kind = KINDS[event["kind"]]
    said: dict[str, Any] = {name: event[name] for name in SAME_NAME}
    if kind.has_quantity:
        said["quantity"] = _quantity(event, kind)
    if kind.observes and kind.amount:
        said[kind.amount] = _decimal(event["observed_milli"], MILLI)
    said["price"] = _decimal(event["price_micros"], MICRO)
    said["line_total"] = _decimal(event["line_total_micros"], MICRO)
    said["cost"] = _decimal(event["cost_micros"], MICRO)
    if kind.counterparty:
        said[kind.counterparty] = event["counterparty"]
    if kind.reference and kind.reference not in said:
        said[kind.reference] = event["reference"]
    fields = {"type": kind.type, "time": event["occurred_at"].isoformat()}
    fields |= {f"data.{name}": _plain(value) for name, value in said.items() if value is not None}
    if event["attributes"]:
        fields |= msgspec.json.decode(event["attributes"])
    return fields


def _quantity(event: Mapping[str, Any], kind: EventKind) -> str | None:
    """Write what moved without its sign; what moved nothing only promised."""
    milli = kind.sign * event["quantity_milli"] if kind.sign else event["committed_milli"]
    return _decimal(milli, MILLI)


def _decimal(value: int | None, scale: int) -> str | None:
    return None if value is None else f"{(Decimal(value) / scale).normalize():f}"


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | bool) else str(value)


def _correction(source: str, event_id: str, reason: str) -> dict[str, Any]:
    corrected = {"data.corrects_source": source, "data.corrects_id": event_id}
    return {"type": CORRECTION.type, **corrected, "data.reason": reason}


def _recorded_fields(connection: sa.Connection, held: Mapping[str, Any]) -> dict[str, Any]:
    if held["corrects"] is None:
        return sender_fields(held)
    links = connection.execute(statement("stocktide/event_links"), held)
    corrected = next(link for link in links if link.link == "corrects")
    return _correction(corrected.source, corrected.id, held["reason"])


def _refused_fields(
    connection: sa.Connection, surrogates: Surrogates, recorder: Recorder, raw: bytes
) -> dict[str, Any] | None:
    # what is in conflict was let in by its source, EPCIS or another
    event, _ = recorder.ledger.customers.impersonal(recorder.epcis_parser.parse(raw))
    if isinstance(event, Correction):
        return _correction(event.corrects_source, event.corrects_id, event.reason)
    if isinstance(event, StockEvent):
        if event.customer_id is not None:
            found = recorder.ledger.customers.found(connection, [event.customer_id])
            event = renamed(event, {event.customer_id: found.get(event.customer_id, NOT_KNOWN)})
        # the sender's own unit where the product's is not known
        located = surrogates.resolve(connection, [event], create=False).located(event)
        event = event if isinstance(located, Fault) else located
    return sender_fields(msgspec.structs.asdict(event)) if isinstance(event, StockEvent) else None
