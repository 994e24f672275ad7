"""A batch sorted out: the first event of each identity, what comes after it, and what has its outcome already."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from operator import itemgetter

import numpy as np
import sqlalchemy as sa

from ingest.ledger.columns import EntryColumns, Mask
from ingest.ledger.dimensions import Surrogates
from ingest.ledger.outcomes import Outcome, rejected
from ingest.ledger.rows import Row, RowEncoder, row_key
from ingest.parsing.events import Correction, Event, Fault, StockEvent
from ingest.parsing.instants import micros_of
from ingest.parsing.parsed import Item, Parsed
from ingest.parsing.plain_sales import PlainSales

Placed = tuple[int, Item]


@dataclass
class Sales:
    """Plain sales, where each stands in the batch, and their rows."""

    sales: PlainSales
    places: Sequence[int]
    columns: EntryColumns

    def kept(self, keep: Mask) -> "Sales":
        """Those where `keep`, shape (n,), is True."""
        places = list(compress(self.places, keep.tolist()))
        return Sales(self.sales.kept(keep), places, self.columns.kept(keep))

    def among(self, keys: Collection[bytes]) -> Iterator[tuple[int, StockEvent, bytes]]:
        """Place, event and key of those whose key is one of some."""
        return self.events(np.array([key in keys for key in self.columns.key]))

    def events(self, chosen: Mask) -> Iterator[tuple[int, StockEvent, bytes]]:
        """Place, event and key of those where `chosen`, shape (n,), is True."""
        for number in np.flatnonzero(chosen).tolist():
            yield self.places[number], self.sales.event(number), self.columns.key[number]


@dataclass
class Batch:
    """First events of identities: plain sales as columns, the others as rows by key.

    later: what comes after the first of its identity, with place and key. corrections: with place and source.
    outcomes: of what is refused without asking further, by place.
    """

    sales: Sales | None = None
    rows: dict[bytes, Row] = field(default_factory=dict)
    later: list[tuple[int, StockEvent, bytes]] = field(default_factory=list)
    corrections: list[tuple[int, Correction, int]] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def event_of(self, key: bytes) -> StockEvent:
        """The first event of an identity."""
        if key in self.rows or self.sales is None:
            return self.rows[key].event
        return next(event for _, event, _ in self.sales.among((key,)))


class Sorter:
    """Sorts batches out. Keeps what is encoded again and again; one a writer."""

    def __init__(self, surrogates: Surrogates, *, create: bool) -> None:
        """create: make products and locations that nobody told of."""
        self._surrogates = surrogates
        self._create = create
        self._encoder = RowEncoder()

    def sort_out(self, connection: sa.Connection, parsed: Parsed) -> Batch:
        """Sort out a batch; asks the database only for what is not known by heart."""
        batch = Batch()
        others = parsed.others
        if parsed.sales is not None:
            unknown = self._take_sales(batch, connection, parsed.sales, parsed.places)
            others = sorted([*others, *unknown], key=itemgetter(0)) if unknown else others
        self._take_others(batch, connection, others)
        return batch

    def _take_sales(
        self, batch: Batch, connection: sa.Connection, sales: PlainSales, places: Sequence[int]
    ) -> list[Placed]:
        """Give the sales to the batch; returns those that name what nobody knows, which are looked at one by one."""
        keys = self._keys(connection, sales)
        unknown: list[Placed] = []
        if any(None in column for column in keys):
            known = np.array([None not in row for row in zip(*keys, strict=True)])
            unknown = [(places[n], sales.event(n)) for n in np.flatnonzero(~known).tolist()]
            sales, places = sales.kept(known), list(compress(places, known.tolist()))
            keys = [list(compress(column, known.tolist())) for column in keys]
        if len(sales):
            columns = self._encoder.sales(
                sales, *(np.array(column, dtype=np.int32) for column in keys)
            )
            taken = Sales(sales, places, columns)
            if len(set(columns.key)) < len(columns):
                first = _firsts(columns.key)
                batch.later += taken.events(~first)
                taken = taken.kept(first)
            batch.sales = taken
        return unknown

    def _keys(self, connection: sa.Connection, sales: PlainSales) -> list[list[int | None]]:
        """Keys of the sales' sources, products and locations; None for what nobody knows."""

        def found(known: Surrogates.Resolved) -> list[list[int | None]]:
            return [
                list(map(known.sources.get, sales.source)),
                list(map(known.products.get, sales.product)),
                list(map(known.locations.get, sales.location)),
            ]

        keys = found(self._surrogates.by_heart())
        if not any(None in column for column in keys):
            return keys
        names = (set(sales.product), set(sales.location), set(sales.source))
        return found(self._surrogates.named(connection, *names, create=self._create))

    def _take_others(
        self, batch: Batch, connection: sa.Connection, others: Sequence[Placed]
    ) -> None:
        known = self._surrogates.by_heart()
        keys: Surrogates.Resolved | None = None
        of_sales = _places_of(batch.sales) if others else {}
        displaced: set[bytes] = set()
        for number, (place, item) in enumerate(others):
            row: Row | Correction | Fault | None = row_by_heart(item, known, place)
            if row is None:
                if keys is None:
                    keys = self._surrogates.resolve(
                        connection, [item for _, item in others[number:]], create=self._create
                    )
                row = _row_of(item, keys, place)
            if type(row) is Row:
                key = row_key(row)
                if key in batch.rows or of_sales.get(key, place) < place:
                    batch.later.append((place, row.event, key))
                else:
                    batch.rows[key] = row
                    displaced |= {key} & of_sales.keys()
            elif isinstance(row, Fault):
                batch.outcomes[place] = rejected(row)
            else:
                assert isinstance(row, Correction)  # noqa: S101 - nothing else is left
                assert keys is not None  # noqa: S101 - asked above
                batch.corrections.append((place, row, keys.sources[row.source]))
        if displaced and batch.sales is not None:
            keep = np.array([key not in displaced for key in batch.sales.columns.key])
            batch.later += batch.sales.events(~keep)
            batch.sales = batch.sales.kept(keep)


def row_by_heart(item: Item, known: Surrogates.Resolved, place: int) -> Row | None:
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


def _firsts(keys: Sequence[bytes]) -> Mask:
    """True where a key stands for the first time."""
    seen: set[bytes] = set()
    first = np.ones(len(keys), dtype=np.bool_)
    for number, key in enumerate(keys):
        if key in seen:
            first[number] = False
        seen.add(key)
    return first


def _places_of(sales: Sales | None) -> dict[bytes, int]:
    return {} if sales is None else dict(zip(sales.columns.key, sales.places, strict=True))
