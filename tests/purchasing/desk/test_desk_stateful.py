"""Buyers, runs, receipts and killed connections in any order: no edit is lost, no need is ordered twice.

The chain's policy is the simplest there is: what stands on the shelf and on order is filled up to TARGET. So an order
of what a run proposed never takes a pair beyond it; only a buyer's own number does.
"""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.exc import DBAPIError

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from purchasing.desk.approval_rules import ApprovalRule, Rules
from purchasing.desk.by_rule import decisions_of, exceptions_in
from purchasing.desk.lines import Decision
from purchasing.desk.proposals import Proposal, Seen, put_proposals, see
from purchasing.desk.shell import Decided, Desk
from stocktide.entrypoints.ordering import recording
from stocktide.foundation.errors import Conflict, StocktideError
from stocktide.foundation.settings import Settings
from tests.ingest.samples import event, raw

# Sequences that are tried; by hand as many as one likes.
SEQUENCES = int(os.environ.get("DESK_SEQUENCES", "300"))
STEPS = 12
PRODUCTS, TARGET = ("A", "B", "C"), 10_000
# C comes from a warehouse of the chain's own, which has so much of it.
INNER, WAREHOUSE, THERE = "C", "WH", 16_000
DESK_TABLES = (
    "order_actions", "order_requests", "order_lines", "order_runs", "purchase_orders", "commitments",
)  # fmt: skip
BUYERS = ("anna", "ben")
TODAY = date(2026, 3, 2)
PRICES = {"A": 2_000_000, "B": 1_000_000}
# Lines of 16 money or more, that is of 8 units of A, need two buyers.
SECOND_FROM = 16_000_000
# Lines of up to 9 units of A may go by rule, if no buyer has touched them: some of those need two. B may go, up to 5
# units, or not at all, or goes by no rule.
RULES = {
    "A": ApprovalRule("A", 18_000_000, limits={"product": "A"}),
    "B": ApprovalRule("B", 5_000_000, limits={"product": "B"}),
    "not B": ApprovalRule("B", 0, limits={"product": "B"}, approve=False),
    "all": ApprovalRule("all", 18_000_000),
}


@dataclass
class World:
    """The database, and what must be true of it."""

    engine: sa.Engine
    desk: Desk
    recorder: Recorder
    count: int = 0


@dataclass
class Told:
    """What buyers have been told is done."""

    edits: dict[int, int] = field(default_factory=dict)
    snoozed: dict[int, date] = field(default_factory=dict)
    ordered: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    came: dict[int, int] = field(default_factory=dict)


WORLD: dict[str, World] = {}


