"""Customers by pseudonym: the ids of senders are replaced before anything of an event is written.

A process caches the pseudonyms that it has seen. An erasure anywhere is numbered; whoever writes compares the newest
number with the one that its cache is of, in the transaction that writes, and forgets what it cached when they differ.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import sqlalchemy as sa
from msgspec.structs import replace

from ingest.ledger.columns import Ahead
from ingest.ledger.entries import raw_cursor
from ingest.parsing.events import Fault, StockEvent
from ingest.parsing.sales import Item, Parsed, PlainSales
from stocktide.foundation.customer_keys import CustomerKeys
from stocktide.foundation.customers import (
    Cursor,
    check_key,
    keep_fields,
    known_customers,
    make_customers,
)
from stocktide.foundation.database import sql

# So many are cached, about 20 MB; when there are more, all are looked up again.
CACHED_MAX = 200_000
Pseudonyms = Mapping[str, str]
Indexed = tuple[int, Item]


@dataclass(frozen=True)
class Known:
    """Pseudonyms by the senders' ids, as they were after so many erasures."""

    erasures: int = 0
    pseudonyms: dict[str, str] = field(default_factory=dict)


class Customers:
    """Pseudonyms of customers. One a process, used by many threads."""

    def __init__(
        self, keys: Callable[[], CustomerKeys], personal_attributes: Iterable[str] = ()
    ) -> None:
        """keys: read when the first customer comes, for many installations have none."""
        self._read_keys = keys
        self._personal = frozenset(filter(None, map(str.strip, personal_attributes)))
        # replaced as a whole, never changed otherwise than by adding
        self.cached = Known()
        self._is_checked = False

    @cached_property
    def keys(self) -> CustomerKeys:
        """Return the keys of this installation."""
        return self._read_keys()

    def is_cached(self, sales: PlainSales) -> bool:
        """Return True if all customers of sales are cached."""
        return self.cached.pseudonyms.keys() >= set(filter(None, sales.customer_id))

    def of_cached(self, sales: PlainSales, known: Known) -> PlainSales | None:
        """Return sales with pseudonyms of what was cached; None where one was not."""
        try:
            return _renamed(sales, known.pseudonyms) if any(sales.customer_id) else sales
        except KeyError:
            return None

    def pseudonymous(self, connection: sa.Connection, parsed: Parsed) -> Parsed:
        """Return a batch with pseudonyms; makes the customers that are new in the caller's transaction.

        Raises Fatal where the database's customers were made under another key.
        """
        others, told = self._without_personal(parsed.others)
        ids = {event.customer_id for _, event in others if isinstance(event, StockEvent)}
        if not any(ids) and not any(any(part.customer_id) for part in parsed.sales):
            return Parsed(others, parsed.sales)
        cursor = raw_cursor(connection)
        known = self._refresh(cursor)
        for part in parsed.sales:
            if not _is_ready(part, known.erasures):
                ids.update(part.customer_id)
        pseudonyms = self._pseudonyms(cursor, known, {one for one in ids if one is not None})
        sales = [_named(part, pseudonyms, known.erasures) for part in parsed.sales]
        # in one order for all writers
        for pseudonym, fields in sorted((pseudonyms[one], fields) for one, fields in told.items()):
            keep_fields(cursor, self.keys, pseudonym, fields)
        renamed_others = [
            (index, renamed(item, pseudonyms) if isinstance(item, StockEvent) else item)
            for index, item in others
        ]
        return Parsed(renamed_others, sales)

    def impersonal(self, event: Item) -> tuple[Item, dict[str, str]]:
        """Return an event without the attributes that hold personal data, and these."""
        if isinstance(event, Fault) or event.attributes is None or not self._personal:
            return event, {}
        values = json.loads(event.attributes)
        taken = {name: str(values.pop(name)) for name in self._personal & values.keys()}
        if not taken:
            return event, {}
        left = json.dumps(values, ensure_ascii=False) if values else None
        return replace(event, attributes=left), taken

    def _without_personal(
        self, others: Sequence[Indexed]
    ) -> tuple[Sequence[Indexed], dict[str, dict[str, str]]]:
        """Return events without personal attributes, and these by the customer that an event names."""
        if not self._personal:
            return others, {}
        told: dict[str, dict[str, str]] = {}
        left: list[Indexed] = []
        for index, item in others:
            impersonal, taken = self.impersonal(item)
            left.append((index, impersonal))
            if taken and isinstance(item, StockEvent) and item.customer_id is not None:
                told.setdefault(item.customer_id, {}).update(taken)
        return left, told

    def found(self, connection: sa.Connection, ids: Collection[str]) -> dict[str, str]:
        """Return the pseudonyms of those that are known, and make none."""
        cursor = raw_cursor(connection)
        return self._found(cursor, self._refresh(cursor), sorted(ids))

    def fresh(self) -> "Customers":
        """Return the same with an empty cache, for a trial that is rolled back."""
        return Customers(self._read_keys, self._personal)

    def _refresh(self, cursor: Cursor) -> Known:
        """Forget what was cached before the newest erasure; returns what is cached then."""
        newest = cursor.execute(sql("ingest/last_erasure").encode(), prepare=True).fetchall()[0][0]
        known = self.cached
        if newest != known.erasures or len(known.pseudonyms) > CACHED_MAX:
            known = self.cached = Known(newest)
        return known

    def _pseudonyms(self, cursor: Cursor, known: Known, ids: Collection[str]) -> Pseudonyms:
        cached = known.pseudonyms
        # sorted, so that two writers meet new ones in one order
        missing = sorted(one for one in ids if one not in cached)
        if not missing:
            return cached
        self._is_checked = self._is_checked or check_key(cursor, self.keys)
        found = self._found(cursor, known, missing)
        new = [one for one in missing if one not in found]
        if new:
            found |= make_customers(cursor, self.keys, new)
        return {**{one: cached[one] for one in ids if one in cached}, **found}

    def _found(self, cursor: Cursor, known: Known, ids: Sequence[str]) -> dict[str, str]:
        found = known_customers(cursor, self.keys, ids)
        # what this transaction made goes if it is rolled back
        known.pseudonyms.update((one, pseudonym) for one, pseudonym, is_kept in found if is_kept)
        return {one: pseudonym for one, pseudonym, _ in found}


