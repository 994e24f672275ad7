"""Events as CloudEvents 1.0 in JSON, the form that POST /v1/events takes."""

from datetime import date
from typing import NamedTuple

import msgspec
import numpy as np

from data.arrays import MILLI
from data.chain import CURRENCY, Chain
from data.events import CHANNELS, KINDS, RETURN, Events
from data.schema import (
    Adjustment,
    CloudEvent,
    Correction,
    Data,
    Order,
    OrderLine,
    Price,
    Reading,
    Receipt,
    Stocktake,
    Transfer,
)
from data.terms import cost_of

PRICES_SOURCE = "/head-office/prices"
ORDERS_SOURCE = "/head-office/orders"
NEVER_CAME = "the supplier cannot deliver"
EPOCH = date(1970, 1, 1).toordinal()


class _Row(NamedTuple):
    """One event of Events, without its time."""

    kind: int
    pair: int
    quantity: int
    price: int
    number: int
    line: int
    customer: int
    channel: int
    to_pair: int
    purchase: int
    expected_on: int


class EventEncoder:
    """Encodes rows of Events, each to one line of JSON without the line end.

    tag is part of every id; with it a live feed keeps its ids apart from the history's. Purchase orders up to the
    number last_order are the history's own, which a live feed receives: they have no tag.
    """

    def __init__(self, chain: Chain, *, tag: str = "", last_order: int = 0) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._tag, self._last_order = tag, last_order
        self._sku = [chain.products[i].sku for i in chain.product_of]
        self._shop = [chain.shops[i].code for i in chain.shop_of]
        self._cost = [cost_of(chain.products[i]) for i in chain.product_of]
        self._department = [chain.departments[i] for i in chain.department_of]
        # In the order of KINDS.
        self._makers = (
            self._order_line, self._order_line, self._receipt, self._transfer,
            self._adjustment, self._stocktake, self._reading, self._price,
            self._purchase, self._cancellation,
        )  # fmt: skip

    def lines(self, events: Events) -> list[bytes]:
        """Encode all rows, in their order."""
        instants = events.time.astype("datetime64[s]")
        return self.lines_at(events, np.datetime_as_string(instants).tolist())

    def lines_at(self, events: Events, times: list[str]) -> list[bytes]:
        """Encode all rows with other times: ISO 8601 in UTC, without the final Z."""
        columns = [getattr(events, name).tolist() for name in _Row._fields]
        rows = map(_Row._make, zip(*columns, strict=True))
        return [self._encode(self._event(t, row)) for t, row in zip(times, rows, strict=True)]

    def _event(self, time: str, row: _Row) -> CloudEvent:
        event_id, source, data = self._makers[row.kind](row)
        return CloudEvent("1.0", event_id, source, KINDS[row.kind].type, f"{time}Z", data)

    def _order_line(self, row: _Row) -> tuple[str, str, Data]:
        sku, shop = self._sku[row.pair], self._shop[row.pair]
        order = f"{shop}-{self._tag}{row.number:06d}"
        data = OrderLine(
            product=sku,
            location=shop,
            quantity=milli_number(row.quantity),
            price=row.price / 1e6,
            currency=CURRENCY,
            order_id=order,
            order_line=row.line,
            channel=CHANNELS[row.channel],
            customer_id=f"C{row.customer:05d}" if row.customer else msgspec.UNSET,
        )
        suffix = "-R" if row.kind == RETURN else ""
        return f"{order}-{row.line}{suffix}", f"/shops/{shop}/till", data

    def _stockroom(self, letter: str, row: _Row) -> tuple[str, str]:
        """Return id and source of what the stockroom books."""
        shop = self._shop[row.pair]
        return f"{shop}-{self._tag}{letter}{row.number:06d}", f"/shops/{shop}/stockroom"

    def _receipt(self, row: _Row) -> tuple[str, str, Data]:
        data = Receipt(
            product=self._sku[row.pair],
            location=self._shop[row.pair],
            quantity=milli_number(row.quantity),
            supplier=self._department[row.pair].supplier,
            order_id=self._order_id(row.pair, row.purchase),
            order_line=row.line,
        )
        return *self._stockroom("D", row), data

    def _purchase(self, row: _Row) -> tuple[str, str, Data]:
        order = self._order_id(row.pair, row.number)
        data = Order(
            product=self._sku[row.pair],
            location=self._shop[row.pair],
            quantity=milli_number(row.quantity),
            supplier=self._department[row.pair].supplier,
            order_id=order,
            order_line=row.line,
            cost=self._cost[row.pair],
            currency=CURRENCY,
            expected_on=str(date.fromordinal(EPOCH + row.expected_on)),
        )
        return f"{order}-{row.line}", ORDERS_SOURCE, data

    def _cancellation(self, row: _Row) -> tuple[str, str, Data]:
        line = f"{self._order_id(row.pair, row.number)}-{row.line}"
        return f"{line}-cancelled", ORDERS_SOURCE, Correction(line, NEVER_CAME)

    def _order_id(self, pair: int, number: int) -> str:
        """Return the name of a purchase order; the department in it keeps it apart from the order desk's own."""
        tag = self._tag if number > self._last_order else ""
        return f"PO-{self._department[pair].code}-{tag}{number:06d}"

    def _transfer(self, row: _Row) -> tuple[str, str, Data]:
        data = Transfer(
            product=self._sku[row.pair],
            location=self._shop[row.pair],
            to_location=self._shop[row.to_pair],
            quantity=milli_number(row.quantity),
        )
        return *self._stockroom("T", row), data

    def _adjustment(self, row: _Row) -> tuple[str, str, Data]:
        spoilt = "expired" if self._department[row.pair].code == "FR" else "damaged"
        data = Adjustment(
            product=self._sku[row.pair],
            location=self._shop[row.pair],
            quantity=milli_number(row.quantity),
            reason=spoilt if row.quantity < 0 else "free_goods",
        )
        return *self._stockroom("A", row), data

    def _stocktake(self, row: _Row) -> tuple[str, str, Data]:
        counted = milli_number(row.quantity)
        data = Stocktake(self._sku[row.pair], self._shop[row.pair], counted)
        return *self._stockroom("C", row), data

    def _reading(self, row: _Row) -> tuple[str, str, Data]:
        shop = self._shop[row.pair]
        device = f"sensor-{shop}-{row.line}"
        data = Reading(self._sku[row.pair], shop, milli_number(row.quantity), device)
        return f"{device}-{self._tag}{row.number:06d}", f"/shops/{shop}/shelf/{row.line}", data

    def _price(self, row: _Row) -> tuple[str, str, Data]:
        price, promotion = row.price / 1e6, bool(row.quantity)
        data = Price(self._sku[row.pair], self._shop[row.pair], price, CURRENCY, promotion)
        return f"P{self._tag}{row.number:06d}", PRICES_SOURCE, data


def milli_number(quantity_milli: int) -> float:
    """Write thousandths as a JSON number: an integer where it is one, else at most 3 decimals."""
    whole, rest = divmod(quantity_milli, MILLI)
    return quantity_milli / MILLI if rest else whole
