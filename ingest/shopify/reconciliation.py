"""Sums of an orders export beside those of the ledger, to the cent, one a currency."""

from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from ingest.shopify.orders import Order, Orders
from ingest.shopify.sales import Sales, is_paid_back
from stocktide.domain.kinds import SALE
from stocktide.foundation.database import statement

ZERO = Decimal(0)
CENT = Decimal("0.01")
REFUSED = "refused, and kept until the file is fixed"
ORDERS_AT_ONCE = 20_000


@dataclass
class Sums:
    """Money of one currency. file: sums of the export's own columns; recorded: what the ledger holds of its orders.

    left_out: by reason. returned: what the ledger paid back; refunded: what the file did, of which the goods of
    refunded orders are `returned`, their shipping and taxes `refunded_beside`, and the rest is of unknown goods.
    """

    file: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    lines: int = 0
    units: Decimal = ZERO
    recorded_lines: int = 0
    recorded_units: Decimal = ZERO
    recorded: Decimal = ZERO
    returned: Decimal = ZERO
    refunded_beside: Decimal = ZERO
    left_out: dict[str, Decimal] = field(default_factory=dict)
    orders: int = 0

    @property
    def difference(self) -> Decimal:
        """Return what the file's goods come to beside what is recorded or named."""
        return self.file["subtotal"] - self.recorded - sum(self.left_out.values(), ZERO)

    @property
    def ours(self) -> Decimal:
        """Return the total that follows from what is recorded and named."""
        goods = self.recorded + sum(self.left_out.values(), ZERO)
        return goods + sum((self.file[name] for name in ("shipping", "taxes", "other")), ZERO)

    @property
    def refunds_unknown(self) -> Decimal:
        """Return what was paid back without that the file says for which goods."""
        return self.file["refunded"] - self.returned - self.refunded_beside

    def as_dict(self) -> dict[str, Any]:
        """Return the sums for machines: amounts as text, to the cent."""
        amounts = {
            "subtotal_file": self.file["subtotal"],
            "recorded": self.recorded,
            **{f"left_out: {reason}": amount for reason, amount in self.left_out.items()},
            "difference": self.difference,
            "gross": self.file["gross"],
            "discounts": self.file["discounts"],
            "shipping": self.file["shipping"],
            "taxes": self.file["taxes"],
            "taxes_included": self.file["included"],
            "other": self.file["other"],
            "total_file": self.file["total"],
            "total": self.ours,
            "total_difference": self.file["total"] - self.ours,
            "refunded": self.file["refunded"],
            "returned": self.returned,
            "refunded_shipping_and_taxes": self.refunded_beside,
            "refunded_of_unknown_goods": self.refunds_unknown,
        }
        counts = {"orders": self.orders, "lines": self.lines, "units": f"{self.units.normalize():f}",
                  "recorded_lines": self.recorded_lines,
                  "recorded_units": f"{self.recorded_units.normalize():f}"}  # fmt: skip
        return {**counts, **{name: in_cents(amount) for name, amount in amounts.items()}}


def sums_of(read: Orders, sales: Sales) -> dict[str, Sums]:
    """Return the sums of files by currency, as if all of their sales were recorded."""
    found: defaultdict[str, Sums] = defaultdict(Sums)
    for order in read.orders:
        sums = found[order.currency]
        gross = sum((line.gross for line in order.lines), ZERO)
        sums.orders += 1
        sums.lines += len(order.lines)
        sums.units += sum((line.quantity for line in order.lines), ZERO)
        for name, amount in (
            ("subtotal", order.subtotal), ("shipping", order.shipping), ("taxes", order.taxes),
            ("included", order.included), ("other", order.other), ("total", order.total),
            ("refunded", order.refunded), ("gross", gross), ("discounts", gross - order.goods),
        ):  # fmt: skip
            sums.file[name] += amount
    returned: defaultdict[str, Decimal] = defaultdict(Decimal)
    paid_back: dict[str, Order] = {}
    for sale in sales.sales:
        order, sums = sale.order, found[sale.order.currency]
        sums.recorded_lines += 1
        sums.recorded_units += sale.line.quantity
        sums.recorded += sale.line.amount
        if is_paid_back(order):
            sums.returned += sale.line.amount
            returned[order.name] += sale.line.amount
            paid_back[order.name] = order
    for name, order in paid_back.items():
        found[order.currency].refunded_beside += order.refunded - returned[name]
    for (reason, currency), amount in sales.amounts.items():
        found[currency].left_out[reason] = amount
    for currency, subtotal, total in read.waiting:
        sums = found[currency]
        sums.orders += 1
        sums.left_out[REFUSED] = sums.left_out.get(REFUSED, ZERO) + subtotal
        for name, amount in (("subtotal", subtotal), ("total", total), ("other", total - subtotal)):
            sums.file[name] += amount
    return dict(found)


def count_refused(sums: Mapping[str, Sums], sales: Sales, refused: Set[str]) -> None:
    """Count sales whose events are refused as such. refused: keys of drafts that are no events."""
    for sale in sales.sales:
        if refused.isdisjoint(draft.key for draft in sale.drafts if draft.kind is SALE):
            continue
        one = sums[sale.order.currency]
        one.left_out[REFUSED] = one.left_out.get(REFUSED, ZERO) + sale.line.amount
        one.recorded -= sale.line.amount
        one.recorded_lines -= 1
        one.recorded_units -= sale.line.quantity


def prove(engine: sa.Engine, source: str, sums: Mapping[str, Sums], orders: Sequence[str]) -> None:
    """Put what the ledger holds in the place of what was to be recorded."""
    for one in sums.values():
        one.recorded, one.returned = ZERO, ZERO
        one.recorded_lines, one.recorded_units = 0, ZERO
    with engine.connect() as connection:
        for start in range(0, len(orders), ORDERS_AT_ONCE):
            binds = {"source": source, "orders": list(orders[start : start + ORDERS_AT_ONCE])}
            for row in connection.execute(statement("ingest/recorded_sums"), binds):
                _add(sums, row)


def _add(sums: Mapping[str, Sums], row: Any) -> None:
    if (one := sums.get(row.currency)) is None:
        return
    if row.daily == "sold":
        one.recorded += row.amount
        one.recorded_lines += row.lines
        one.recorded_units += row.units
    else:
        one.returned -= row.amount


def in_cents(amount: Decimal) -> str:
    """Return an amount with two decimals, or as many as it has."""
    return f"{amount.quantize(CENT) if amount == amount.quantize(CENT) else amount.normalize():f}"
