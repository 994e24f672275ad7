"""Plain sales and returns as columns: the events that come in thousands, checked all at once instead of one by one.

Plain is what fills the usual fields alone: no lot, no unit but the product's own, no reservation, no foreign
attributes. What is checked here is what the parser checks of each event; a column that fails says so by None, and the
parser then looks at the events one by one to say which, and why.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.parsing.events import StockEvent
from ingest.parsing.faults import NotAnEvent
from ingest.parsing.instants import EPOCH, MICROSECOND, micros_of, moment_of
from ingest.parsing.numbers import MICRO, MILLI, Scaled
from stocktide.domain.kinds import RETURN, SALE
from stocktide.foundation.settings import Settings


@dataclass(frozen=True)
class PlainSales:
    """n plain sales and returns. Each list has n elements, each array shape (n,).

    is_sale: False for a return. quantity_milli: int64, the signed change of stock in thousandths. at: int64,
    microseconds since PostgreSQL's epoch. price_micros: millionths.
    """

    source: list[str]
    event_id: list[str]
    is_sale: NDArray[np.bool_]
    product: list[str]
    location: list[str]
    quantity_milli: NDArray[np.int64]
    at: NDArray[np.int64]
    price_micros: list[int | None]
    currency: list[str | None]
    order_id: list[str | None]
    order_line: list[int | None]
    customer_id: list[str | None]
    channel: list[str | None]

    def __len__(self) -> int:
        return len(self.event_id)

    def event(self, number: int) -> StockEvent:
        """One of them as an event."""
        return StockEvent(
            source=self.source[number],
            event_id=self.event_id[number],
            kind=SALE.name if self.is_sale[number] else RETURN.name,
            product=self.product[number],
            location=self.location[number],
            to_location=None,
            quantity_milli=int(self.quantity_milli[number]),
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
            occurred_at=moment_of(int(self.at[number])),
        )

    def kept(self, keep: NDArray[np.bool_]) -> "PlainSales":
        """Those of them where `keep`, shape (n,), is True."""
        chosen = keep.tolist()
        kept: dict[str, Any] = {
            name: list(compress(column, chosen)) if isinstance(column, list) else column[keep]
            for name, column in vars(self).items()
        }
        return PlainSales(**kept)


class SalesReader:
    """Reads decoded sales and returns into columns, under the limits of the settings. One a parser."""

    def __init__(self, settings: Settings, sale: type[Any], return_: type[Any]) -> None:
        """sale, return_: the types of the decoded events."""
        self._sale = sale
        self._types = {sale, return_}
        self._earliest = micros_of(settings.occurred_at_min)
        self._quantities = Scaled("quantity", MILLI, settings.quantity_max)
        self._prices = Scaled("price", MICRO, settings.price_max)

    def read(
        self, wholes: Sequence[Any], latest: datetime, currencies: Iterable[str]
    ) -> PlainSales | None:
        """Columns of decoded events; None where one of them is not plain, or wrong. currencies: that are known."""
        if not wholes or not set(map(type, wholes)) <= self._types:
            return None
        data = [whole.data for whole in wholes]
        if not self._are_plain(wholes, data):
            return None
        at = np.array([(whole.time - EPOCH) // MICROSECOND for whole in wholes], dtype=np.int64)
        if at.min() < self._earliest or at.max() > micros_of(latest):
            return None
        currency = [one.currency for one in data]
        if not {code for code in set(currency) if code is not None} <= set(currencies):
            return None
        try:
            quantity = [self._quantities[one.quantity] for one in data]
            price = [None if one.price is None else self._prices[one.price] for one in data]
        except NotAnEvent:
            return None
        if min(quantity) <= 0 or any(one is not None and one < 0 for one in set(price)):
            return None
        is_sale = np.array([type(whole) is self._sale for whole in wholes])
        return PlainSales(
            source=[whole.source for whole in wholes],
            event_id=[whole.id for whole in wholes],
            is_sale=is_sale,
            product=[one.product for one in data],
            location=[one.location for one in data],
            quantity_milli=np.where(is_sale, SALE.sign, RETURN.sign)
            * np.array(quantity, dtype=np.int64),
            at=at,
            price_micros=price,
            currency=currency,
            order_id=[one.order_id for one in data],
            order_line=[one.order_line for one in data],
            customer_id=[one.customer_id for one in data],
            channel=[one.channel for one in data],
        )

    def may_be_plain(self, item: Any) -> bool:
        """Tell whether something is a decoded sale or return at all."""
        return type(item) in self._types

    def is_plain(self, whole: Any) -> bool:
        """Tell whether a decoded event has the shape of a plain sale or return."""
        return type(whole) in self._types and self._are_plain([whole], [whole.data])

    def _are_plain(self, wholes: Sequence[Any], data: Sequence[Any]) -> bool:
        size = len(data)
        return (
            [one.unit for one in data].count(None) == size
            and [one.lot for one in data].count(None) == size
            and all(
                one.reservation_id is None
                for whole, one in zip(wholes, data, strict=True)
                if type(whole) is self._sale
            )
        )
