"""A batch partitioned: the first event of each identity, what comes after it, and what has its outcome already."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np
import sqlalchemy as sa
from msgspec.structs import replace

from ingest.ledger.columns import Ahead, EntryColumns, sales_columns
from ingest.ledger.customers import Customers
from ingest.ledger.dimensions import Surrogates
from ingest.ledger.outcomes import Outcome, rejected
from ingest.ledger.own_numbers import number_fault, taken_numbers
from ingest.ledger.rows import Row, row_key
from ingest.parsing.events import Correction, Event, Fault, StockEvent
from ingest.parsing.numbers import micros_of
from ingest.parsing.sales import Item, Parsed, PlainSales

Indexed = tuple[int, Item]
# Sales with their rows.
Encoded = tuple[PlainSales, EntryColumns]


@dataclass
class Batch:
    """First events of identities: plain sales as columns, the others as rows by key.

    later: what comes after the first of its identity, with index and key. corrections: with index and source.
    outcomes: of what is refused without asking further, by index.
    """

    sales: list[Encoded] = field(default_factory=list)
    rows: dict[bytes, Row] = field(default_factory=dict)
    later: list[tuple[int, StockEvent, bytes]] = field(default_factory=list)
    corrections: list[tuple[int, Correction, int]] = field(default_factory=list)
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def sales_of(self, keys: Collection[bytes]) -> Iterator[tuple[int, StockEvent, bytes]]:
        """Yield index, event and key of the sales whose key is one of some."""
        if keys:
            for sales, columns in self.sales:
                yield from _events(sales, columns, [key in keys for key in columns.key])

    def first_events(self, keys: Collection[bytes]) -> dict[bytes, StockEvent]:
        """Return the first events of some identities, by key."""
        found = {key: self.rows[key].event for key in keys if key in self.rows}
        return found | {key: event for _, event, key in self.sales_of(keys)}

    def drop_repeats(self) -> None:
        """Keep the first sale of each identity among the sales; those after it come later."""
        distinct = {key for _, columns in self.sales for key in columns.key}
        if len(distinct) == sum(len(sales) for sales, _ in self.sales):
            return
        firsts: list[list[bool]] = []
        for _, columns in self.sales:
            firsts.append([])
            for key in columns.key:
                firsts[-1].append(key in distinct)
                distinct.discard(key)
        self.filter_sales(firsts)

    def filter_sales(self, keep: Sequence[Sequence[bool]]) -> None:
        """Keep some sales, and put the others to what comes later. keep: True or False for each of each part."""
        parts = self.sales
        self.sales = []
        for (sales, columns), staying in zip(parts, keep, strict=True):
            self.later += _events(sales, columns, [not stays for stays in staying])
            numbers = np.flatnonzero(staying).tolist()
            if numbers:
                self.sales.append((sales.take(numbers), columns.filter(np.array(staying))))


def _events(
    sales: PlainSales, columns: EntryColumns, chosen: Sequence[bool]
) -> Iterator[tuple[int, StockEvent, bytes]]:
    for number in np.flatnonzero(chosen).tolist():
        yield sales.index[number], sales.event(number), columns.key[number]


class Partitioner:
    """Partitions batches; asks the database only for keys that are not cached."""

    def __init__(self, surrogates: Surrogates, customers: Customers, *, create: bool) -> None:
        """create: make products and locations that nobody told of."""
        self._surrogates = surrogates
        self._customers = customers
        self._create = create

    def is_known(self, sales: PlainSales) -> bool:
        """Return True if all keys of sales are cached."""
        known = self._surrogates.cached
        return (
            known.sources.keys() >= set(sales.source)
            and known.products.keys() >= set(sales.product)
            and known.locations.keys() >= set(sales.location)
            and self._customers.is_cached(sales)
        )

    def encode(self, sales: PlainSales) -> Ahead | None:
        """Return the rows of sales; None where a key or a customer is not cached."""
        known = self._customers.cached
        named = self._customers.of_cached(sales, known)
        columns = None if named is None else _encode(named, self._surrogates.cached)
        if named is None or columns is None:
            return None
        return Ahead(columns, named.customer_id, known.erasures)

    def prepared(self, parsed: Parsed) -> Parsed:
        """Return the same, with the rows of sales made already, where their keys are cached.

        It saves time where it is called right after parsing, with all of it still in the processor's cache.
        """
        parts = []
        for sales in parsed.sales:
            ahead = self.encode(sales)
            packed = ahead and ahead._replace(columns=ahead.columns.packed())
            parts.append(replace(sales, encoded=packed))
        return Parsed(parsed.others, parts) if parts else parsed

    def partition(self, connection: sa.Connection, parsed: Parsed) -> Batch:
        """Partition a batch; creates what it may in the caller's transaction."""
        parsed = self._customers.pseudonymous(connection, parsed)
        batch = Batch()
        unknown = [item for part in parsed.sales for item in self._take(batch, connection, part)]
        batch.drop_repeats()
        others = parsed.others
        if unknown:
            others = sorted([*others, *unknown], key=itemgetter(0))
        if others:
            self._take_others(batch, connection, others)
        return batch

    def _take(self, batch: Batch, connection: sa.Connection, sales: PlainSales) -> list[Indexed]:
        """Give sales to the batch; returns those that name what nobody knows, which are looked at one by one."""
        if isinstance(sales.encoded, Ahead):
            columns: EntryColumns | None = sales.encoded.columns
        else:
            columns = _encode(sales, self._surrogates.cached)
        if columns is not None:
            batch.sales.append((sales, columns))
            return []
        names = (set(sales.product), set(sales.location), set(sales.source))
        keys = self._surrogates.named(connection, *names, create=self._create)
        known = [None not in row for row in zip(*_keys(sales, keys), strict=True)]
        part = sales.take(np.flatnonzero(known).tolist())
        columns = _encode(part, keys)
        if columns is not None and len(part):
            batch.sales.append((part, columns))
        return [(index, sales.event(n)) for n, index in enumerate(sales.index) if not known[n]]

    def _take_others(
        self, batch: Batch, connection: sa.Connection, others: Sequence[Indexed]
    ) -> None:
        known = self._surrogates.cached
        keys: Surrogates.Resolved | None = None
        of_sales = _indexes_of(batch.sales)
        displaced: set[bytes] = set()
        taken = taken_numbers(connection, (item for _, item in others))
        for number, (index, item) in enumerate(others):
            row: Row | Correction | Fault | None = _cached_row(item, known, index)
            if row is None:
                if keys is None:
                    keys = self._surrogates.resolve(
                        connection, [item for _, item in others[number:]], create=self._create
                    )
                row = _row_of(item, keys, index)
            if isinstance(row, Row) and taken:
                row = number_fault(row.event, taken) or row
            if type(row) is Row:
                key = row_key(row)
                if key in batch.rows or of_sales.get(key, index) < index:
                    batch.later.append((index, row.event, key))
                else:
                    batch.rows[key] = row
                    displaced |= {key} & of_sales.keys()
            elif isinstance(row, Fault):
                batch.outcomes[index] = rejected(row)
            else:
                assert isinstance(row, Correction)  # noqa: S101 - nothing else is left
                assert keys is not None  # noqa: S101 - asked above
                batch.corrections.append((index, row, keys.sources[row.source]))
        if displaced:
            batch.filter_sales(
                [[key not in displaced for key in columns.key] for _, columns in batch.sales]
            )


