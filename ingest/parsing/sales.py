"""Plain sales and returns as columns: the events that come in thousands, checked all at once instead of one by one.

Plain is what fills the usual fields alone: no lot, no unit but the product's own, no reservation, no foreign
attributes. What is checked here is what the parser checks of each event; a column that fails says so by None, and the
parser then looks at the events one by one to say which, and why.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any, overload

import msgspec
from msgspec.structs import astuple, replace

from ingest.parsing.events import Event, Fault, NotAnEvent, StockEvent
from ingest.parsing.numbers import EPOCH, MICRO, MICROSECOND, MILLI, Scaled, moment_of
from stocktide.domain.kinds import RETURN, SALE
from stocktide.domain.own_sources import is_reserved
from stocktide.foundation.settings import Settings
from stocktide.foundation.stored_text import is_storable_json

Item = Event | Fault


class PlainSales(msgspec.Struct, frozen=True, eq=False, gc=False):
    """n plain sales and returns; each column has n elements.

    index: of each among its request's inputs. is_sale: False for a return. quantity_milli: the signed change of stock
    in thousandths. at: microseconds since PostgreSQL's epoch. price_micros: millionths. encoded: what the ledger
    made of them ahead, None where it made nothing.
    """

    index: Sequence[int]
    source: Sequence[str]
    event_id: Sequence[str]
    is_sale: Sequence[bool]
    product: Sequence[str]
    location: Sequence[str]
    quantity_milli: Sequence[int]
    at: Sequence[int]
    price_micros: Sequence[int | None]
    currency: Sequence[str | None]
    order_id: Sequence[str | None]
    order_line: Sequence[int | None]
    customer_id: Sequence[str | None]
    channel: Sequence[str | None]
    encoded: object = None

    def __len__(self) -> int:
        return len(self.event_id)

    def event(self, number: int) -> StockEvent:
        """Return one of them as an event."""
        return StockEvent(
            source=self.source[number],
            event_id=self.event_id[number],
            kind=SALE.name if self.is_sale[number] else RETURN.name,
            product=self.product[number],
            location=self.location[number],
            to_location=None,
            quantity_milli=self.quantity_milli[number],
            observed_milli=None,
            price_micros=self.price_micros[number],
            currency=self.currency[number],
            promotion=None,
            order_id=self.order_id[number],
            order_line=self.order_line[number],
            customer_id=self.customer_id[number],
            channel=self.channel[number],
            reason=None,
            counterparty=None,
            occurred_at=moment_of(self.at[number]),
        )

    def take(self, numbers: Sequence[int]) -> "PlainSales":
        """Return some of them, in the order of their numbers here."""
        columns = [[column[n] for n in numbers] for column in self._columns()]
        return PlainSales(*columns)

    def shifted(self, by: int) -> "PlainSales":
        """Return the same, so many inputs further on."""
        if isinstance(self.index, range):
            return replace(self, index=range(self.index.start + by, self.index.stop + by))
        return replace(self, index=[number + by for number in self.index])

    def is_storable(self) -> bool:
        """Return True if PostgreSQL can store all texts."""
        texts = (
            self.source,
            self.event_id,
            self.product,
            self.location,
            self.order_id,
            self.customer_id,
            self.channel,
        )
        return all(map(is_storable_json, filter(None, chain(*texts))))

    @classmethod
    def concat(cls, parts: Sequence["PlainSales"]) -> "PlainSales":
        """Return several as one, numbered in their order. parts: at least one."""
        columns = zip(*(part._columns() for part in parts), strict=True)
        _, *others = [list(chain.from_iterable(column)) for column in columns]
        return cls(range(len(others[0])), *others)

    def _columns(self) -> list[Sequence[Any]]:
        return list(astuple(self)[:-1])


class Parsed(Sequence[Item]):
    """A request's inputs in their order: plain sales as columns, everything else one by one.

    As a sequence it makes events of the columns when somebody asks for one. sales: the plain ones. others: what else
    there is, by index. Every index is one or the other's.
    """

    def __init__(
        self, others: Sequence[tuple[int, Item]], sales: Sequence[PlainSales] = ()
    ) -> None:
        self.others = others
        self.sales = sales
        self._size = len(others) + sum(map(len, sales))
        self._items: list[Item] | None = None

    @classmethod
    def of(cls, items: Iterable[Item]) -> "Parsed":
        """Return items one by one."""
        return items if isinstance(items, Parsed) else cls(list(enumerate(items)))

    @classmethod
    def concat(cls, parts: Sequence[Sequence[Item]]) -> "Parsed":
        """Return those of several requests, one after another."""
        if len(parts) == 1:
            return cls.of(parts[0])
        others: list[tuple[int, Item]] = []
        sales: list[PlainSales] = []
        start = 0
        for part in map(cls.of, parts):
            others += [(start + index, item) for index, item in part.others]
            sales += [one.shifted(start) for one in part.sales]
            start += len(part)
        return cls(others, sales)

    def newest(self, chosen: Sequence[bool] | None = None) -> datetime | None:
        """Return the latest time of stock events where `chosen`, by index, is True; None without any.

        chosen: None for all of them.
        """
        times = [
            item.occurred_at
            for index, item in self.others
            if (chosen is None or chosen[index]) and isinstance(item, StockEvent)
        ]
        for part in self.sales:
            at = part.at
            if chosen is not None:
                at = [one for one, index in zip(at, part.index, strict=True) if chosen[index]]
            if at:
                times.append(moment_of(max(at)))
        return max(times, default=None)

    def __len__(self) -> int:
        return self._size

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: int | slice) -> Item | list[Item]:
        """Return one, or some."""
        if self._items is None:
            found = dict(self.others)
            for part in self.sales:
                found |= {at: part.event(number) for number, at in enumerate(part.index)}
            self._items = [found[number] for number in range(len(found))]
        return self._items[index]


class SalesReader:
    """Reads decoded sales and returns into columns, under the limits of the settings. One a parser."""

    def __init__(
        self, settings: Settings, sale: type[Any], return_: type[Any], currencies: set[str]
    ) -> None:
        """sale, return_: the types of the decoded events. currencies: known codes; the parser adds to them."""
        self._sale = sale
        self._types = {sale, return_}
        self._earliest = settings.occurred_at_min
        self._currencies = currencies
        self._quantities = Scaled("quantity", MILLI, settings.quantity_max)
        self._prices = Scaled("price", MICRO, settings.price_max)
        self._amount_max = settings.amount_max * MILLI * MICRO

    def read(
        self, wholes: Sequence[Any], index: Sequence[int], latest: datetime, *, suspect: bool
    ) -> PlainSales | None:
        """Return columns of decoded events; None where one of them is not plain, or wrong.

        index: of each among the inputs. suspect: characters that cannot be stored may be among them.
        """
        types = set(map(type, wholes))
        if not wholes or not types <= self._types or not self._are_plain(wholes):
            return None
        source = [whole.source for whole in wholes]
        if any(map(is_reserved, set(source))):
            return None
        time = [whole.time for whole in wholes]
        if min(time) < self._earliest or max(time) > latest:
            return None
        data = [whole.data for whole in wholes]
        currency = [one.currency for one in data]
        if not self._currencies.issuperset(filter(None, currency)):
            return None
        try:
            amounts = [self._quantities[one.quantity] for one in data]
            price = [None if one.price is None else self._prices[one.price] for one in data]
        except NotAnEvent:
            return None
        if min(amounts) <= 0 or min(filter(None, price), default=0) < 0:
            return None
        # the largest of each, perhaps of two events: then each is looked at
        if max(amounts) * max(filter(None, price), default=0) > self._amount_max:
            return None
        is_sale = [type(whole) is self._sale for whole in wholes]
        sales = PlainSales(
            index=index,
            source=source,
            event_id=[whole.id for whole in wholes],
            is_sale=is_sale,
            product=[one.product for one in data],
            location=[one.location for one in data],
            quantity_milli=[
                (SALE.sign if sold else RETURN.sign) * amount
                for sold, amount in zip(is_sale, amounts, strict=True)
            ],
            at=[(one - EPOCH) // MICROSECOND for one in time],
            price_micros=price,
            currency=currency,
            order_id=[one.order_id for one in data],
            order_line=[one.order_line for one in data],
            customer_id=[one.customer_id for one in data],
            channel=[one.channel for one in data],
        )
        return None if suspect and not sales.is_storable() else sales

    def may_be_plain(self, item: Any) -> bool:
        """Return True if something is a decoded sale or return at all."""
        return type(item) in self._types

    def is_plain(self, whole: Any) -> bool:
        """Return True if a decoded event has the shape of a plain sale or return."""
        return type(whole) in self._types and self._are_plain([whole])

    def _are_plain(self, wholes: Sequence[Any]) -> bool:
        size = len(wholes)
        reserved = [w.data.reservation_id for w in wholes if type(w) is self._sale]
        return (
            [whole.data.unit for whole in wholes].count(None) == size
            and [whole.data.lot for whole in wholes].count(None) == size
            and [whole.data.line_total for whole in wholes].count(None) == size
            and reserved.count(None) == len(reserved)
        )
