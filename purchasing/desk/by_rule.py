"""Lines that are as always are approved by rule, so that people see the exceptions."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from purchasing.desk.lines import Decision, Line
from purchasing.desk.shell import LINE_FIELDS, Desk
from stocktide.foundation.database import statement

# Of so many last orders of a pair the middle is the usual one.
LAST_ORDERS = 8
# What a line has to know for certain: who sells it, and how long it takes.
CERTAIN = ("supplier", "lead")
GUESSED = ("default", "nobody")


@dataclass(frozen=True)
class ApprovalRule:
    """What is approved without a person. amount_micros_max: of a line, in the chain's currency.

    factor_max: how many times the usual order a line may be; None: any.
    """

    name: str
    amount_micros_max: int
    factor_max: float | None

    @property
    def by(self) -> str:
        """Return who stands in the history for it."""
        return f"rule {self.name}"


@dataclass(frozen=True)
class Candidate:
    """A line that a rule may approve. rate: of its currency in the chain's, None where nobody knows it."""

    line: Line
    explanation: Mapping[str, Any]
    rate: float | None = None
    usual_milli: float | None = None


def why_not(rule: ApprovalRule, candidate: Candidate) -> str | None:
    """Return why a line needs a person; None where it needs none."""
    line, told = candidate.line, candidate.explanation
    if line.is_touched:
        return "a buyer has decided about it"
    if line.amount_micros is None or candidate.rate is None:
        return "its cost is not known"
    if line.amount_micros * float(candidate.rate) > rule.amount_micros_max:
        return "it costs more than the rule lets through"
    if told.get("doubt") is not None:
        return "its stock is in doubt"
    guessed = [
        one for one in CERTAIN if str(told.get("from", {}).get(one, GUESSED[0])).startswith(GUESSED)
    ]
    if guessed:
        return f"nobody has said its {' and '.join(guessed)}"
    if rule.factor_max is None:
        return None
    if candidate.usual_milli is None:
        return "it was never ordered before"
    if line.quantity_milli > rule.factor_max * float(candidate.usual_milli):
        return "it is more than is usually ordered"
    return None


def decisions_of(
    connection: sa.Connection, desk: Desk, rule: ApprovalRule, *, today: date | None = None
) -> dict[str, dict[int, Decision]]:
    """Return the approvals that a rule makes of the newest run's lines, by supplier and line: for `Desk.decide`.

    What needs two people is left to them whatever the rule says.
    """
    found: dict[str, dict[int, Decision]] = defaultdict(dict)
    for one in read_candidates(connection, desk, today or datetime.now(UTC).date()):
        line = one.line
        if why_not(rule, one) is None and not desk.needs_second(line, one.rate):
            decision = Decision("approve", rule.by, line.version, by_rule=True)
            found[line.supplier][line.line_id] = decision
    return found


def read_candidates(connection: sa.Connection, desk: Desk, today: date) -> list[Candidate]:
    """Return lines of the newest run that no person has decided anything about, by supplier."""
    binds = {"currency": desk.currency, "today": today, "orders": LAST_ORDERS}
    rows = connection.execute(statement("purchasing/desk/rule_candidates"), binds).mappings()
    return [
        Candidate(
            Line(**{name: row[name] for name in LINE_FIELDS}),
            row["explanation"],
            row["rate"],
            row["usual_milli"],
        )
        for row in rows
    ]