def _encode(sales: PlainSales, known: Surrogates.Resolved) -> EntryColumns | None:
    """Return the rows of sales; None where a key is missing."""
    keys = _keys(sales, known)
    if any(None in column for column in keys):
        return None
    source, product, location = (np.array(column, dtype=np.int32) for column in keys)
    return sales_columns(sales, (source, product, location))


def _keys(sales: PlainSales, known: Surrogates.Resolved) -> list[list[int | None]]:
    """Return columns of sources, products and locations; None for what is not known."""
    return [
        list(map(known.sources.get, sales.source)),
        list(map(known.products.get, sales.product)),
        list(map(known.locations.get, sales.location)),
    ]


def _cached_row(item: Item, known: Surrogates.Resolved, index: int) -> Row | None:
    """Return the row of an event that asks for no look-up, as nearly all do."""
    if type(item) is not StockEvent or item.unit is not None or item.to_location is not None:
        return None
    product_id = known.products.get(item.product)
    location_id = known.locations.get(item.location)
    source_id = known.sources.get(item.source)
    if product_id is None or location_id is None or source_id is None:
        return None
    at = micros_of(item.occurred_at)
    return Row(item, source_id, product_id, location_id, item.quantity_milli, at, index)


def _row_of(item: Event | Fault, keys: Surrogates.Resolved, index: int) -> Row | Correction | Fault:
    """Return the row of an event whose keys were asked for, or why it has none."""
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
        index,
        to_location_id,
    )


def _indexes_of(sales: Sequence[Encoded]) -> dict[bytes, int]:
    return {
        key: index
        for part, columns in sales
        for key, index in zip(columns.key, part.index, strict=True)
    }
