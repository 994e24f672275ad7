"""The append-only ledger: a batch of parsed events in, an outcome for each out, in the caller's transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.corrections import append_corrections
from ingest.dimensions import Surrogates
from ingest.entries import ENTRIES_MAX, Entries, Identity, New
from ingest.events import Correction, Event, Fault, StockEvent
from ingest.outcomes import Outcome, accepted, compare, rejected
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
        keys = self.surrogates.resolve(connection, parsed, create=self.create_on_first_sight)
        outcomes: list[Outcome | None] = [None] * len(parsed)
        batch: dict[Identity, New] = {}
        later: list[tuple[int, Event, Identity]] = []
        for place, item in enumerate(parsed):
            event = item if isinstance(item, Fault) else keys.located(item)
            if isinstance(event, Fault):
                outcomes[place] = rejected(event)
                continue
            identity = (keys.sources[event.source], event.event_id)
            if isinstance(event, Correction) or identity in batch:
                later.append((place, event, identity))
            else:
                batch[identity] = New(place, event, *keys.of(event))
        entries = Entries(connection, half_life_s=self.half_life_h * 3600)
        held = entries.append(batch)
        for identity, new in batch.items():
            outcomes[new.place] = (
                compare(new.event, held[identity]) if identity in held else accepted(new.event)
            )
        if later:
            self._append_later(entries, batch, held, later, outcomes)
        return outcomes  # type: ignore[return-value]  # every place is filled now

    def _append_later(
        self,
        entries: Entries,
        batch: Mapping[Identity, New],
        held: Mapping[Identity, Mapping[str, Any]],
        later: Sequence[tuple[int, Event, Identity]],
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
