"""Lines that are as always are approved by rule, so that people see the exceptions."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from purchasing.desk.approval_rules import ApprovalRule, Rules
from purchasing.desk.history import LINE_FIELDS
from purchasing.desk.limit import Limit
from purchasing.desk.lines import Decision, Line
from purchasing.desk.pricing import Steps, price_of, read_steps
from purchasing.desk.shell import Desk
from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.database import statement

# Of so many last orders of a pair the middle is the usual one.
LAST_ORDERS = 8
# What a line has to know for certain: who sells it, and how long it takes.
CERTAIN = ("supplier", "lead")
GUESSED = ("default", "nobody")
DECIDED = "a person has decided about it"
NOT_NEWEST = "it is not of the newest run"
NO_RULE = "no rule is about it"
TWO = "it needs two approvers"
TOGETHER = "with what else is ordered of its supplier it needs two approvers"


@dataclass(frozen=True)
class Candidate:
    """A line that a rule may approve. rate: of its currency in the chain's, None where nobody knows it.

    told: its explanation. of: its category, department, region, country. changed: how far its forecast is from the one
    before, as a share of that; None without one. is_joint: its price is that of more than the line. is_active: its
    supplier is. is_moved: a move from another shop is proposed.
    """

    line: Line
    told: Mapping[str, Any]
    rate: float | None = None
    usual_milli: float | None = None
    changed: float | None = None
    is_joint: bool = False
    is_active: bool = True
    of: Mapping[str, str | None] = field(default_factory=dict)
    is_moved: bool = False

    @property
    def scope(self) -> dict[str, str | None]:
        """Return what rules go by."""
        line = self.line
        own = {"supplier": line.supplier, "product": line.product, "location": line.location}
        return {**self.of, **own, "abc": self.told.get("abc")}


def why_not(rule: ApprovalRule, candidate: Candidate) -> str | None:
    """Return why a line needs a person, in words; None where it needs none."""
    line, told = candidate.line, candidate.told
    if not rule.approve:
        return f"people approve {rule.name}"
    if line.is_touched:
        return DECIDED
    if dear := _too_dear(rule, candidate):
        return dear
    if not candidate.is_active:
        return "its supplier is not active any more"
    if candidate.is_joint:
        return "its price is that of more than this line orders"
    if told.get("doubt") is not None:
        return "stock in doubt"
    if told.get("notes"):
        return str(told["notes"][0])
    if candidate.is_moved:
        return "another shop has too much of it"
    guessed = [
        one for one in CERTAIN if str(told.get("from", {}).get(one, GUESSED[0])).startswith(GUESSED)
    ]
    if guessed:
        return f"nobody has said its {' and '.join(guessed)}"
    return _unusual(rule, candidate)


def _too_dear(rule: ApprovalRule, candidate: Candidate) -> str | None:
    line = candidate.line
    if line.source is not None:
        # our own goods cost nothing again
        return None
    if line.amount_micros is None or candidate.rate is None:
        return "its cost is not known"
    if line.amount_micros * float(candidate.rate) > rule.amount_micros_max:
        return f"above {in_full(rule.amount_micros_max / 1e6, 2)} {rule.currency or line.currency or ''}".rstrip()
    return None


def _unusual(rule: ApprovalRule, candidate: Candidate) -> str | None:
    if rule.factor_max is not None:
        if candidate.usual_milli is None:
            return "never ordered before"
        times = candidate.line.quantity_milli / float(candidate.usual_milli)
        if times > rule.factor_max:
            return f"{times:,.3g} times what is usually ordered"
    if rule.change_max is not None:
        if candidate.changed is None:
            return "no earlier forecast to compare with"
        if abs(candidate.changed) > rule.change_max:
            return f"forecast changed by {candidate.changed:+.0%}".replace("%", " %")
    return None


def judge(candidate: Candidate, rules: Rules) -> tuple[ApprovalRule | None, str | None]:
    """Return the rule that a line goes by, and why it needs a person nevertheless; None where it needs none."""
    rule = rules.of(candidate.scope)
    return (None, NO_RULE) if rule is None else (rule, why_not(rule, candidate))


def judge_together(
    candidates: Sequence[Candidate], rules: Rules, limit: Limit | None
) -> dict[int, tuple[ApprovalRule | None, str | None]]:
    """Judge all lines of some suppliers. What needs two people is left to them whatever the rules say."""
    judged = {one.line.line_id: judge(one, rules) for one in candidates}
    passing = [
        (one.line, one.rate, rule.by)
        for one in candidates
        for rule, why in (judged[one.line.line_id],)
        if rule is not None and why is None
    ]
    if limit is not None:
        second = limit.needing(passing)
        for line, rate, by in passing:
            if line.line_id in second:
                why = TWO if limit.is_reached(line, rate, by) else TOGETHER
                judged[line.line_id] = (judged[line.line_id][0], why)
    return judged


def decisions_of(
    connection: sa.Connection, desk: Desk, rules: Rules
) -> dict[str, dict[int, Decision]]:
    """Return the approvals that rules make of the newest run's lines, by supplier and line: for `Desk.decide`."""
    found: dict[str, dict[int, Decision]] = defaultdict(dict)
    candidates = read_candidates(connection, desk, rules)
    judged = judge_together(candidates, rules, _limit(connection, desk, candidates))
    for one in candidates:
        rule, why = judged[one.line.line_id]
        if rule is not None and why is None:
            line = one.line
            decision = Decision("approve", rule.by, line.version, by_rule=True)
            found[line.supplier][line.line_id] = decision
    return found