def renamed(event: StockEvent, pseudonyms: Pseudonyms) -> StockEvent:
    """Return an event with the pseudonym for the sender's id, also where an attribute repeats that."""
    if event.customer_id is None:
        return event
    pseudonym = pseudonyms[event.customer_id]
    attributes = event.attributes
    if attributes is not None:
        values = json.loads(attributes)
        repeats = {name: pseudonym for name, said in values.items() if said == event.customer_id}
        if repeats:
            attributes = json.dumps(values | repeats, ensure_ascii=False)
    return replace(event, customer_id=pseudonym, attributes=attributes)


def _is_ready(sales: PlainSales, erasures: int) -> bool:
    """Return True if rows were made of sales ahead, and no customer was erased since."""
    return isinstance(sales.encoded, Ahead) and sales.encoded.erasures == erasures


def _named(sales: PlainSales, pseudonyms: Pseudonyms, erasures: int) -> PlainSales:
    """Return sales with pseudonyms, and what was made of them ahead where that still holds."""
    if isinstance(sales.encoded, Ahead) and _is_ready(sales, erasures):
        return replace(sales, customer_id=sales.encoded.customers)
    return replace(_renamed(sales, pseudonyms), encoded=None) if any(sales.customer_id) else sales


def _renamed(sales: PlainSales, pseudonyms: Pseudonyms) -> PlainSales:
    ids = [None if one is None else pseudonyms[one] for one in sales.customer_id]
    return replace(sales, customer_id=ids)
