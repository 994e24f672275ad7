"""The append-only ledger: a batch of parsed events in, an outcome for each out, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.binary import micros_of
from ingest.corrections import append_corrections
from ingest.dimensions import Surrogates
from ingest.entries import ENTRIES_MAX, Entries, Identity
from ingest.events import Correction, Event, Fault, StockEvent
from ingest.outcomes import Outcome, accepted, compare, rejected
from ingest.rows import Row
from stocktide.errors import TooLarge

__all__ = ["Ledger", "Outcome"]


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
        batch: dict[Identity, Row] = {}
        later: list[tuple[int, Event, Identity]] = []
        rest = self._take_plain(parsed, batch, later)
        if rest:
            self._take_rest(connection, parsed, rest, batch, later, outcomes)
        entries = Entries(connection, half_life_s=self.half_life_h * 3600)
        held = entries.append(batch)
        for identity, row in batch.items():
            outcomes[row.place] = (
                compare(row.event, held[identity]) if identity in held else accepted(row.event)
            )
        if later:
            self._append_later(entries, batch, held, later, outcomes)
        return outcomes  # type: ignore[return-value]  # every place is filled now

    def _take_plain(
        self,
        parsed: Sequence[Event | Fault],
        batch: dict[Identity, Row],
        later: list[tuple[int, Event, Identity]],
    ) -> list[int]:
        """Take the events that name nothing but what is known by heart. Returns the places of all others."""
        known = self.surrogates.by_heart()
        products, locations, sources = known.products, known.locations, known.sources
        rest: list[int] = []
        for place, event in enumerate(parsed):
            if type(event) is StockEvent and event.unit is None and event.to_location is None:
                product_id = products.get(event.product)
                location_id = locations.get(event.location)
                source_id = sources.get(event.source)
                if product_id and location_id and source_id:
                    identity = (source_id, event.event_id)
                    if identity in batch:
                        later.append((place, event, identity))
                    else:
                        at = micros_of(event.occurred_at)
                        moved = event.quantity_milli
                        batch[identity] = Row(
                            event, source_id, product_id, location_id, moved, at, place
                        )
                    continue
            rest.append(place)
        return rest

    def _take_rest(
        self,
        connection: sa.Connection,
        parsed: Sequence[Event | Fault],
        places: Sequence[int],
        batch: dict[Identity, Row],
        later: list[tuple[int, Event, Identity]],
        outcomes: list[Outcome | None],
    ) -> None:
        """Take the events that need the database to be known, and refuse what it does not know either."""
        keys = self.surrogates.resolve(
            connection, [parsed[place] for place in places], create=self.create_on_first_sight
        )
        for place in places:
            item = parsed[place]
            event = item if isinstance(item, Fault) else keys.located(item)
            if isinstance(event, Fault):
                outcomes[place] = rejected(event)
                continue
            identity = (keys.sources[event.source], event.event_id)
            if isinstance(event, Correction) or identity in batch:
                later.append((place, event, identity))
                continue
            product_id, location_id, to_location_id = keys.of(event)
            at = micros_of(event.occurred_at)
            batch[identity] = Row(
                event,
                identity[0],
                product_id,
                location_id,
                event.quantity_milli,
                at,
                place,
                to_location_id,
            )

    def _append_later(
        self,
        entries: Entries,
        batch: Mapping[Identity, Row],
        held: Mapping[Identity, Mapping[str, Any]],
        later: Sequence[tuple[int, Event, Identity]],
        outcomes: list[Outcome | None],
    ) -> None:
        """Repeats within the batch, and corrections, which may mean an event of the same batch."""
        corrections = []
        later = sorted(later, key=lambda item: item[0])
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
