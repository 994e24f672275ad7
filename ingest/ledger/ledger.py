"""The append-only ledger: a batch of parsed events in, an outcome for each out, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.ledger.binary import micros_of
from ingest.ledger.corrections import append_corrections
from ingest.ledger.dimensions import Surrogates
from ingest.ledger.entries import ENTRIES_MAX, Entries, Identity
from ingest.ledger.outcomes import Outcome, accepted, compare, rejected
from ingest.ledger.rows import Row
from ingest.parsing.events import Correction, Event, Fault, StockEvent
from stocktide.errors import TooLarge

__all__ = ["Ledger", "Outcome"]

# What comes after the first event of an identity in its batch: its place, itself, and the identity.
Later = tuple[int, Event, Identity]


@dataclass
class Ledger:
    """Appends events. Keeps what the database knows of surrogate keys; one a process, used by many threads."""

    half_life_h: float = 24.0
    create_on_first_sight: bool = False
    surrogates: Surrogates = field(default_factory=Surrogates)

    def append(self, connection: sa.Connection, parsed: Sequence[Event | Fault]) -> list[Outcome]:
        """Append each new event once, with the stock that it moves; the caller commits.

        Returns one Outcome an input, in order. An outcome holds only once the caller has committed.
        Raises TooLarge for more than ENTRIES_MAX / 2 inputs.
        """
        if len(parsed) > ENTRIES_MAX // 2:
            raise TooLarge(
                "batch_too_large", f"{len(parsed)} events at once; at most {ENTRIES_MAX // 2}."
            )
        outcomes: list[Outcome | None] = [None] * len(parsed)
        batch, later = self._sort_out(connection, parsed, outcomes)
        entries = Entries(connection, half_life_s=self.half_life_h * 3600)
        held = entries.append(batch)
        for identity, row in batch.items():
            outcomes[row.place] = (
                compare(row.event, held[identity]) if identity in held else accepted(row.event)
            )
        if later:
            self._append_later(entries, batch, held, later, outcomes)
        return outcomes  # type: ignore[return-value]  # every place is filled now

    def rows_by_heart(self, parsed: Sequence[Event | Fault]) -> list[Row] | None:
        """Rows of events that name nothing but what is known by heart; None where one of them does."""
        known = self.surrogates.by_heart()
        rows: list[Row] = []
        for place, item in enumerate(parsed):
            row = _row_by_heart(item, known, place)
            if row is None:
                return None
            rows.append(row)
        return rows

    def _sort_out(
        self,
        connection: sa.Connection,
        parsed: Sequence[Event | Fault],
        outcomes: list[Outcome | None],
    ) -> tuple[dict[Identity, Row], list[Later]]:
        """Give the first event of each identity as its row, and what comes after it; faults get their outcome.

        An event that names nothing but what is known by heart, as nearly all do, asks nobody.
        """
        known = self.surrogates.by_heart()
        keys: Surrogates.Resolved | None = None
        batch: dict[Identity, Row] = {}
        later: list[Later] = []
        for place, item in enumerate(parsed):
            row: Row | Correction | Fault | None = _row_by_heart(item, known, place)
            if row is None:
                if keys is None:
                    keys = self.surrogates.resolve(
                        connection, parsed[place:], create=self.create_on_first_sight
                    )
                row = _row_of(item, keys, place)
            if type(row) is Row:
                identity = (row.source_id, row.event.event_id)
                if identity in batch:
                    later.append((place, row.event, identity))
                else:
                    batch[identity] = row
            elif isinstance(row, Fault):
                outcomes[place] = rejected(row)
            else:
                correction = row
                assert isinstance(correction, Correction)  # noqa: S101 - nothing else is left
                assert keys is not None  # noqa: S101 - asked above
                identity = (keys.sources[correction.source], correction.event_id)
                later.append((place, correction, identity))
        return batch, later

    def _append_later(
        self,
        entries: Entries,
        batch: Mapping[Identity, Row],
        held: Mapping[Identity, Mapping[str, Any]],
        later: Sequence[Later],
        outcomes: list[Outcome | None],
    ) -> None:
        """Repeats within the batch, and corrections, which may mean an event of the same batch."""
        corrections = []
        for place, event, identity in later:
            if isinstance(event, StockEvent):
                first = held.get(identity) or msgspec.structs.asdict(batch[identity].event)
                outcomes[place] = compare(event, first)
            else:
                corrections.append((place, event, identity))
        named = {correction.corrects_source for _, correction, _ in corrections}
        sources = self.surrogates.sources_of(entries.connection, named)
        for place, outcome in append_corrections(entries, corrections, sources):
            outcomes[place] = outcome


def _row_of(item: Event | Fault, keys: Surrogates.Resolved, place: int) -> Row | Correction | Fault:
    """The row of an event whose keys were asked for, or why it has none."""
    event = item if isinstance(item, Fault) else keys.located(item)
    if not isinstance(event, StockEvent):
        return event
    product_id, location_id, to_location_id = keys.of(event)
    return Row(
        event,
        keys.sources[event.source],
        product_id,
        location_id,
        event.quantity_milli,
        micros_of(event.occurred_at),
        place,
        to_location_id,
    )


def _row_by_heart(item: Event | Fault, known: Surrogates.Resolved, place: int) -> Row | None:
    """The row of an event that asks for no look-up, as nearly all do."""
    if type(item) is not StockEvent or item.unit is not None or item.to_location is not None:
        return None
    product_id = known.products.get(item.product)
    location_id = known.locations.get(item.location)
    source_id = known.sources.get(item.source)
    if product_id is None or location_id is None or source_id is None:
        return None
    at = micros_of(item.occurred_at)
    return Row(item, source_id, product_id, location_id, item.quantity_milli, at, place)
