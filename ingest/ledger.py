"""The append-only ledger: a batch of parsed events in, an outcome for each out, in the caller's transaction."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from ingest.announcement import announce
from ingest.dimensions import Surrogates
from ingest.events import Fault, StockEvent
from stocktide.database import statement

OutcomeName = Literal["accepted", "duplicate", "conflict", "rejected"]

Identity = tuple[int, str]

# The names that a sender gave to what the record holds, where they differ.
SENDERS_NAME = {
    "quantity_milli": "quantity",
    "observed_milli": "counted/observed",
    "price_micros": "price",
    "counterparty": "supplier/device",
    "occurred_at": "time",
}


@dataclass(frozen=True)
class Outcome:
    """What became of one event."""

    name: OutcomeName
    source: str | None = None
    event_id: str | None = None
    fault: Fault | None = None


@dataclass
class Ledger:
    """Appends events. Keeps what the database knows of surrogate keys; one a process, used by many threads."""

    half_life_h: float = 24.0
    create_on_first_sight: bool = False
    surrogates: Surrogates = field(default_factory=Surrogates)

    def append(
        self, connection: sa.Connection, parsed: Sequence[StockEvent | Fault]
    ) -> list[Outcome]:
        """Append each new event once, with the stock that it moves; the caller commits.

        Returns one Outcome an input, in order. An outcome holds only once the caller has committed.
        """
        keys = self.surrogates.resolve(
            connection,
            [e for e in parsed if isinstance(e, StockEvent)],
            create=self.create_on_first_sight,
        )
        outcomes: list[Outcome | None] = []
        batch: dict[Identity, StockEvent] = {}
        repeats: list[tuple[int, Identity, StockEvent]] = []
        places: dict[Identity, int] = {}
        for index, item in enumerate(parsed):
            if isinstance(item, Fault):
                outcomes.append(_rejected(item))
                continue
            if unknown := keys.fault_of(item):
                outcomes.append(_rejected(unknown))
                continue
            identity = (keys.sources[item.source], item.event_id)
            outcomes.append(None)
            if identity in batch:
                repeats.append((index, identity, item))
            else:
                batch[identity] = item
                places[identity] = index
        hashes = {identity: event.payload_hash() for identity, event in batch.items()}
        new = self._write(connection, batch, hashes, keys)
        known = _recorded(connection, [identity for identity in batch if identity not in new])
        for identity, event in batch.items():
            outcomes[places[identity]] = (
                Outcome("accepted", event.source, event.event_id)
                if identity in new
                else _compare(event, hashes[identity], known[identity])
            )
        for index, identity, event in repeats:
            first = known.get(identity) or _as_recorded(batch[identity], hashes[identity])
            outcomes[index] = _compare(event, event.payload_hash(), first)
        return [outcome for outcome in outcomes if outcome is not None]

    def _write(
        self,
        connection: sa.Connection,
        batch: Mapping[Identity, StockEvent],
        hashes: Mapping[Identity, uuid.UUID],
        keys: "Surrogates.Resolved",
    ) -> set[Identity]:
        """Lock the pairs, append, refold counted pairs, tell the cache. Returns the identities that were new."""
        if not batch:
            return set()
        pairs = [(keys.products[e.product], keys.locations[e.location]) for e in batch.values()]
        pairs += [
            (keys.products[e.product], keys.locations[e.to_location])
            for e in batch.values()
            if e.to_location
        ]
        connection.execute(statement("ingest/lock_stock"), _pair_arrays(pairs))
        rows = connection.execute(
            statement("ingest/append"),
            {**_columns(batch, hashes, keys), "half_life_s": self.half_life_h * 3600},
        )
        new = {(row.source_id, row.event_id) for row in rows}
        counted = [
            (keys.products[e.product], keys.locations[e.location])
            for identity, e in batch.items()
            if e.kind == "stocktake" and identity in new
        ]
        if counted:
            connection.execute(statement("ingest/refold"), _pair_arrays(counted))
        if new:
            announce(connection, {keys.products[batch[identity].product] for identity in new})
        return new


def _rejected(fault: Fault) -> Outcome:
    return Outcome("rejected", fault.source, fault.event_id, fault)


def _pair_arrays(pairs: Sequence[tuple[int, int]]) -> dict[str, list[int]]:
    return {"product_ids": [p for p, _ in pairs], "location_ids": [o for _, o in pairs]}


def _columns(
    batch: Mapping[Identity, StockEvent],
    hashes: Mapping[Identity, uuid.UUID],
    keys: "Surrogates.Resolved",
) -> dict[str, list[Any]]:
    """Turn events into the arrays that the append statement unnests."""
    events = list(batch.values())
    plain = [name for name in StockEvent.__struct_fields__ if name not in NOT_COLUMNS]
    return {
        "source_id": [source_id for source_id, _ in batch],
        "payload_hash": [hashes[identity] for identity in batch],
        "product_id": [keys.products[e.product] for e in events],
        "location_id": [keys.locations[e.location] for e in events],
        "to_location_id": [
            keys.locations[e.to_location] if e.to_location else None for e in events
        ],
        **{name: [getattr(e, name) for e in events] for name in plain},
    }


NOT_COLUMNS = {"source", "product", "location", "to_location"}


@dataclass(frozen=True)
class _Recorded:
    """What stands in the ledger under an identity."""

    payload_hash: uuid.UUID
    fields: Mapping[str, Any]


def _recorded(
    connection: sa.Connection, identities: Sequence[Identity]
) -> dict[Identity, _Recorded]:
    if not identities:
        return {}
    rows = connection.execute(
        statement("ingest/recorded"),
        {"source_ids": [s for s, _ in identities], "event_ids": [e for _, e in identities]},
    )
    return {
        (row["source_id"], row["event_id"]): _Recorded(row["payload_hash"], dict(row))
        for row in rows.mappings()
    }


def _as_recorded(event: StockEvent, payload_hash: uuid.UUID) -> _Recorded:
    return _Recorded(payload_hash, msgspec.structs.asdict(event))


def _compare(event: StockEvent, payload_hash: uuid.UUID, recorded: _Recorded) -> Outcome:
    """The same payload again is a duplicate; another payload under the same identity a conflict, with its field."""
    if payload_hash == recorded.payload_hash:
        return Outcome("duplicate", event.source, event.event_id)
    differing = [name for name, value in _comparable(event) if recorded.fields.get(name) != value]
    field_name = SENDERS_NAME.get(differing[0], differing[0]) if differing else None
    message = (
        f"Event {event.event_id!r} of {event.source!r} is recorded already with another {field_name or 'payload'}. "
        "Send a correction as a new event with an id of its own."
    )
    return Outcome(
        "conflict",
        event.source,
        event.event_id,
        Fault("conflict", message, field_name, event.source, event.event_id),
    )


def _comparable(event: StockEvent) -> Iterable[tuple[str, Any]]:
    values: dict[str, datetime | str | int | bool | None] = msgspec.structs.asdict(event)
    return ((name, value) for name, value in values.items() if name not in ("source", "event_id"))
