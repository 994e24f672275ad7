"""Rows of Shopify's orders export put together as orders, over parts of an export and over overlapping exports."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from ingest.parsing.events import Fault
from ingest.shopify.allocation import allocated
from ingest.shopify.codes import code_of
from ingest.shopify.order_rows import Copy, copies_of
from ingest.shopify.rows import BadCell, Export, LeftOut, Refused, Row

ZERO = Decimal(0)
LATER, NO_LINE = "in a later export again", "no line of an order"


class Line(NamedTuple):
    """A line of an order. amount: what it comes to after its own discount and its share of the order's."""

    row: Row
    number: int
    code: str
    name: str
    quantity: Decimal
    price: Decimal
    amount: Decimal

    @property
    def gross(self) -> Decimal:
        """Return what it comes to before all discounts."""
        return self.quantity * self.price


@dataclass(frozen=True)
class Order:
    """An order with its money. other: what is in the total beside goods, shipping and taxes, such as duties.

    taxes: those that come on top of prices; with prices that include them, 0. adds_up: its lines and discounts are its
    subtotal. is_whole: they are so exactly, as they would not be if a line were missing.
    """

    name: str
    first: Row
    lines: Sequence[Line]
    at: datetime
    currency: str
    subtotal: Decimal
    shipping: Decimal
    taxes: Decimal
    included: Decimal
    other: Decimal
    total: Decimal
    refunded: Decimal
    adds_up: bool
    is_whole: bool

    @property
    def goods(self) -> Decimal:
        """Return what its lines come to."""
        return sum((line.amount for line in self.lines), ZERO)


class Waiting(NamedTuple):
    """What an order that is refused comes to by its own columns."""

    currency: str
    subtotal: Decimal
    total: Decimal


@dataclass
class Orders:
    """Orders that were read, the rows that are refused, and those that are left out, by file and reason.

    waiting: money of orders that are refused; unread: how many more of them do not even say what they come to.
    """

    orders: list[Order] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    waiting: list[Waiting] = field(default_factory=list)
    unread: int = 0

    def wait(self, first: Row, refused: Iterable[Refused]) -> None:
        """Refuse an order. first: its first row."""
        self.refused += refused
        try:
            subtotal = first.number_in("subtotal")
            total = first.number_in("total", subtotal)
        except BadCell:
            self.unread += 1
            return
        self.waiting.append(Waiting(first.text("currency") or "", subtotal, total))


def read_orders(exports: Sequence[Export], zone: str = "UTC") -> Orders:
    """Put the rows of orders exports together. Of an order in several exports the latest export counts.

    zone: of times without an offset.
    """
    found = Orders()
    copies = copies_of(exports, found.refused)
    for name, several in copies.items():
        several = _of_one(name, several, found)
        kept = several[-1]
        again = [row for copy in several if copy is not kept for row in copy.rows]
        found.left_out.update((row.file, LATER) for row in again)
        try:
            order = _order(name, kept.rows, zone)
        except BadCell as bad:
            found.wait(kept.rows[0], _whole(name, kept.rows, bad.fault))
            continue
        if (kept.at_end or kept.is_doubted) and not order.is_whole:
            found.wait(order.first, _incomplete(order))
        else:
            found.orders.append(order)
        found.left_out.update((row.file, NO_LINE) for row in kept.rows if not _has_line(row))
    return found


def _of_one(name: str, copies: Sequence[Copy], found: Orders) -> list[Copy]:
    """Return the copies of one order, the latest last. found: takes what has its name, and another Id."""
    by_age = sorted(copies, key=lambda copy: (copy.rows[0].text("created at") or "", copy.rank))
    # exports of before had no column for it
    own = next(filter(None, (copy.rows[0].text("id") for copy in by_age)), None)
    others = [copy for copy in copies if copy.rows[0].text("id") not in (own, None)]
    said = (
        f"order {name!r} is another than that of Id {own}. Import the exports of several shops apart, each with a name "
        "of its own (shop)."
    )
    for copy in others:
        faults = ((row, Fault("conflict", f"{row.place}: {said}", "id")) for row in copy.rows)
        found.wait(copy.rows[0], (Refused(row.raw, fault) for row, fault in faults))
    return sorted((copy for copy in copies if copy not in others), key=lambda copy: copy.rank)


