"""A line of the order desk, and what each decision makes of it: pure rules, without a database.

A run proposes, a buyer decides. What a buyer set stays until the buyer changes it; a line that was ordered is cancelled
by a person or stays; nothing else ends it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Literal

from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.errors import Conflict, Invalid

# approved: by all who must; the order is made in the same transaction, so no line is stored as such.
State = Literal[
    "proposed", "snoozed", "waiting", "approved", "ordered", "rejected", "withdrawn", "cancelled"
]
OPEN: tuple[State, ...] = ("proposed", "snoozed", "waiting")
# What becomes of goods of ours that were sent and have not come.
Rest = Literal["returned", "lost"]
# How far ahead a line can be put off.
UNTIL_DAYS_MAX = 366
# As `asked_by` names who decides: a key, with or without whom it says to speak for; else a person who is signed in.
ASKED = re.compile(r"(?:(?P<name>.*) \(key (?P<named_key>.*)\)|key (?P<key>.*)|(?P<person>.*))")


@dataclass(frozen=True)
class Line:
    """A line. Quantities are thousandths of a unit; price_micros of one unit.

    proposed_milli: of the last run. buyer_milli: set by a buyer, None as proposed. version: counts changes. source: the
    location of ours that sends it, and nothing is paid; None where it is bought.
    """

    line_id: int
    supplier: str
    product: str
    location: str
    state: State
    proposed_milli: int
    buyer_milli: int | None = None
    snoozed_until: date | None = None
    approved_by: str | None = None
    price_micros: int | None = None
    currency: str | None = None
    order_id: str | None = None
    order_line: int | None = None
    ordered_milli: int | None = None
    version: int = 1
    source: str | None = None

    @property
    def transfer_id(self) -> str:
        """Return under which name goods of ours are in transit once they are ordered."""
        return f"{self.order_id}-{self.order_line}"

    @property
    def quantity_milli(self) -> int:
        """Return what would be ordered: the buyer's word before the run's."""
        return self.proposed_milli if self.buyer_milli is None else self.buyer_milli

    @property
    def amount_micros(self) -> int | None:
        """Return what it costs, None where no price is known."""
        if self.price_micros is None:
            return None
        return round(self.quantity_milli * self.price_micros / 1000)

    @property
    def is_touched(self) -> bool:
        """Return True if a buyer has decided something about it that a run must leave alone."""
        return self.buyer_milli is not None or self.state != "proposed"


@dataclass(frozen=True)
class Decision:
    """What a person does to a line. seen: the version of the line that was decided on.

    quantity_milli: for change; for split, what is ordered now. until: for snooze; for split, when the rest comes up.
    rest: for cancel of a transfer; None as returned. by_rule: nobody looked at it; it then stays clear of all that
    people have decided, or must.
    """

    action: Literal["change", "approve", "split", "reject", "snooze", "wake", "cancel"]
    by: str
    seen: int
    reason: str | None = None
    quantity_milli: int | None = None
    until: date | None = None
    by_rule: bool = False
    rest: Rest | None = None


def decide(line: Line, decision: Decision, *, today: date, needs_second: bool) -> Line:
    """Return the line after a decision. `approved` means that its order is to be made.

    needs_second: the amount asks for two approvers. Raises Conflict if the line is not as it was seen, or not in a
    state for it; Invalid if the decision lacks something.
    """
    if line.version != decision.seen:
        raise Conflict(
            "line_changed",
            f"Line {line.line_id} has changed since you saw it: it is {line.state} now, "
            f"{in_full(line.quantity_milli / 1000)} of {line.product} for {line.location}. Look again, then decide.",
            line_id=line.line_id,
            version=line.version,
        )
    rule = _RULES[decision.action]
    if line.state not in rule.states:
        raise Conflict(
            "line_state",
            f"Line {line.line_id} is {line.state}; only lines that are {' or '.join(rule.states)} can be "
            f"{rule.done}.",
            line_id=line.line_id,
        )
    if rule.needs_reason and not (decision.reason or "").strip():
        raise Invalid(
            "reason", f"Say why line {line.line_id} is {rule.done}: it is kept with the line."
        )
    return replace(rule.apply(line, decision, today, needs_second), version=line.version + 1)


def propose(
    line: Line,
    *,
    supplier: str,
    proposed_milli: int,
    price_micros: int | None,
    currency: str | None,
    source: str | None = None,
) -> Line:
    """Return the line after a run proposed again. What a buyer decided stays as it is.

    A quantity that a buyer set or approved stays with its supplier and its price, for they were decided on together. A
    proposal of nothing withdraws a line that no buyer has touched.
    """
    new = replace(line, proposed_milli=proposed_milli)
    if line.buyer_milli is None:
        new = replace(
            new, supplier=supplier, source=source, price_micros=price_micros, currency=currency
        )
    if not line.is_touched:
        new = replace(new, state="proposed" if proposed_milli else "withdrawn")
    return line if new == line else replace(new, version=line.version + 1)


def wake(line: Line, *, today: date) -> Line:
    """Return a snoozed line whose day has come as an open one, any other as it is."""
    if line.state != "snoozed" or (line.snoozed_until is not None and line.snoozed_until > today):
        return line
    return replace(line, state="proposed", snoozed_until=None, version=line.version + 1)


def _change(line: Line, decision: Decision, _today: date, _second: bool) -> Line:
    if decision.quantity_milli is None or decision.quantity_milli < 0:
        raise Invalid(
            "quantity", f"Line {line.line_id}: give the quantity, from 0, in units of the product."
        )
    # a changed amount is to be approved again
    return replace(
        line,
        buyer_milli=decision.quantity_milli,
        state="proposed",
        approved_by=None,
        snoozed_until=None,
    )


def _approve(line: Line, decision: Decision, _today: date, needs_second: bool) -> Line:
    if line.quantity_milli == 0:
        raise Invalid(
            "quantity", f"Line {line.line_id} orders nothing; reject it, or give a quantity."
        )
    if decision.by_rule and (needs_second or line.is_touched):
        raise Conflict(
            "needs_a_person",
            f"Line {line.line_id} is left to people: {decision.by} approves nothing that they decided, or must.",
            line_id=line.line_id,
        )
    if line.state == "waiting" and is_one_approver(line.approved_by or "", decision.by):
        raise Conflict(
            "second_approver",
            f"Line {line.line_id} waits for a second approver, and {line.approved_by} has approved it already. "
            "A key is one approver, whomever it names: sign in on the page, or use a key of somebody else.",
            line_id=line.line_id,
        )
    if needs_second and line.state != "waiting":
        # the second approves what the first saw
        return replace(
            line,
            state="waiting",
            approved_by=decision.by,
            buyer_milli=line.quantity_milli,
            snoozed_until=None,
        )
    first = line.approved_by or decision.by
    return replace(line, state="approved", approved_by=first, snoozed_until=None)


def is_one_approver(first: str, second: str) -> bool:
    """Return True if two approvals are of one: the same key, or the same name however it is written.

    Whom a key says to speak for nobody can check.
    """
    (name, key), (other, other_key) = _name_and_key(first), _name_and_key(second)
    return (key is not None and key == other_key) or (name is not None and name == other)


def _name_and_key(by: str) -> tuple[str | None, str | None]:
    found = ASKED.fullmatch(by)
    parts = {} if found is None else found.groupdict()
    name = parts.get("name") or parts.get("person")
    return name and name.strip().casefold(), parts.get("named_key") or parts.get("key")


def ordered(line: Line, *, order_id: str, order_line: int) -> Line:
    """Return an approved line as it stands in its order."""
    quantity = line.quantity_milli
    return replace(
        line, state="ordered", order_id=order_id, order_line=order_line, ordered_milli=quantity
    )


def _split(line: Line, decision: Decision, today: date, needs_second: bool) -> Line:
    """Order a part now; what is left is `rest_of`."""
    now = decision.quantity_milli or 0
    if not 0 < now < line.quantity_milli:
        raise Invalid(
            "quantity",
            f"Line {line.line_id}: order a part of {in_full(line.quantity_milli / 1000)} now, above 0 and below all "
            "of it.",
        )
    if decision.until is None or decision.until <= today:
        raise Invalid(
            "until", f"Line {line.line_id}: say from which day after {today} the rest is due."
        )
    _check_not_far(line, decision.until, today)
    if needs_second:
        raise Conflict(
            "second_approver",
            f"Line {line.line_id} needs two people, and a split orders at once: change its quantity instead.",
            line_id=line.line_id,
        )
    return replace(
        line, buyer_milli=now, state="approved", approved_by=decision.by, snoozed_until=None
    )


def _check_not_far(line: Line, until: date, today: date) -> None:
    """Raise Invalid for a day so far ahead that nobody would see the line again: no run opens another meanwhile."""
    if (latest := today + timedelta(days=UNTIL_DAYS_MAX)) < until:
        raise Invalid(
            "until",
            f"Line {line.line_id}: {until} is too far ahead; until {latest} at most, a year. No other line is opened "
            "meanwhile: reject what is not needed.",
        )


def _reject(line: Line, _decision: Decision, _today: date, _second: bool) -> Line:
    return replace(line, state="rejected", snoozed_until=None)


def _snooze(line: Line, decision: Decision, today: date, _second: bool) -> Line:
    if decision.until is None or decision.until <= today:
        raise Invalid("until", f"Snooze line {line.line_id} until a day after {today}.")
    _check_not_far(line, decision.until, today)
    return replace(line, state="snoozed", snoozed_until=decision.until, approved_by=None)


def _wake(line: Line, _decision: Decision, _today: date, _second: bool) -> Line:
    return replace(line, state="proposed", snoozed_until=None)


def _cancel(line: Line, _decision: Decision, _today: date, _second: bool) -> Line:
    return replace(line, state="cancelled")


@dataclass(frozen=True)
class _Rule:
    """From which states a decision may be made, what it is called when done, and what it makes of a line."""

    states: tuple[State, ...]
    done: str
    apply: Callable[[Line, Decision, date, bool], Line]
    needs_reason: bool = False


_RULES: Mapping[str, _Rule] = {
    "change": _Rule(OPEN, "changed", _change, needs_reason=True),
    "approve": _Rule(OPEN, "approved", _approve),
    "split": _Rule(("proposed", "snoozed"), "split", _split),
    "reject": _Rule(OPEN, "rejected", _reject, needs_reason=True),
    "snooze": _Rule(OPEN, "snoozed", _snooze),
    "wake": _Rule(("snoozed",), "woken", _wake),
    "cancel": _Rule(("ordered",), "cancelled", _cancel, needs_reason=True),
}


def shown(line: Line) -> dict[str, Any]:
    """Return what the history keeps of a line before and after a decision."""
    return {
        "state": line.state,
        "supplier": line.supplier,
        "price": None if line.price_micros is None else line.price_micros / 1e6,
        "currency": line.currency,
        "proposed": line.proposed_milli / 1000,
        "quantity": line.quantity_milli / 1000,
        "buyer": None if line.buyer_milli is None else line.buyer_milli / 1000,
        "snoozed_until": line.snoozed_until and line.snoozed_until.isoformat(),
        "approved_by": line.approved_by,
        "order_id": line.order_id,
        "version": line.version,
    }
