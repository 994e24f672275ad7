"""The append-only ledger: a batch of parsed events in, an outcome for each out, in the caller's transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import msgspec
import numpy as np
import sqlalchemy as sa

from ingest.ledger.batch import Batch, Partitioner
from ingest.ledger.columns import identity_of
from ingest.ledger.corrections import append_corrections
from ingest.ledger.customers import Customers
from ingest.ledger.dimensions import Surrogates
from ingest.ledger.effects import pair_effects
from ingest.ledger.entries import ENTRIES_MAX, Entries
from ingest.ledger.outcomes import ACCEPTED, Outcome, accepted, compare
from ingest.parsing.events import Event, Fault
from ingest.parsing.sales import Parsed, PlainSales
from stocktide.foundation.errors import TooLarge

__all__ = ["Ledger", "Outcome"]

Recorded = Mapping[bytes, Mapping[str, Any]]
# An SQL file of the path, and what it binds.
Statement = tuple[str, Sequence[Any]]


@dataclass
class Ledger:
    """Appends events. Caches what the database knows of keys and pseudonyms; one a process, used by many threads."""

    customers: Customers
    half_life_h: float = 24.0
    create_on_first_sight: bool = False
    surrogates: Surrogates = field(default_factory=Surrogates)

    def __post_init__(self) -> None:
        self._partitioner = Partitioner(
            self.surrogates, self.customers, create=self.create_on_first_sight
        )

    @property
    def half_life_s(self) -> float:
        """Return the half-life of a sale's score in seconds."""
        return self.half_life_h * 3600

    def append(self, connection: sa.Connection, parsed: Sequence[Event | Fault]) -> list[Outcome]:
        """Append each new event once, with the stock that it moves; the caller commits.

        Returns one Outcome an input, in order. An outcome holds only once the caller has committed.
        Raises TooLarge for more than ENTRIES_MAX / 2 inputs.
        """
        if len(parsed) > ENTRIES_MAX // 2:
            raise TooLarge(
                "batch_too_large", f"{len(parsed)} events at once; at most {ENTRIES_MAX // 2}."
            )
        batch = self._partitioner.partition(connection, Parsed.of(parsed))
        entries = Entries(connection, half_life_s=self.half_life_s)
        sales = [(columns, np.array(part.index, dtype=np.int64)) for part, columns in batch.sales]
        held = entries.append(sales, list(batch.rows.values()))
        outcomes = batch.outcomes
        outcomes |= _of_firsts(batch, held)
        outcomes |= _of_repeats(batch, _recorded(entries, held))
        outcomes |= self._of_corrections(entries, batch)
        return list(map(outcomes.__getitem__, range(len(parsed))))

    def prepared(self, parsed: Parsed) -> Parsed:
        """Return the same, with what can be made of it ahead; `append` makes the rest."""
        return self._partitioner.prepared(parsed)

    def is_plain(self, parsed: Parsed) -> bool:
        """Return True if inputs are one set of plain sales whose keys are cached; `plain_statements` is for those."""
        known = [self._partitioner.is_known(sales) for sales in parsed.sales]
        return known == [True] and not parsed.others

    def plain_statements(self, sales: PlainSales) -> list[Statement] | None:
        """Return what appends new plain sales with the stock that they move, all or nothing, in one transaction.

        The statements are those of `append`, or do the same; a caller that cannot wait between them sends all at once.
        They refuse pseudonyms that were cached before an erasure. None where two have the same identity, or a key is
        not cached: `append` looks at those.
        """
        ahead = self._partitioner.encode(sales)
        if ahead is None or len(set(ahead.columns.key)) < len(ahead.columns):
            return None
        columns = ahead.columns
        effects = pair_effects(columns, half_life_s=self.half_life_s)
        of_customers = [("ingest/no_erasure", (ahead.erasures,))] if any(sales.customer_id) else []
        return [
            *of_customers,
            ("ingest/append_plain", columns.plain_arrays()),
            ("ingest/move_stock", effects.binds(half_life_s=self.half_life_s, refuse_late=True)),
        ]

    def _of_corrections(self, entries: Entries, batch: Batch) -> dict[int, Outcome]:
        """Append corrections after the other events of their batch, for they may mean one of them."""
        if not batch.corrections:
            return {}
        indexed = [
            (index, correction, (source_id, correction.event_id))
            for index, correction, source_id in batch.corrections
        ]
        named = {correction.corrects_source for _, correction, _ in indexed}
        sources = self.surrogates.sources_of(entries.connection, named)
        return append_corrections(entries, indexed, sources)


def _of_firsts(batch: Batch, held: Collection[bytes]) -> dict[int, Outcome]:
    """Return outcomes of the first events whose identity was free."""
    found: dict[int, Outcome] = {}
    for sales, columns in batch.sales:
        found.update(zip(sales.index, accepted_sales(sales), strict=True))
        if held:
            for index, key in zip(sales.index, columns.key, strict=True):
                if key in held:
                    del found[index]
    for key, row in batch.rows.items():
        if key not in held:
            found[row.index] = accepted(row.event)
    return found


def accepted_sales(sales: PlainSales) -> list[Outcome]:
    """Return the outcomes of sales that are all in the ledger now."""
    return list(map(Outcome, repeat(ACCEPTED), sales.source, sales.event_id))


def _of_repeats(batch: Batch, recorded: Recorded) -> dict[int, Outcome]:
    """Return outcomes of what repeats an event, of an earlier batch or of its own."""
    found: dict[int, Outcome] = {}
    if recorded:
        for key, row in batch.rows.items():
            if key in recorded:
                found[row.index] = compare(row.event, recorded[key])
        for index, event, key in batch.sales_of(recorded.keys()):
            found[index] = compare(event, recorded[key])
    own = batch.first_events({key for _, _, key in batch.later if key not in recorded})
    for index, event, key in batch.later:
        first = recorded[key] if key in recorded else msgspec.structs.asdict(own[key])
        found[index] = compare(event, first)
    return found


def _recorded(entries: Entries, held: Collection[bytes]) -> Recorded:
    if not held:
        return {}
    identities = {identity_of(key): key for key in held}
    return {
        identities[identity]: row for identity, row in entries.recorded(list(identities)).items()
    }