def exceptions_in(
    connection: sa.Connection, desk: Desk, rules: Rules, ids: Sequence[int]
) -> dict[int, str | None]:
    """Return of open lines why they wait for a person; None for a line that a rule approves within seconds.

    Empty where no rule is on: then people approve all.
    """
    if not ids or not rules.is_on:
        return {}
    read = read_candidates(connection, desk, rules, ids=ids)
    judged = judge_together(read, rules, None)
    passing = {one.line.supplier for one in read if judged[one.line.line_id][1] is None}
    if passing and desk.second_from_micros is not None:
        # whether two are asked depends on all lines of a supplier, and few pass that are open still
        all_of = read_candidates(connection, desk, rules, suppliers=passing)
        judged |= judge_together(all_of, rules, _limit(connection, desk, all_of))
    binds = {"ids": list(ids)}
    newest = set(connection.execute(statement("purchasing/desk/of_newest_run"), binds).scalars())
    return {
        number: judged[number][1]
        if number in judged
        else (DECIDED if number in newest else NOT_NEWEST)
        for number in ids
    }


def _limit(connection: sa.Connection, desk: Desk, candidates: Sequence[Candidate]) -> Limit | None:
    if desk.second_from_micros is None:
        return None
    lines = [one.line for one in candidates]
    prices = desk.set_prices(connection, [line.line_id for line in lines])
    return desk.limit(connection, {line.supplier for line in lines}, prices)


def read_candidates(
    connection: sa.Connection,
    desk: Desk,
    rules: Rules,
    *,
    ids: Sequence[int] | None = None,
    suppliers: Collection[str] | None = None,
) -> list[Candidate]:
    """Return lines of the newest run that no person has decided anything about, by supplier.

    ids, suppliers: of these alone.
    """
    binds = {
        "currency": desk.currency,
        "orders": LAST_ORDERS,
        "ids": None if ids is None else list(ids),
        "suppliers": None if suppliers is None else list(suppliers),
    }
    rows = connection.execute(statement("purchasing/desk/rule_candidates"), binds).mappings().all()
    changes = _changes(connection, rows) if rules.compares else {}
    steps = read_steps(connection, [row["line_id"] for row in rows])
    return [
        Candidate(
            Line(**{name: row[name] for name in LINE_FIELDS}),
            row["explanation"],
            row["rate"],
            row["usual_milli"],
            changes.get((row["product"], row["location"])),
            of={name: row[name] for name in ("category", "department", "region", "country")},
            is_moved=row["is_moved"],
            is_joint=_is_joint(row, steps),
            is_active=row["is_active"],
        )
        for row in rows
    ]


def _is_joint(row: sa.RowMapping, steps: Steps) -> bool:
    """Return True if a line costs what it does only together with others."""
    line = Line(**{name: row[name] for name in LINE_FIELDS})
    return price_of(line, steps, line.quantity_milli) != line.price_micros


def _changes(
    connection: sa.Connection, rows: Sequence[sa.RowMapping]
) -> dict[tuple[str, str], float]:
    """Return by pair how far its forecast is from the one before."""
    pairs = {name: [row[name] for row in rows] for name in ("product", "location")}
    binds = {"products": pairs["product"], "locations": pairs["location"]}
    found = connection.execute(statement("purchasing/desk/forecast_changes"), binds)
    return {(row.product, row.location): row.changed for row in found}
