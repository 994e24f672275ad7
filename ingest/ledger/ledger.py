"""The append-only ledger: a batch of parsed events in, an outcome for each out, in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from ingest.ledger.batch import Batch, Sorter, row_by_heart
from ingest.ledger.columns import identity_of
from ingest.ledger.corrections import append_corrections
from ingest.ledger.dimensions import Surrogates
from ingest.ledger.entries import ENTRIES_MAX, Entries
from ingest.ledger.outcomes import ACCEPTED, Outcome, accepted, compare
from ingest.ledger.rows import Row
from ingest.parsing.events import Event, Fault
from ingest.parsing.parsed import Parsed
from stocktide.foundation.errors import TooLarge

__all__ = ["Ledger", "Outcome"]

Recorded = Mapping[bytes, Mapping[str, Any]]


@dataclass
class Ledger:
    """Appends events. Keeps what the database knows of surrogate keys; one a process, used by many threads."""

    half_life_h: float = 24.0
    create_on_first_sight: bool = False
    surrogates: Surrogates = field(default_factory=Surrogates)

    def __post_init__(self) -> None:
        self._sorter = Sorter(self.surrogates, create=self.create_on_first_sight)

    def append(self, connection: sa.Connection, parsed: Sequence[Event | Fault]) -> list[Outcome]:
        """Append each new event once, with the stock that it moves; the caller commits.

        Returns one Outcome an input, in order. An outcome holds only once the caller has committed.
        Raises TooLarge for more than ENTRIES_MAX / 2 inputs.
        """
        if len(parsed) > ENTRIES_MAX // 2:
            raise TooLarge(
                "batch_too_large", f"{len(parsed)} events at once; at most {ENTRIES_MAX // 2}."
            )
        batch = self._sorter.sort_out(connection, Parsed.of(parsed))
        entries = Entries(connection, half_life_s=self.half_life_h * 3600)
        sales = [(part.columns, np.array(part.places, dtype=np.int64)) for part in batch.sales]
        held = entries.append(sales, list(batch.rows.values()))
        outcomes = batch.outcomes
        outcomes |= _of_firsts(batch, held)
        outcomes |= _of_repeats(batch, _recorded(entries, held))
        outcomes |= self._of_corrections(entries, batch)
        return list(map(outcomes.__getitem__, range(len(parsed))))

    def prepared(self, parsed: Parsed) -> Parsed:
        """The same, with what can be made of it ahead; `append` makes the rest."""
        return self._sorter.prepared(parsed)

    def rows_by_heart(self, parsed: Sequence[Event | Fault]) -> list[Row] | None:
        """Rows of events that name nothing but what is known by heart; None where one of them does."""
        known = self.surrogates.by_heart()
        rows: list[Row] = []
        for place, item in enumerate(parsed):
            row = row_by_heart(item, known, place)
            if row is None:
                return None
            rows.append(row)
        return rows

    def _of_corrections(self, entries: Entries, batch: Batch) -> dict[int, Outcome]:
        """Corrections come after the other events of their batch, for they may mean one of them."""
        if not batch.corrections:
            return {}
        placed = [
            (place, correction, (source_id, correction.event_id))
            for place, correction, source_id in batch.corrections
        ]
        named = {correction.corrects_source for _, correction, _ in placed}
        sources = self.surrogates.sources_of(entries.connection, named)
        return dict(append_corrections(entries, placed, sources))


def _of_firsts(batch: Batch, held: Collection[bytes]) -> dict[int, Outcome]:
    """Outcomes of the first events whose identity was free."""
    found: dict[int, Outcome] = {}
    for part in batch.sales:
        new = map(Outcome, repeat(ACCEPTED), part.sales.source, part.sales.event_id)
        found.update(zip(part.places, new, strict=True))
        if held:
            for place, key in zip(part.places, part.columns.key, strict=True):
                if key in held:
                    del found[place]
    for key, row in batch.rows.items():
        if key not in held:
            found[row.place] = accepted(row.event)
    return found


def _of_repeats(batch: Batch, recorded: Recorded) -> dict[int, Outcome]:
    """Outcomes of what repeats an event, of an earlier batch or of its own."""
    found: dict[int, Outcome] = {}
    if recorded:
        for key, row in batch.rows.items():
            if key in recorded:
                found[row.place] = compare(row.event, recorded[key])
        for part in batch.sales:
            for place, event, key in part.among(recorded.keys()):
                found[place] = compare(event, recorded[key])
    own = batch.first_events({key for _, _, key in batch.later if key not in recorded})
    for place, event, key in batch.later:
        first = recorded[key] if key in recorded else msgspec.structs.asdict(own[key])
        found[place] = compare(event, first)
    return found


def _recorded(entries: Entries, held: Collection[bytes]) -> Recorded:
    if not held:
        return {}
    identities = {identity_of(key): key for key in held}
    return {
        identities[identity]: row for identity, row in entries.recorded(list(identities)).items()
    }
