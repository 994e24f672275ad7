"""What becomes of an event, and how one that comes again compares with what is recorded."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import msgspec

from ingest.parsing.attributes import differing_attribute
from ingest.parsing.events import Correction, Event, Fault, StockEvent

OutcomeName = Literal["accepted", "duplicate", "conflict", "rejected"]
OUTCOMES: tuple[OutcomeName, ...] = get_args(OutcomeName)
ACCEPTED: OutcomeName = "accepted"

# The names that a sender gave to what the record holds, where they differ.
SENDERS_NAME = {
    "quantity_milli": "quantity",
    "committed_milli": "quantity",
    "observed_milli": "counted/observed",
    "price_micros": "price",
    "cost_micros": "cost",
    "line_total_micros": "line_total",
    "counterparty": "supplier/device",
    "occurred_at": "time",
    "reference": "reservation_id/transfer_id",
    "corrects": "corrects_id",
}
# Identity, what was turned into the product's unit before, and attributes, which are compared by their meaning.
NOT_COMPARED = frozenset({"source", "event_id", "unit", "attributes"})


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one event."""

    name: OutcomeName
    source: str | None = None
    event_id: str | None = None
    fault: Fault | None = None


def accepted(event: Event) -> Outcome:
    """Return the outcome of an event that is in the ledger now."""
    return Outcome(ACCEPTED, event.source, event.event_id)


def rejected(fault: Fault) -> Outcome:
    """Return the outcome of an event that is not in the ledger, and why."""
    return Outcome("rejected", fault.source, fault.event_id, fault)


def compare(event: StockEvent, recorded: Mapping[str, Any]) -> Outcome:
    """Return a duplicate for the same payload again, for another under the same identity a conflict, with its field.

    recorded: the fields of the event that holds the identity.
    """
    differing = next(_differing(event, recorded), None)
    if differing is None:
        return Outcome("duplicate", event.source, event.event_id)
    return conflict(event, SENDERS_NAME.get(differing, differing))


def compare_correction(
    event: Correction, corrected: int | None, recorded: Mapping[str, Any]
) -> Outcome:
    """Compare a correction as `compare` does an event. corrected: the entry that it means, None where there is none."""
    if recorded["corrects"] is None:
        return conflict(event, "kind")
    if recorded["corrects"] != corrected:
        return conflict(event, "corrects_id")
    if recorded["reason"] != event.reason:
        return conflict(event, "reason")
    return Outcome("duplicate", event.source, event.event_id)


def conflict(event: Event, field: str) -> Outcome:
    """Return the outcome of an event whose identity another has."""
    message = (
        f"Event {event.event_id!r} of {event.source!r} is recorded already with another {field}. "
        "Send a correction as a new event with an id of its own."
    )
    fault = Fault("conflict", message, field, event.source, event.event_id)
    return Outcome("conflict", event.source, event.event_id, fault)


def _differing(event: StockEvent, recorded: Mapping[str, Any]) -> Iterator[str]:
    # of an erased customer nobody can tell whether the event names it again, by its field or by an attribute
    is_erased = recorded.get("is_erased", False)
    for name in event.__struct_fields__:
        if name in NOT_COMPARED or (is_erased and name == "customer_id"):
            continue
        value, held = getattr(event, name), recorded.get(name)
        if value != held:
            yield name
    attribute = differing_attribute(event.attributes, recorded.get("attributes"))
    if attribute is not None and not is_erased:
        yield attribute