class DeskMachine(RuleBasedStateMachine):
    """One chain with two products; each sequence begins with an empty desk."""

    def __init__(self) -> None:
        super().__init__()
        self.world = WORLD["now"]
        self.told = Told()
        self.day = TODAY
        self.is_ordered_elsewhere = False
        self.looks: list[tuple[Seen, list[Proposal]]] = []
        with self.world.engine.begin() as connection:
            # emptied as nobody else may: what was ordered is kept by a trigger
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            for table in DESK_TABLES:
                connection.execute(sa.delete(sa.table(table)))
        # what is cancelled computes stock again from the ledger, which therefore begins empty as well
        self.world.count += 1
        shelves = [(INNER, WAREHOUSE, THERE // 1000), *((product, "S1", 0) for product in PRODUCTS)]
        counts = [
            {**event("stocktake", f"c{self.world.count}-{n}", product=product, location=code, counted=units),
             "time": datetime.now(UTC).isoformat()}
            for n, (product, code, units) in enumerate(shelves)
        ]  # fmt: skip
        outcomes = self.world.recorder.record(
            "dock", "", [json.dumps(one).encode() for one in counts]
        )
        assert {one.name for one in outcomes} == {"accepted"}

    def rows(self, query: str, **binds: Any) -> list[Any]:
        with self.world.engine.connect() as connection:
            return list(connection.execute(sa.text(query), binds))

    def position(self, product: str, connection: sa.Connection | None = None) -> int:
        query = """SELECT coalesce(sum(s.on_hand_milli + p.on_order_milli + p.in_transit_milli), 0)::bigint FROM stock s
                   JOIN stock_position p USING (product_id, location_id) JOIN products USING (product_id)
                   JOIN locations USING (location_id)
                   WHERE sku = :product AND code = 'S1'"""
        if connection is None:
            return int(self.rows(query, product=product)[0][0])
        return int(connection.execute(sa.text(query), {"product": product}).scalar_one())

    @rule()
    def a_run_looks(self) -> None:
        """A run reads; it may come to write only after others have acted."""
        with self.world.engine.connect().execution_options(
            isolation_level="REPEATABLE READ"
        ) as connection:
            seen = see(connection)
            needs = [
                Proposal(
                    "depot" if product == INNER else "mill",
                    product,
                    "S1",
                    max(0, TARGET - self.position(product, connection)),
                    on_order_milli=int(
                        connection.execute(
                            sa.text(
                                "SELECT coalesce(sum(opened_milli - closed_milli), 0) FROM commitments JOIN products"
                                " USING (product_id) WHERE sku = :p AND opened_milli > closed_milli"
                            ),
                            {"p": product},
                        ).scalar_one()
                    ),
                    price_micros=PRICES.get(product),
                    currency="EUR" if product in PRICES else None,
                    source=WAREHOUSE if product == INNER else None,
                    explanation={"from": {"supplier": "terms", "lead": "promised: 3 days"}},
                )
                for product in PRODUCTS
            ]
        self.looks.append((seen, needs))

    @rule(which=st.integers(0, 9))
    def a_run_writes(self, which: int) -> None:
        if not self.looks:
            self.a_run_looks()
        seen, needs = self.looks.pop(which % len(self.looks))
        newest = self.rows("SELECT max(as_of) FROM order_runs")[0][0]
        with suppress(Conflict), self.world.engine.begin() as connection:
            put_proposals(connection, seen, needs, by="run", today=self.day)
        after = self.rows("SELECT as_of FROM order_runs ORDER BY order_run_id DESC LIMIT 1")[0][0]
        assert after == max(seen.as_of, newest or seen.as_of), "an old run wrote over a newer one"
        if not self.is_ordered_elsewhere:
            for row in self.rows(
                "SELECT * FROM order_lines WHERE state = 'proposed' AND buyer_milli IS NULL"
            ):
                assert self.position(row.product) + row.proposed_milli <= TARGET, (
                    "no need, yet proposed"
                )

    @initialize()
    def a_first_run(self) -> None:
        self.a_run_looks()
        self.a_run_writes(0)

    @rule(which=st.integers(0, 9), buyer=st.sampled_from(BUYERS))
    def a_buyer_approves_while_a_run_computes(self, which: int, buyer: str) -> None:
        self.a_run_looks()
        self.a_buyer_decides(which, "approve", buyer, 0, "done")
        self.a_run_writes(len(self.looks) - 1)

    @rule(
        which=st.integers(0, 9),
        action=st.sampled_from(
            ["approve"] * 4 + ["change"] * 2 + ["split", "reject", "snooze", "wake", "cancel"]
        ),
        buyer=st.sampled_from(BUYERS),
        units=st.integers(0, 14),
        fate=st.sampled_from(["done"] * 6 + ["terminated", "twice", "stale"]),
    )
    def a_buyer_decides(self, which: int, action: Any, buyer: str, units: int, fate: str) -> None:
        lines = self.rows(
            "SELECT line_id, version, buyer_milli, product FROM order_lines ORDER BY line_id"
        )
        if not lines:
            return
        line = lines[which % len(lines)]
        decision = Decision(
            action,
            buyer,
            line.version - (fate == "stale"),
            reason="since" if action != "approve" else None,
            quantity_milli=units * 1000,
            until=self.day + timedelta(days=1 + units % 3),
        )
        before = self.position(line.product)
        self.world.count += 1
        request = f"r{self.world.count}"
        decided = self._decide(line.line_id, decision, request, is_terminated=fate == "terminated")
        if decided is None or decided.error is not None:
            assert self.position(line.product) == before
            return
        assert fate != "stale", "a decision on what was not seen"
        if fate == "twice":
            again = self._decide(line.line_id, decision, request, is_terminated=False)
            assert again == decided, "the same request again was another one"
        self._remember(decided, decision)
        new = decided.line
        if new.state == "ordered":
            assert self.position(line.product) == before + (new.ordered_milli or 0)
            if line.buyer_milli is None:
                assert self.position(line.product) <= TARGET, "a need was ordered twice"
        elif new.state != "cancelled":
            assert self.position(line.product) == before

    @rule(on=st.sets(st.sampled_from(sorted(RULES))))
    def rules_approve(self, on: set[str]) -> None:
        """They take what is small and nobody has touched, and nothing else; the list says which lines these are."""
        rules = Rules([RULES[name] for name in sorted(on)])
        open_now = self.rows(
            "SELECT line_id FROM order_lines WHERE state IN ('proposed', 'snoozed', 'waiting')"
        )
        before = {product: self.position(product) for product in PRODUCTS}
        with self.world.engine.begin() as connection:
            desk = self.world.desk
            ids = [row.line_id for row in open_now]
            said = exceptions_in(connection, desk, rules, ids)
            found = decisions_of(connection, desk, rules)
            named = {line_id for decisions in found.values() for line_id in decisions}
            assert named == {line_id for line_id, why in said.items() if why is None}
            decided = [
                one
                for decisions in found.values()
                for one in desk.decide(connection, decisions, today=self.day)
            ]
        for one in decided:
            line = one.line
            if one.error is not None:
                assert self.position(line.product) == before[line.product]
                continue
            assert line.line_id not in self.told.touched
            rule = rules.of({"product": line.product})
            assert rule is not None
            assert rule.approve
            assert (line.state, line.approved_by) == ("ordered", rule.by)
            assert (line.amount_micros or 0) <= min(SECOND_FROM - 1, rule.amount_micros_max)
            self.told.ordered[line.line_id] = (line.order_id, line.order_line, line.ordered_milli)
            assert self.position(line.product) == before[line.product] + (line.ordered_milli or 0)
            assert self.position(line.product) <= TARGET, "a need was ordered twice"

    def _decide(
        self, line_id: int, decision: Decision, request: str, *, is_terminated: bool
    ) -> Decided | None:
        """Decide; None where the connection was cut before the end: nothing was done then."""
        world = self.world
        try:
            with world.engine.begin() as connection:
                (decided,) = world.desk.decide(
                    connection, {line_id: decision}, request=request, today=self.day
                )
                if is_terminated:
                    pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
                    with world.engine.connect() as other:
                        other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        except (DBAPIError, StocktideError):
            assert is_terminated
            return None
        assert not is_terminated
        return decided

    def _remember(self, decided: Decided, decision: Decision) -> None:
        line = decided.line
        self.told.touched.add(line.line_id)
        if decision.action in ("change", "split"):
            self.told.edits[line.line_id] = line.quantity_milli
        if line.state == "snoozed" and line.snoozed_until is not None:
            self.told.snoozed[line.line_id] = line.snoozed_until
        else:
            self.told.snoozed.pop(line.line_id, None)
        if line.state == "ordered":
            self.told.ordered[line.line_id] = (line.order_id, line.order_line, line.ordered_milli)
        if line.state == "cancelled":
            self.told.ordered.pop(line.line_id)
            (came,) = self.rows(
                "SELECT closed_milli FROM commitments WHERE reference IN (:order, :transfer)",
                order=line.order_id,
                transfer=line.transfer_id,
            )
            assert came.closed_milli < (line.ordered_milli or 0), "what has come was cancelled"
            self.told.came[line.line_id] = came.closed_milli

    @rule(which=st.integers(0, 9), share=st.sampled_from([0.5, 1.0]))
    def goods_come(self, which: int, share: float) -> None:
        ordered = self.rows(
            "SELECT order_id, order_line, product, ordered_milli, coalesce(closed_milli, 0) AS received"
            " FROM order_lines o JOIN products p ON p.sku = o.product"
            " LEFT JOIN commitments c ON c.product_id = p.product_id"
            " AND c.reference IN (order_id, order_id || '-' || order_line) WHERE state = 'ordered' ORDER BY 1, 2"
        )
        if not ordered:
            return
        line = ordered[which % len(ordered)]
        self.world.count += 1
        named = {"order_id": line.order_id, "order_line": line.order_line}
        if line.product == INNER:
            named = {"transfer_id": f"{line.order_id}-{line.order_line}"}
        received = raw(
            kind="arrival" if line.product == INNER else "receipt",
            event_id=f"g{self.world.count}",
            product=line.product,
            quantity=line.ordered_milli * share / 1000,
            **named,
        )
        # more than was ordered is no need that a run knew of
        more = line.received + line.ordered_milli * share > line.ordered_milli
        self.is_ordered_elsewhere = self.is_ordered_elsewhere or more
        (outcome,) = self.world.recorder.record("dock", "", [received])
        assert outcome.name == "accepted"

    @rule(units=st.integers(1, 4), product=st.sampled_from(PRODUCTS))
    def somebody_else_orders(self, units: int, product: str) -> None:
        self.is_ordered_elsewhere = True
        self.world.count += 1
        name = f"x{self.world.count}"
        other = raw(kind="order", event_id=name, product=product, quantity=units, order_id=name)
        (outcome,) = self.world.recorder.record("office", "", [other])
        assert outcome.name == "accepted"

    @rule()
    def a_day_passes(self) -> None:
        self.day += timedelta(days=1)

    @invariant()
    def no_edit_is_lost_no_snooze_broken_no_order_changed(self) -> None:
        found = {row.line_id: row for row in self.rows("SELECT * FROM order_lines")}
        for line_id, quantity in self.told.edits.items():
            assert found[line_id].buyer_milli == quantity
        for line_id, until in self.told.snoozed.items():
            row = found[line_id]
            assert row.state == "snoozed" or self.day >= until, (row, self.day)
        for line_id, told in self.told.ordered.items():
            row = found[line_id]
            assert (row.state, row.order_id, row.order_line, row.ordered_milli) == (
                "ordered",
                *told,
            )
        for product in PRODUCTS:
            open_now = [
                row for row in found.values()
                if row.product == product and row.state in ("proposed", "snoozed", "waiting")
            ]  # fmt: skip
            assert len(open_now) <= 1

    def teardown(self) -> None:
        """What the ledger has on order is what the desk and others ordered: no more, no less."""
        with self.world.engine.connect() as connection:
            kept = connection.execute(
                sa.text(
                    "SELECT o.line_id, o.state, o.ordered_milli, c.opened_milli FROM order_lines o"
                    " JOIN products p ON p.sku = o.product LEFT JOIN commitments c ON c.reference = o.order_id"
                    " AND c.product_id = p.product_id WHERE o.order_id IS NOT NULL AND o.source IS NULL"
                    " UNION ALL SELECT o.line_id, o.state, o.ordered_milli, c.opened_milli FROM order_lines o"
                    " LEFT JOIN commitments c ON c.reference = o.order_id || '-' || o.order_line"
                    " AND c.purpose = 'in_transit' WHERE o.source IS NOT NULL AND o.order_id IS NOT NULL"
                )
            ).all()
            sent = connection.execute(
                sa.text(
                    "SELECT line_id, state, ordered_milli FROM order_lines"
                    " WHERE source IS NOT NULL AND order_id IS NOT NULL"
                )
            ).all()
            left = connection.execute(
                sa.text(
                    "SELECT on_hand_milli FROM stock JOIN locations USING (location_id) WHERE code = :code"
                ),
                {"code": WAREHOUSE},
            ).scalar_one()
        for row in kept:
            is_ordered = row.state == "ordered"
            expected = row.ordered_milli if is_ordered else self.told.came[row.line_id]
            assert row.opened_milli == expected, row
        away = (
            row.ordered_milli if row.state == "ordered" else self.told.came[row.line_id]
            for row in sent
        )
        assert left == THERE - sum(away)
        assert left >= 0, "more was sent than there is"


@pytest.fixture
def world(database: sa.Engine) -> Iterator[World]:
    with database.begin() as connection:
        name = connection.execute(sa.text("SELECT current_database()")).scalar_one()
        # what is asked here has nothing to do with the disk
        connection.execute(sa.text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
        put_products(connection, [ProductIn(sku) for sku in PRODUCTS])
        put_locations(connection, [LocationIn("S1"), LocationIn(WAREHOUSE)])
    database.dispose()
    recorder = Recorder(database, Settings())
    there = raw(kind="receipt", event_id="w", product=INNER, location=WAREHOUSE, quantity=1)
    assert recorder.record("dock", "", [there])[0].name == "accepted"
    desk = Desk(recording(recorder), second_from_micros=SECOND_FROM)
    WORLD["now"] = World(database, desk, recorder)
    yield WORLD["now"]
    WORLD.clear()


@pytest.mark.timeout(36_000 if SEQUENCES > 300 else 300)
def test_desk_keeps_its_promises_in_any_order(world: World) -> None:
    assert world.count == 0
    run_state_machine_as_test(
        DeskMachine,
        settings=settings(
            max_examples=SEQUENCES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=SEQUENCES == 300,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
