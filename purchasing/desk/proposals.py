"""Proposals of a run go beside what buyers decided: they open lines, renew them, and withdraw what nobody needs."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from purchasing.desk.history import LINE_FIELDS, action_row, reprice_lines, write_lines
from purchasing.desk.lines import Line, propose, wake
from purchasing.desk.pricing import read_steps
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import ORDERS_LOCK
from stocktide.foundation.errors import Conflict

# What stands in place of the sentence of a line that a buyer decided about, and that the newest run would not order.
NEED_ENDED = "The newest run proposes nothing here; what stands is what was decided before"


@dataclass(frozen=True)
class Proposal:
    """What a run would order of a product for a location. Quantities are thousandths of a unit.

    explanation: data that recompute it. at_risk_micros: sales expected to be lost without it. on_order_milli: on order
    and in transit as the run saw it. source: the location of ours that the goods come from, None where they are bought.
    """

    supplier: str
    product: str
    location: str
    quantity_milli: int
    explanation: dict[str, Any] = field(default_factory=dict)
    at_risk_micros: int | None = None
    on_order_milli: int = 0
    price_micros: int | None = None
    currency: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class Seen:
    """What a run computed from. as_of: when it looked. snapshot: pg_current_snapshot() of the reading transaction."""

    as_of: datetime
    snapshot: str
    forecast_run_id: int | None = None
    detail: dict[str, Any] = field(default_factory=dict)


class Proposed(NamedTuple):
    """Counts of lines. beside: a buyer had decided, and the new proposal stands beside it."""

    order_run_id: int
    opened: int
    renewed: int
    beside: int
    withdrawn: int
    ordered_meanwhile: int


def see(connection: sa.Connection) -> Seen:
    """Return what a run that reads in this transaction sees; it must be REPEATABLE READ."""
    row = connection.execute(sa.text("SELECT now(), pg_current_snapshot()::text")).one()
    return Seen(as_of=row[0], snapshot=row[1])


def put_proposals(
    connection: sa.Connection,
    seen: Seen,
    proposals: Sequence[Proposal],
    *,
    by: str,
    today: date | None = None,
    unknown: Collection[tuple[str, str]] = (),
) -> Proposed:
    """Put what a run proposes on the desk, all of it at once; the caller commits.

    A pair of which something was ordered that the run did not see, or which was rejected today, is left to the next
    run: a need is ordered once. Lines without a proposal are needs no more, but those of unknown pairs, of
    which the run cannot say, stay as they are. Raises Conflict for a run that looked
    earlier than one that is on the desk already. today: None is the day at each line's location.
    """
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    connection.execute(lock, {"name": ORDERS_LOCK})
    newest = connection.execute(sa.text("SELECT max(as_of) FROM order_runs")).scalar_one()
    if newest is not None and seen.as_of < newest:
        raise Conflict(
            "order_run_old",
            f"The desk has proposals as of {newest:%Y-%m-%d %H:%M:%S}; these are as of {seen.as_of:%H:%M:%S}.",
        )
    held = connection.execute(statement("purchasing/desk/lock_open"), {"today": today}).mappings()
    # a snooze ends by the clock of where the goods would go
    open_lines = {
        (row["product"], row["location"]): (_line(row), wake(_line(row), today=row["today"]))
        for row in held
    }
    # asked after the locks, so that what was ordered while this transaction waited is seen
    binds = {"snapshot": seen.snapshot, "today": today}
    settled = {
        tuple(row)
        for row in connection.execute(statement("purchasing/desk/ordered_meanwhile"), binds)
    } | set(unknown)
    fresh = {(one.product, one.location): one for one in proposals}
    run = _begin(connection, seen, len(proposals), by)
    left = {pair: one for pair, one in fresh.items() if pair not in settled}
    counts = _renew(connection, open_lines, left, settled, run, by)
    opened = _open(connection, {p: o for p, o in left.items() if p not in open_lines}, run, by)
    # what buyers set, and what is left out here, is ordered beside what the run proposed together
    reprice_lines(connection, read_steps(connection), by=by)
    return Proposed(run, opened, *counts, len(fresh) - len(left))


def _begin(connection: sa.Connection, seen: Seen, proposals: int, by: str) -> int:
    binds = {
        "forecast_run_id": seen.forecast_run_id,
        "as_of": seen.as_of,
        "snapshot": seen.snapshot,
        "by": by,
        "proposals": proposals,
        "detail": json.dumps(seen.detail),
    }
    return int(connection.execute(statement("purchasing/desk/begin_run"), binds).scalar_one())


def _renew(
    connection: sa.Connection,
    open_lines: dict[tuple[str, str], tuple[Line, Line]],
    fresh: dict[tuple[str, str], Proposal],
    settled: set[tuple[Any, ...]],
    run: int,
    by: str,
) -> tuple[int, int, int]:
    """Write proposals beside open lines; returns how many were renewed, stand beside a decision, were withdrawn.

    open_lines: each as it is stored, and awake where its day has come.
    """
    renewed, beside, withdrawn, rows, changed = 0, 0, 0, [], []
    ended: list[int] = []
    for pair, (old, line) in open_lines.items():
        if pair in settled:
            continue
        proposal = fresh.get(pair)
        new = propose(
            line,
            supplier=line.supplier if proposal is None else proposal.supplier,
            proposed_milli=0 if proposal is None else proposal.quantity_milli,
            price_micros=line.price_micros if proposal is None else proposal.price_micros,
            currency=line.currency if proposal is None else proposal.currency,
            source=line.source if proposal is None else proposal.source,
        )
        renewed += new.state == "proposed" and not new.is_touched
        beside += new.is_touched and new.state != "withdrawn"
        withdrawn += new.state == "withdrawn"
        if new != old:
            changed.append((old, new))
        if proposal is not None:
            rows.append({"line_id": new.line_id, **_row(proposal, run)})
        elif new.state != "withdrawn":
            ended.append(new.line_id)
    if rows:
        connection.execute(statement("purchasing/desk/renew"), {"rows": json.dumps(rows)})
    if ended:
        binds = {"ids": ended, "run": run, "sentence": NEED_ENDED}
        connection.execute(statement("purchasing/desk/end_need"), binds)
    actions = [
        action_row(old, new, "withdraw" if new.state == "withdrawn" else "propose", by=by)
        for old, new in changed
    ]
    write_lines(connection, [new for _, new in changed], actions)
    return renewed, beside, withdrawn


def _open(
    connection: sa.Connection, needs: dict[tuple[str, str], Proposal], run: int, by: str
) -> int:
    wanted = {pair: need for pair, need in needs.items() if need.quantity_milli > 0}
    if not wanted:
        return 0
    rows = [_row(need, run) for need in wanted.values()]
    made = connection.execute(statement("purchasing/desk/propose"), {"rows": json.dumps(rows)})
    actions = []
    for line_id, product, location in made.all():
        need = wanted[product, location]
        line = Line(
            line_id,
            need.supplier,
            product,
            location,
            "proposed",
            need.quantity_milli,
            price_micros=need.price_micros,
            currency=need.currency,
            source=need.source,
        )
        actions.append(action_row(None, line, "propose", by=by))
    write_lines(connection, [], actions)
    return len(rows)


def _row(proposal: Proposal, run: int) -> dict[str, Any]:
    return {
        "supplier": proposal.supplier,
        "product": proposal.product,
        "location": proposal.location,
        "order_run_id": run,
        "proposed_milli": proposal.quantity_milli,
        "explanation": proposal.explanation,
        "at_risk_micros": proposal.at_risk_micros,
        "on_order_milli": proposal.on_order_milli,
        "price_micros": proposal.price_micros,
        "currency": proposal.currency,
        "source": proposal.source,
    }


def _line(row: Any) -> Line:
    return Line(**{name: row[name] for name in LINE_FIELDS})