def _order(name: str, rows: Sequence[Row], zone: str) -> Order:
    first = rows[0]
    money = {
        column: first.number_in(column, ZERO)
        for column in ("subtotal", "shipping", "taxes", "duties", "discount amount", "refunded amount")
    }  # fmt: skip
    lines = [_line(row, number) for number, row in enumerate(filter(_has_line, rows), start=1)]
    before = sum((line.amount for line in lines), ZERO)
    subtotal = first.number_in("subtotal")
    if (currency := first.text("currency")) is None:
        raise first.bad("missing_field", "currency", "'currency' is empty.")
    discount = before - subtotal
    if discount > 0:
        shares = allocated(discount, [line.amount for line in lines])
        lines = [
            line._replace(amount=line.amount - share)
            for line, share in zip(lines, shares, strict=True)
        ]
    total = first.number_in("total", subtotal + money["shipping"])
    beside = total - subtotal - money["shipping"]
    on_top = _on_top(beside, money["taxes"], money["duties"])
    all_discounts = sum((line.gross for line in lines), ZERO) - subtotal
    said = money["discount amount"] if first.text("discount amount") else discount
    # a code for free shipping is among the discounts, and not among those of lines
    ships_free = money["shipping"] == 0 and said >= all_discounts
    return Order(
        name,
        first,
        lines,
        first.instant("created at", zone),
        currency,
        subtotal,
        money["shipping"],
        on_top,
        money["taxes"] - on_top,
        beside - on_top,
        total,
        money["refunded amount"],
        adds_up=discount >= 0 and said >= min(discount, all_discounts),
        is_whole=discount >= 0 and (said in (discount, all_discounts) or ships_free),
    )


def _on_top(beside: Decimal, taxes: Decimal, duties: Decimal) -> Decimal:
    """Return the taxes that are in the total beside goods and shipping: all of them, or none if prices include them."""
    if beside in (ZERO, duties):
        return ZERO
    return taxes if beside >= taxes else ZERO


def _has_line(row: Row) -> bool:
    """Return True unless a row has no line, as the transaction of a refund."""
    return bool(row.text("lineitem name") or row.text("lineitem quantity"))


def _line(row: Row, number: int) -> Line:
    name = row.text("lineitem name") or ""
    quantity, price = row.number_in("lineitem quantity"), row.number_in("lineitem price")
    if quantity < 0:
        raise row.bad("not_positive", "lineitem quantity", f"a line of {quantity} units.")
    code = code_of(row.text("lineitem sku"), name)
    if not code:
        raise row.bad("missing_field", "lineitem sku", "a line with neither a SKU nor a name.")
    amount = quantity * price - row.number_in("lineitem discount", ZERO)
    return Line(row, number, code, name, quantity, price, amount)


def _whole(name: str, rows: Sequence[Row], fault: Fault) -> Iterator[Refused]:
    """Yield all rows of an order of which one cannot be read: a part of it would have a wrong sum."""
    said = f"{fault.message} Order {name!r} waits as a whole: fix the file, and import it again."
    return (Refused(row.raw, Fault(fault.reason, said, fault.field)) for row in rows)


def _incomplete(order: Order) -> Iterator[Refused]:
    gross = sum((line.gross for line in order.lines), ZERO)
    said = (
        f"the lines of order {order.name!r} come to {gross}, its Subtotal is {order.subtotal}, and discounts do not "
        "explain the difference: a line of it stands in the next part of the export, or among the broken rows of the "
        "file. Give all parts at once, or fix the rows."
    )
    for line in order.lines:
        why = f"{line.row.place}: {said}"
        yield Refused(line.row.raw, Fault("order_incomplete", why, "subtotal"))
