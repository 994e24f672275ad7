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
from ingest.parsing.parsed import Item, Parsed, PlacedSales
from ingest.parsing.plain_sales import PlainSales

Placed = tuple[int, Item]
# Of n sales: columns of sources, products and locations; None for what nobody knows.
Keys = list[list[int | None]]


@dataclass(frozen=True)
class KeyedSales(PlacedSales):
    """Plain sales whose surrogate keys are found, with their rows."""

    columns: EntryColumns

    def kept(self, keep: Mask) -> "KeyedSales":
        """Those where `keep`, shape (n,), is True."""
        places = list(compress(self.places, keep.tolist()))
        return KeyedSales(self.sales.kept(keep), places, self.columns.kept(keep))

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

    sales: list[KeyedSales] = field(default_factory=list)
    rows: dict[bytes, Row] = field(default_factory=dict)
    later: list[tuple[int, StockEvent, bytes]] = field(default_factory=list)
    corrections: list[tuple[int, Correction, int]] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def first_events(self, keys: Collection[bytes]) -> dict[bytes, StockEvent]:
        """The first events of some identities, by key."""
        found = {key: self.rows[key].event for key in keys if key in self.rows}
        for part in self.sales:
            found |= {key: event for _, event, key in part.among(keys)}
        return found


class Sorter:
    """Sorts batches out. Keeps what is encoded again and again; one a writer."""

    def __init__(self, surrogates: Surrogates, *, create: bool) -> None:
        """create: make products and locations that nobody told of."""
        self._surrogates = surrogates
        self._create = create
        self._encoder = RowEncoder()

    def prepared(self, parsed: Parsed) -> Parsed:
        """The same, with the rows of sales made already, where their keys are known by heart.

        It saves time where it is called right after parsing, with all of it still at hand.
        """
        known = self._surrogates.by_heart()
        parts = [self._keyed(part, _keys(part.sales, known)) or part for part in parsed.sales]
        return Parsed(parsed.others, parts) if parts else parsed

    def sort_out(self, connection: sa.Connection, parsed: Parsed) -> Batch:
        """Sort out a batch; asks the database only for what is not known by heart."""
        batch = Batch()
        unknown = [item for part in parsed.sales for item in self._take(batch, connection, part)]
        _part_repeats(batch)
        others = parsed.others
        if unknown:
            others = sorted([*others, *unknown], key=itemgetter(0))
        self._take_others(batch, connection, others)
        return batch

    def _take(self, batch: Batch, connection: sa.Connection, part: PlacedSales) -> list[Placed]:
        """Give sales to the batch; returns those that name what nobody knows, which are looked at one by one."""
        if isinstance(part, KeyedSales):
            batch.sales.append(part)
            return []
        keyed = self._keyed(part, _keys(part.sales, self._surrogates.by_heart()))
        if keyed is not None:
            batch.sales.append(keyed)
            return []
        sales = part.sales
        names = (set(sales.product), set(sales.location), set(sales.source))
        keys = _keys(sales, self._surrogates.named(connection, *names, create=self._create))
        known = np.array([None not in row for row in zip(*keys, strict=True)])
        places = list(compress(part.places, known.tolist()))
        keys = [list(compress(column, known.tolist())) for column in keys]
        keyed = self._keyed(PlacedSales(sales.kept(known), places), keys)
        if keyed is not None and places:
            batch.sales.append(keyed)
        return [(part.places[n], sales.event(n)) for n in np.flatnonzero(~known).tolist()]

    def _keyed(self, part: PlacedSales, keys: Keys) -> KeyedSales | None:
        """Sales with their rows; None where a key is missing."""
        if any(None in column for column in keys):
            return None
        columns = self._encoder.sales(
            part.sales, *(np.array(column, dtype=np.int32) for column in keys)
        )
        return KeyedSales(part.sales, part.places, columns)

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
        if displaced:
            _part_sales(
                batch, [[key not in displaced for key in p.columns.key] for p in batch.sales]
            )


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


def _keys(sales: PlainSales, known: Surrogates.Resolved) -> Keys:
    return [
        list(map(known.sources.get, sales.source)),
        list(map(known.products.get, sales.product)),
        list(map(known.locations.get, sales.location)),
    ]


def _part_repeats(batch: Batch) -> None:
    """Leave the first sale of each identity among the sales; those after it come later."""
    distinct = {key for part in batch.sales for key in part.columns.key}
    if len(distinct) == sum(len(part.columns) for part in batch.sales):
        return
    firsts: list[list[bool]] = []
    for part in batch.sales:
        firsts.append([])
        for key in part.columns.key:
            firsts[-1].append(key in distinct)
            distinct.discard(key)
    _part_sales(batch, firsts)


def _part_sales(batch: Batch, stay: Sequence[Sequence[bool]]) -> None:
    """Keep the sales that stay, and put the others to what comes later. stay: of each part, shape (n,)."""
    parts = []
    for part, staying in zip(batch.sales, stay, strict=True):
        keep = np.array(staying, dtype=np.bool_)
        batch.later += part.events(~keep)
        if keep.any():
            parts.append(part.kept(keep))
    batch.sales = parts


def _places_of(sales: Sequence[KeyedSales]) -> dict[bytes, int]:
    return {
        key: place
        for part in sales
        for key, place in zip(part.columns.key, part.places, strict=True)
    }
