"""Corrections: an event that says another never was becomes the other's reversal, at the other's own time."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.errors import SerializationFailure

from ingest.ledger.entries import Entries, Identity, Reversed
from ingest.ledger.outcomes import Outcome, accepted, compare_correction, rejected
from ingest.ledger.rows import Row
from ingest.parsing.events import Correction, Fault, StockEvent
from ingest.parsing.numbers import micros_of
from stocktide.domain.kinds import CORRECTION, KINDS

Indexed = tuple[int, Correction, Identity]


def append_corrections(
    entries: Entries, corrections: Sequence[Indexed], sources: Mapping[str, int]
) -> dict[int, Outcome]:
    """Append the reversals of what corrections mean; every other event of the batch is recorded already.

    Not all that an event did can be subtracted: a cost is averaged, the newest price or count rules. So what the
    corrected events touched is folded again from the ledger, once for all of them.

    corrections: index, correction and its identity. sources: keys of the sources that they name, as far as known.
    Returns the outcome for each index.
    """
    outcomes: dict[int, Outcome] = {}
    corrected: list[Reversed] = []
    for index, correction, identity in corrections:
        target = (sources.get(correction.corrects_source, 0), correction.corrects_id)
        outcomes[index] = _append(entries, correction, identity, target, corrected)
    entries.refold(corrected)
    return outcomes


def _append(
    entries: Entries,
    correction: Correction,
    identity: Identity,
    target: Identity,
    corrected: list[Reversed],
) -> Outcome:
    known = entries.entries_of([identity, target])
    if identity in known:
        held = entries.recorded([identity])
        return compare_correction(correction, known.get(target), held[identity])
    if target not in known:
        return _refused(
            correction,
            "unknown_event",
            f"There is no event {correction.corrects_id!r} of {correction.corrects_source!r} to correct. "
            "Send it first, then this correction again.",
        )
    original = entries.recorded([target])[target]
    if correction.only_at is not None:
        places = {original["location"], original["to_location"] or original["location"]}
        if not places <= set(correction.only_at):
            return _refused(
                correction,
                "key_location",
                f"The key is for {', '.join(correction.only_at)}, and the event that this corrects is not.",
            )
    if not KINDS[original["kind"]].reversible or original["corrects"] is not None:
        return _refused(
            correction,
            "not_reversible",
            f"A {CORRECTION.name if original['corrects'] else original['kind']} is not reversed: send an event with an "
            "id of its own that says what is right.",
        )
    if not entries.claim_corrections({known[target]: identity}):
        # whoever was first has committed by now: perhaps it was this very correction, sent twice at once
        if identity in entries.entries_of([identity]):
            return _append(entries, correction, identity, target, corrected)
        return _refused(
            correction,
            "already_corrected",
            f"Event {correction.corrects_id!r} of {correction.corrects_source!r} is corrected already.",
        )
    if entries.append_rows([_reversal(correction, identity[0], original, known[target])]):
        # another event took this identity since it was looked up, and the other entry is claimed for nothing by now
        raise SerializationFailure(f"{correction.event_id!r} was taken meanwhile")
    there = (original["location_id"], original["to_location_id"])
    pairs = [(original["product_id"], place) for place in there if place is not None]
    corrected.append(Reversed(known[target], pairs))
    return accepted(correction)


def _reversal(
    correction: Correction, source_id: int, original: Mapping[str, Any], entry_id: int
) -> Row:
    fields: dict[str, Any] = {name: original.get(name) for name in StockEvent.__struct_fields__}
    committed = fields["committed_milli"]
    event = StockEvent(
        **{
            **fields,
            "source": correction.source,
            "event_id": correction.event_id,
            "quantity_milli": -original["quantity_milli"],
            "committed_milli": None if committed is None else -committed,
            "reason": correction.reason,
            "attributes": correction.attributes,
            "corrects": entry_id,
        }
    )
    return Row(
        event,
        source_id,
        original["product_id"],
        original["location_id"],
        event.quantity_milli,
        micros_of(event.occurred_at),
        to_location_id=original["to_location_id"],
    )


def _refused(correction: Correction, reason: str, message: str) -> Outcome:
    fault = Fault(reason, message, "data.corrects_id", correction.source, correction.event_id)
    return rejected(fault)
