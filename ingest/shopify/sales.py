"""Orders as sales and returns of the ledger, and what is named instead of recorded."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from ingest.shopify.codes import has_sku
from ingest.shopify.orders import ZERO, Line, Order
from ingest.shopify.rows import LeftOut, utc_text
from stocktide.domain.kinds import RETURN, SALE, EventKind

# An order in one of these states sold nothing.
VOID = ("voided", "expired")
REFUNDED = "refunded"
TIPS = ("tip", "tips")
CANCELLED, GIFT_CARD, TIP = "cancelled or voided", "gift card", "tip"
NOT_SHIPPED, NO_UNITS = "not shipped: a service or a download", "quantity 0"


@dataclass(frozen=True)
class Draft:
    """An event that a row should have in the ledger. key: what tells it from all others of its source."""

    key: str
    kind: EventKind
    time: str
    data: dict[str, Any]
    place: str = ""


class Sale(NamedTuple):
    """A line that is recorded: its sale, and its return where the whole order was paid back."""

    line: Line
    order: Order
    drafts: list[Draft]


@dataclass
class Sales:
    """What becomes of orders. left_out: lines by file and reason; amounts: their money by reason and currency.

    withdrawn: keys of lines that must not be in the ledger, or not any more. lines: number of lines of each order.
    """

    sales: list[Sale] = field(default_factory=list)
    left_out: Counter[LeftOut] = field(default_factory=Counter)
    amounts: defaultdict[tuple[str, str], Decimal] = field(
        default_factory=lambda: defaultdict(Decimal)
    )
    examples: dict[str, str] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    without_sku: set[str] = field(default_factory=set)

    def leave_out(self, reason: str, line: Line, order: Order) -> None:
        """Name a line that is not recorded."""
        self.left_out[line.row.file, reason] += 1
        self.amounts[reason, order.currency] += line.amount
        self.examples.setdefault(reason, f"{line.row.place}: {line.name}")
        self.withdrawn.append(key_of(order, line))


def key_of(order: Order, line: Line) -> str:
    """Return what a line is known by: the order's name, which all its rows have, and the line's number."""
    return f"{order.name}:{line.number}"


def sales_of(orders: Iterable[Order], *, gift_cards: Collection[str], location: str) -> Sales:
    """Return the sales of orders. location: of what was sold online. gift_cards: codes of products that are some."""
    found = Sales()
    for order in orders:
        found.lines[order.name] = len(order.lines)
        is_void = order.first.text("cancelled at") is not None or _status(order) in VOID
        for line in order.lines:
            reason = CANCELLED if is_void else _left_out(line, gift_cards)
            if reason is not None:
                found.leave_out(reason, line, order)
                continue
            if not has_sku(line.row.text("lineitem sku")):
                found.without_sku.add(line.code)
            found.sales.append(Sale(line, order, list(_drafts(order, line, location))))
    return found


def is_paid_back(order: Order) -> bool:
    """Return True if all of an order was paid back: of a part the export does not say which goods it was."""
    return _status(order) == REFUNDED and order.refunded >= order.total > ZERO


def _status(order: Order) -> str:
    return (order.first.text("financial status") or "").casefold()


def _left_out(line: Line, gift_cards: Collection[str]) -> str | None:
    """Return why a line is no goods that left the shelf, or None."""
    name = line.name.casefold()
    is_shipped = line.row.is_true("lineitem requires shipping")
    if line.code in gift_cards or (is_shipped is False and "gift card" in name):
        return GIFT_CARD
    if is_shipped is False and not has_sku(line.row.text("lineitem sku")) and name in TIPS:
        return TIP
    if is_shipped is False:
        return NOT_SHIPPED
    return NO_UNITS if line.quantity == ZERO else None


def _drafts(order: Order, line: Line, location: str) -> Iterator[Draft]:
    first = order.first
    data = {
        "product": line.code,
        "location": first.text("location") or location,
        "quantity": f"{line.quantity:f}",
        "price": f"{line.price:f}",
        # most lines come to just that, and are recorded faster without it
        "line_total": f"{line.amount:f}" if line.amount != line.gross else None,
        "currency": order.currency,
        "order_id": order.name,
        "order_line": line.number,
        "customer_id": _customer(first.text("email") or first.text("phone")),
        "channel": first.text("source"),
    }
    said = {name: value for name, value in data.items() if value is not None}
    time, key = utc_text(order.at), key_of(order, line)
    yield Draft(key, SALE, time, said, line.row.place)
    if is_paid_back(order):
        yield Draft(f"{key}:refund", RETURN, time, said, line.row.place)


def _customer(said: str | None) -> str | None:
    """Return the id of a customer, the same however it is written; the ledger keeps a pseudonym of it."""
    return None if said is None else said.removeprefix("'").casefold()
