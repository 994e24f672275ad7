"""What one approver orders alone: above the limit two approve, however an order is split into lines and requests."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from purchasing.desk.lines import Line, is_one_approver
from stocktide.domain.exact_numbers import MICRO_PLACES, in_full
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import orders_lock

# So long what somebody ordered alone counts with what they order next: a working day with no midnight in it to wait
# for, and less than a day, so that the order of the next morning is another one.
ALONE_HOURS = 20
# So long a price that the approver set counts as the one before.
OWN_PRICE_DAYS = 7
# As the name of a rule begins in the history: nobody looked at what it approved.
RULE = "rule "


class SetPrice(NamedTuple):
    """A price of a supplier's product that was set in the last OWN_PRICE_DAYS (is_new), or the last one before.

    micros: of a unit, as it was set; worth: in the chain's currency, None where no rate is known. is_list: of any
    quantity; False: of a price break.
    """

    by: str
    at: datetime
    is_new: bool
    in_force: bool
    is_list: bool
    micros: int | None
    worth: float | None


@dataclass(frozen=True)
class Limit:
    """From which amount of one order of one approver on two approve, in the chain's currency.

    ordered: by supplier, who ordered lately without a second, and for how much. prices: by supplier and product.
    """

    from_micros: int
    currency: str | None = None
    ordered: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    prices: Mapping[tuple[str, str], Sequence[SetPrice]] = field(default_factory=dict)

    def amount(self, line: Line, rate: Any, by: str) -> float | None:
        """Return what a line counts if `by` approves it; None where nobody but them says what it costs."""
        if line.amount_micros is None or rate is None:
            return None
        own = line.amount_micros * float(rate)
        prices = self.prices.get((line.supplier, line.product), ())
        if not own_price(prices, by):
            return own
        others = [
            one.worth
            for one in prices
            if one.is_list and one.worth is not None and not (one.is_new and _is_one(one.by, by))
        ]
        return max(own, line.quantity_milli * max(others) / 1000) if others else None

    def is_reached(self, line: Line, rate: Any, by: str) -> bool:
        """Return True if a line by itself asks for two; an amount that nobody can tell does."""
        if line.source is not None:
            return False
        amount = self.amount(line, rate, by)
        return amount is None or amount >= self.from_micros

    def alone(self, supplier: str, by: str) -> float:
        """Return for how much an approver ordered from a supplier lately without a second."""
        return sum(amount for who, amount in self.ordered.get(supplier, ()) if _is_one(who, by))

    def needing(self, asked: Iterable[tuple[Line, Any, str]]) -> dict[int, str]:
        """Return which of the lines that are approved together need a second approver, by number, and why.

        asked: a line, the rate of its currency and who approves it. A line that reaches the limit by itself does not
        count with the others, for it is not ordered alone.
        """
        why: dict[int, str] = {}
        fresh: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        for line, rate, by in asked:
            if line.source is not None or line.state == "waiting":
                continue
            amount = self.amount(line, rate, by)
            if amount is None or self.is_reached(line, rate, by):
                why[line.line_id] = self._line_words(line, amount, by)
            else:
                fresh[line.supplier, by].append((line.line_id, amount))
        for (supplier, by), lines in fresh.items():
            now = sum(
                amount
                for (of, who), some in fresh.items()
                for _, amount in some
                if of == supplier and _is_one(who, by)
            )
            before = self.alone(supplier, by)
            if before + now >= self.from_micros:
                said = self._together_words(supplier, by, before, now)
                why.update((number, said) for number, _ in lines)
        return why

    def _together_words(self, supplier: str, by: str, before: float, now: float) -> str:
        lately = (
            f", of which {in_full(before / 1e6, 2)} were ordered in the last {ALONE_HOURS} hours"
            if before
            else ""
        )
        return f"{by} would order {self._money(before + now)} from {supplier} alone{lately}: {self._two()}."

    def _line_words(self, line: Line, amount: float | None, by: str) -> str:
        prices = self.prices.get((line.supplier, line.product), ())
        if own := own_price(prices, by):
            before = price_before(prices, by)
            told = (
                f"{own.by} set its price lately, and nobody else has"
                if before is None
                else f"it counts at {in_full(before / 1e6, MICRO_PLACES)}, the price before {own.by} set it"
            )
            return f"Line {line.line_id}: {told}; {self._two()}."
        why = "Where an amount is not known, and " if amount is None else ""
        said = f"{why}{self._two()}."
        return said[:1].upper() + said[1:]

    def _two(self) -> str:
        return f"from {self._money(self.from_micros)} on two people approve"

    def _money(self, micros: float) -> str:
        return f"{in_full(micros / 1e6, 2)} {self.currency or ''}".rstrip()


def own_price(prices: Sequence[SetPrice], by: str) -> SetPrice | None:
    """Return the price that an approver set lately, the newest; None where they set none."""
    mine = [one for one in prices if one.is_new and _is_one(one.by, by)]
    return max(mine, key=lambda one: (one.in_force, one.at), default=None)


def price_before(prices: Sequence[SetPrice], by: str) -> int | None:
    """Return what a unit costs at most but for prices that an approver set lately; None where no other is known."""
    others = [
        one.micros
        for one in prices
        if one.is_list and one.micros is not None and not (one.is_new and _is_one(one.by, by))
    ]
    return max(others, default=None)


def price_set(prices: Sequence[SetPrice], by: str) -> dict[str, Any] | None:
    """Return for the history that an approver set a price lately, and what a unit cost before; None: they did not."""
    own, before = own_price(prices, by), price_before(prices, by)
    if own is None:
        return None
    return {
        "by": own.by,
        "at": own.at.isoformat(),
        "before": None if before is None else before / 1e6,
    }


def read_ordered_alone(
    connection: sa.Connection, suppliers: Collection[str], *, currency: str | None
) -> dict[str, list[tuple[str, float]]]:
    """Return by supplier who ordered lately with one approver, and for how much in the chain's currency, millionths."""
    binds = {
        "suppliers": sorted(suppliers),
        "hours": ALONE_HOURS,
        "currency": currency,
    }
    found: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row in connection.execute(statement("purchasing/desk/ordered_alone"), binds):
        found[row.supplier].append((row.approved_by, row.micros))
    return found


def lock_suppliers(connection: sa.Connection, suppliers: Collection[str]) -> None:
    """Let one desk at a time order from some suppliers until the caller commits: two requests at once are one sum."""
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    for supplier in sorted(suppliers):
        connection.execute(lock, {"name": orders_lock(supplier)})


def read_set_prices(
    connection: sa.Connection, lines: Collection[int], *, currency: str | None, today: date
) -> dict[tuple[str, str], list[SetPrice]]:
    """Return the prices of what some lines order that were set lately, with the last ones before."""
    binds = {"lines": list(lines), "days": OWN_PRICE_DAYS, "currency": currency, "today": today}
    found: dict[tuple[str, str], list[SetPrice]] = defaultdict(list)
    for row in connection.execute(statement("purchasing/desk/set_prices"), binds):
        found[row.supplier, row.product].append(SetPrice(*row[2:]))
    return found


def _is_one(first: str, second: str) -> bool:
    """Return True if two count as one approver. Rules count with everybody: people set them."""
    return first.startswith(RULE) or second.startswith(RULE) or is_one_approver(first, second)
