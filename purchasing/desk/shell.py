"""The desk in the database: decisions of people, each done once, and the orders that come of them.

What is approved is on order in the ledger in the same transaction, so nobody can order the same need beside it.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from typing import Any, NamedTuple

import sqlalchemy as sa

from purchasing.desk.cancelling import Came, check_not_received, check_rest, read_came
from purchasing.desk.closing import closing_events, read_transfers
from purchasing.desk.history import LINE_FIELDS, action_row, reprice_lines, write_lines
from purchasing.desk.limit import (
    Limit,
    SetPrice,
    lock_suppliers,
    price_set,
    read_ordered_alone,
    read_set_prices,
)
from purchasing.desk.lines import Decision, Line, decide, ordered
from purchasing.desk.numbering import make_order
from purchasing.desk.order_events import cancel_event, kept_events, order_event
from purchasing.desk.packs import check_quantity, packs_of
from purchasing.desk.placing import Taking, check_supplier, read_taking
from purchasing.desk.pricing import ORDERING, Steps, check_break, priced, read_steps
from purchasing.desk.requests import done_before, is_known, noted_before, refused_before
from purchasing.desk.splitting import open_rest, rest_of, share_risk
from purchasing.desk.transfers import Picking, refused_for_stock, sending_events
from purchasing.proposing.dates import local_time
from stocktide.domain.exact_numbers import in_full
from stocktide.domain.suppliers import UNASSIGNED
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, Invalid, NotFound, StocktideError
from stocktide.foundation.local_days import business_day

# Records events in the caller's transaction; returns each one's outcome (accepted, …) and why it was refused.
Record = Callable[[sa.Connection, Sequence[bytes]], Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Decided:
    """What became of a line. error: why the decision was refused: the line is as it was. note: what to know of it."""

    line: Line
    error: StocktideError | None = None
    note: str | None = None


class _Known(NamedTuple):
    """What decisions go by: the moment, what has come, prices, when suppliers take orders, and when two approve."""

    now: datetime
    came: Mapping[int, Came]
    steps: Steps
    taking: Mapping[str, Taking]
    set_prices: Mapping[tuple[str, str], Sequence[SetPrice]]
    limit: Limit | None


@dataclass(frozen=True)
class Desk:
    """Decisions on lines. record: writes events to the ledger.

    second_from_micros: what one approver orders from a supplier that costs so much or more needs two; in `currency`,
    the chain's own.
    """

    record: Record
    second_from_micros: int | None = None
    currency: str | None = None

    def decide(
        self,
        connection: sa.Connection,
        decisions: Mapping[int, Decision],
        *,
        request: str | None = None,
        today: date | None = None,
        now: datetime | None = None,
    ) -> list[Decided]:
        """Decide on lines, each apart: one that is refused keeps no other back. The caller commits.

        decisions: by line. request: an id of the sender; the same again does nothing and answers what stands there, and
        what was refused. Raises Conflict where another request has it.
        Approvals to one supplier make one order. Raises NotFound for a line that does not exist, and Invalid for an
        order that the ledger does not take: then nothing of the request is done.
        """
        moment = now or datetime.now(UTC)
        if now is None and today is not None:
            moment = datetime.combine(today, time(), UTC)
        held = self._lock(connection, sorted(decisions), moment)
        if request is not None and is_known(connection, request, decisions):
            done = done_before(connection, request)
            return [
                Decided(_line(row), refused_before(row, done), noted_before(row, done))
                for row in held
            ]
        came = read_came(connection, decisions)
        steps = read_steps(connection, sorted(decisions))
        ordering = [one for one, decision in decisions.items() if decision.action in ORDERING]
        taking = read_taking(connection, sorted(ordering))
        set_prices = self.set_prices(connection, ordering)
        limit = self._limit(connection, held, ordering, set_prices)
        known = _Known(moment, came, steps, taking, set_prices, limit)
        decided = self._decided_together(held, decisions, known)
        decided = _without_short(connection, held, decided, moment)
        rows = {row["line_id"]: row for row in held}
        decided = self._order(connection, decided, decisions, rows, known)
        decided = self._cancel(connection, decided, decisions, came)
        for row, one in zip(held, decided, strict=True):
            if one.error is None:
                decision = decisions[one.line.line_id]
                prices = set_prices.get((one.line.supplier, one.line.product), ())
                before = _line(row)
                rest = rest_of(before, row["at_risk_micros"], one.line, decision)
                if rest is not None:
                    share_risk(connection, before.line_id, rest)
                _save(connection, before, one, decision, request, prices)
                if rest is not None:
                    open_rest(connection, before, one.line, decision, rest)
        by = next((decision.by for decision in decisions.values()), "")
        again = {line.line_id: line for line in reprice_lines(connection, steps, by=by)}
        return [replace(one, line=again.get(one.line.line_id, one.line)) for one in decided]

    def _lock(
        self, connection: sa.Connection, ids: Sequence[int], now: datetime
    ) -> list[dict[str, Any]]:
        binds = {"ids": list(ids), "currency": self.currency, "now": now}
        rows = connection.execute(statement("purchasing/desk/lock_lines"), binds).mappings()
        held = [dict(row) for row in rows]
        if missing := sorted(set(ids) - {row["line_id"] for row in held}):
            raise NotFound("line_unknown", f"There is no line {missing[0]}.", line_id=missing[0])
        # what was on order and has come makes room for no other order; and a warehouse orders for its shops
        for is_there, since in (("some_came", "came_since"), ("some_for_shops", "shops_since")):
            if some := [row["line_id"] for row in held if row[is_there]]:
                found = connection.execute(statement(f"purchasing/desk/{since}"), {"ids": some})
                more = {row.line_id: row.milli for row in found}
                for row in held:
                    row["on_order_now"] += more.get(row["line_id"], 0)
        return held

    def _limit(
        self,
        connection: sa.Connection,
        held: Sequence[Mapping[str, Any]],
        ordering: Collection[int],
        prices: Mapping[tuple[str, str], Sequence[SetPrice]],
    ) -> Limit | None:
        """Return from when on two approve; None where one may approve all. Locks the suppliers of what is ordered."""
        if self.second_from_micros is None:
            return None
        bought = {
            row["supplier"] for row in held if row["line_id"] in ordering and not row["source"]
        }
        lock_suppliers(connection, bought)
        return self.limit(connection, bought, prices)

    def set_prices(
        self, connection: sa.Connection, lines: Collection[int]
    ) -> dict[tuple[str, str], list[SetPrice]]:
        """Return the prices of what some lines order that were set lately, with the last ones before."""
        today = business_day(connection)
        return read_set_prices(connection, lines, currency=self.currency, today=today)

    def limit(
        self,
        connection: sa.Connection,
        suppliers: Collection[str],
        prices: Mapping[tuple[str, str], Sequence[SetPrice]],
    ) -> Limit | None:
        """Return from when on two approve orders of some suppliers; None where one may approve all."""
        if self.second_from_micros is None:
            return None
        alone = read_ordered_alone(connection, suppliers, currency=self.currency)
        return Limit(self.second_from_micros, self.currency, alone, prices)

    def _decided_together(
        self,
        held: Sequence[Mapping[str, Any]],
        decisions: Mapping[int, Decision],
        known: "_Known",
    ) -> list[Decided]:
        """Decide on lines at the prices of what is ordered together: fewer lines may cost more each.

        What is refused counts with no other line, neither in its price nor in what asks for a second approver.
        """
        lines = [_line(row) for row in held]
        asked = {one for one, decision in decisions.items() if decision.action in ORDERING}
        refused: dict[int, Decided] = {}
        ordering = set(asked)
        while True:
            at_price = priced(lines, decisions, known.steps, ordering)
            second = _needing(known, held, at_price, decisions, asked - refused.keys())
            decided = [
                refused.get(line.line_id)
                or self._decided(row, line, decisions[line.line_id], known, second)
                for row, line in zip(held, at_price, strict=True)
            ]
            more = {one.line.line_id: one for one in decided if one.error} | refused
            left = {one.line.line_id for one in decided if one.line.state == "approved"}
            if len(more) > len(refused):
                refused, ordering = more, asked - more.keys()
            elif ordering - left:
                ordering &= left
            else:
                return decided

    def _decided(
        self,
        row: Mapping[str, Any],
        at_price: Line,
        decision: Decision,
        known: "_Known",
        second: Mapping[int, str],
    ) -> Decided:
        """at_price: the line at the price of this order. second: why lines need a second approver."""
        line, why = _line(row), second.get(row["line_id"])
        try:
            check_not_received(line, known.came.get(line.line_id))
            _check_not_ordered(row, decision)
            check_rest(line, decision)
            new = decide(at_price, decision, today=row["today"], needs_second=why is not None)
            check_quantity(at_price, decision, packs_of(row))
            check_supplier(line, known.taking, decision, known.now)
            check_break(line, at_price, known.steps, decision)
            return Decided(new, note=why if new.state == "waiting" else None)
        except Conflict as error:
            if error.code == "second_approver" and why is not None:
                error = Conflict(error.code, f"{error.message} {why}", line_id=line.line_id)
            return Decided(line, error)
        except StocktideError as error:
            return Decided(line, error)

    def _order(
        self,
        connection: sa.Connection,
        decided: Sequence[Decided],
        decisions: Mapping[int, Decision],
        rows: Mapping[int, Mapping[str, Any]],
        known: "_Known",
    ) -> list[Decided]:
        """Make orders of what is approved, one a supplier and currency; of our own goods transfers.

        rows: of lock_lines, by line.
        """
        groups: dict[tuple[str | None, ...], list[Line]] = defaultdict(list)
        for one in decided:
            if one.error is None and one.line.state == "approved":
                groups[one.line.supplier, one.line.source, one.line.currency].append(one.line)
        picking = Picking(
            connection,
            [
                (line.source, line.product)
                for lines in groups.values()
                for line in lines
                if line.source
            ],
            known.now,
        )
        placed: dict[int, Decided] = {}
        due: dict[int, date | None] = {}
        events: list[bytes] = []
        for lines in groups.values():
            of = known.taking.get(lines[0].supplier, Taking(lines[0].supplier))
            todays = [rows[line.line_id]["today"] for line in lines]
            clocks = [local_time(known.now, rows[line.line_id]["timezone"]) for line in lines]
            days = [
                max(of.days.taken_on(clock) or today, today)
                for clock, today in zip(clocks, todays, strict=True)
            ]
            comes = [
                None
                if (takes := rows[line.line_id]["takes_days"]) is None
                else of.comes_on(day, takes)
                for line, day in zip(lines, days, strict=True)
            ]
            first = min(days)
            after = [None if one is None else (one - first).days for one in comes]
            made = make_order(connection, lines, decisions, after, first)
            too_small = of.too_small_words(lines)
            for number, line in enumerate(lines, start=1):
                new = ordered(line, order_id=made.order_id, order_line=number)
                due[line.line_id] = expected = comes[number - 1] or made.expected_on
                later = of.later_words(todays[number - 1], days[number - 1], expected)
                said = " ".join(filter(None, (later, too_small))) or None
                if new.supplier == UNASSIGNED:
                    said = (
                        f"Nobody is known to sell {new.product}: {made.order_id} goes to no supplier. "
                        "Tell who brings it."
                    )
                placed[line.line_id] = Decided(new, note=said)
                events += _events_of(new, expected, picking)
        self._must_record(connection, events)
        _keep_as_sent(connection, due)
        return [placed.get(one.line.line_id, one) for one in decided]

    def _cancel(
        self,
        connection: sa.Connection,
        decided: Sequence[Decided],
        decisions: Mapping[int, Decision],
        came: Mapping[int, Came],
    ) -> list[Decided]:
        """Take the events of cancelled lines back; of what has come already they stand."""
        cancelled = [
            one.line for one in decided if one.error is None and one.line.state == "cancelled"
        ]
        sent = [line.transfer_id for line in cancelled if line.source is not None]
        transfers = read_transfers(connection, sent)
        events: list[bytes] = []
        notes: dict[int, str] = {}
        for line in cancelled:
            decision = decisions[line.line_id]
            transfer = transfers.get(line.transfer_id)
            if transfer is None:
                events.append(cancel_event(line, decision))
                events += kept_events(line, came[line.line_id])
                continue
            events += closing_events(
                transfer, decision.rest, by=decision.by, reason=decision.reason or ""
            )
            notes[line.line_id] = transfer.told(decision.rest)
        self._must_record(connection, events)
        return [replace(one, note=notes.get(one.line.line_id, one.note)) for one in decided]

    def _must_record(self, connection: sa.Connection, events: Sequence[bytes]) -> None:
        outcomes = self.record(connection, events) if events else []
        for event, (outcome, why) in zip(events, outcomes, strict=True):
            if outcome != "accepted":
                data = json.loads(event)["data"]
                place = data.get("to_location", data.get("location"))
                what, nothing = (
                    (f"the order of {data['product']} {place}", "ordered")
                    if "product" in data
                    else (f"the cancellation of {data['corrects_id']}", "cancelled")
                )
                raise Invalid(
                    "order_refused",
                    f"The ledger does not take {what}: {(why or outcome).rstrip('.')}. Nothing was {nothing}.",
                )


def _events_of(line: Line, expected_on: date | None, picking: Picking) -> list[bytes]:
    """Return the events of an ordered line: its order, or what a location of ours sends for it."""
    if line.source is None:
        return [order_event(line, expected_on)]
    return sending_events(
        line.transfer_id,
        picking.take(line.source, line.product, line.ordered_milli or 0),
        product=line.product,
        source=line.source,
        target=line.location,
        expected_on=expected_on,
    )


def _needing(
    known: _Known,
    held: Sequence[Mapping[str, Any]],
    at_price: Sequence[Line],
    decisions: Mapping[int, Decision],
    asked: Collection[int],
) -> Mapping[int, str]:
    """Return which of the lines that are asked for need a second approver, and why."""
    if known.limit is None:
        return {}
    return known.limit.needing(
        (line, row["rate"], decisions[line.line_id].by)
        for row, line in zip(held, at_price, strict=True)
        if line.line_id in asked
    )


def _without_short(
    connection: sa.Connection,
    held: Sequence[Mapping[str, Any]],
    decided: Sequence[Decided],
    now: datetime,
) -> list[Decided]:
    """Refuse what a location of ours has not enough of, and leave its line as it was."""
    approved = [one.line for one in decided if one.error is None and one.line.state == "approved"]
    refused = refused_for_stock(connection, approved, now)
    return [
        Decided(_line(row), refused[one.line.line_id]) if one.line.line_id in refused else one
        for row, one in zip(held, decided, strict=True)
    ]


def _check_not_ordered(row: Mapping[str, Any], decision: Decision) -> None:
    """Raise Conflict where somebody else has ordered the need since it was proposed.

    A reason lets an approval pass; that of a split says why it is split, not that both are wanted.
    """
    more = row["on_order_now"] - row["on_order_then"]
    knows = decision.action == "approve" and decision.reason
    whom = f"{row['location']} or its shops" if row["some_for_shops"] else row["location"]
    if decision.action in ("approve", "split") and more > 0 and not knows:
        raise Conflict(
            "ordered_elsewhere",
            f"{in_full(more / 1000)} more of {row['product']} have come on order for {whom} since line "
            f"{row['line_id']} was proposed. Wait for the next proposal, or approve it with a reason.",
            line_id=row["line_id"],
        )


def _line(row: Mapping[str, Any]) -> Line:
    return Line(**{name: row[name] for name in LINE_FIELDS})


def _keep_as_sent(connection: sa.Connection, due: Mapping[int, date | None]) -> None:
    """Keep with lines what their suppliers are told of them. due: when each is expected."""
    if due:
        binds = {"lines": list(due), "days": list(due.values())}
        connection.execute(statement("purchasing/desk/keep_as_sent"), binds)


def _save(
    connection: sa.Connection,
    before: Line,
    decided: Decided,
    decision: Decision,
    request: str | None,
    prices: Sequence[SetPrice],
) -> None:
    """Write a line and its history: with the note of the answer, and where the approver set the price."""
    own = price_set(prices, decision.by) if decision.action in ORDERING else None
    more = {"note": decided.note, "price_set": own}
    done = action_row(
        before,
        decided.line,
        decision.action,
        by=decision.by,
        reason=decision.reason,
        request=request,
        more={name: told for name, told in more.items() if told is not None},
    )
    write_lines(connection, [decided.line], [done])
