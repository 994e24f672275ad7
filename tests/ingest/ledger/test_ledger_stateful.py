"""The ledger against a plain one: batches of all kinds in random order, compared after every batch.

`LEDGER_STEPS` asks for more batches than CI has time for, `LEDGER_SEED` for the same ones again.
"""

import asyncio
import json
import os
import secrets
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from etl.check import ledger_faults
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.ledger.outcomes import Outcome
from ingest.parsing.parser import EventParser
from ingest.recording.intake import Intake
from ingest.recording.recording import Recorder
from stocktide.foundation.database import statement
from stocktide.foundation.settings import Settings
from tests.ingest.samples import START, event

STEPS = int(os.environ.get("LEDGER_STEPS", "2000"))
STEPS_AN_EXAMPLE = 40
CHECK_EVERY = 10
SOURCES = ("/one", "/two")
PLACES = ("S1", "S2", "S3")
# Own unit, and how many own units are in one other unit.
UNITS = {"A": ("each", "case", Fraction(12)), "K": ("kg", "g", Fraction(1, 1000))}
KINDS = (
    "sale", "return", "receipt", "transfer", "dispatch", "arrival", "order", "reservation", "release", "adjustment",
    "stocktake", "reading", "price", "stocktake", "receipt", "sale",
)  # fmt: skip
OPENS = {"order": "on_order", "dispatch": "in_transit", "reservation": "promised"}
CLOSES = {"receipt": "on_order", "arrival": "in_transit", "sale": "promised", "release": "promised"}
LOTS = {"sale", "return", "receipt", "transfer", "dispatch", "arrival", "adjustment"}
EVENTS_OF_LEDGER = (
    "ledger", "event_identities", "corrections", "stock", "commitments", "lots", "valuations", "stock_changes",
    "rejects", "feed_minutes",
)  # fmt: skip

Pair = tuple[str, str]
T = TypeVar("T")

NO_DAY = "9999-12-31"


class Item(NamedTuple):
    """What a batch does at one place: a new event, or something with one that was sent before."""

    what: str
    kind: str
    product: str
    place: str
    other: str
    minute: int
    halves: int
    reference: int
    lot: int
    cost: int
    unit: int
    order: int
    earlier: int


WHAT = (
    *["new"] * 20, *["repeat"] * 4, *["conflict"] * 3, *["correct"] * 6, "correct nothing", "correct again", "unknown",
)  # fmt: skip
OUTCOMES = {
    "accepted", "duplicate", "conflict", "rejected unknown_product", "rejected too_precise", "rejected unknown_event",
    "rejected not_reversible", "rejected already_corrected",
}  # fmt: skip


def item_of(drawn: bytes) -> Item:
    """Choose by one byte a field: much faster than a strategy a field, and zeros are simplest."""
    (
        what,
        kind,
        product,
        place,
        other,
        minute,
        halves,
        reference,
        lot,
        cost,
        unit,
        order,
        earlier,
    ) = drawn
    return Item(
        what=WHAT[what % len(WHAT)],
        kind=KINDS[kind % len(KINDS)],
        product="AK"[product % 2],
        place=PLACES[place % 3],
        other=PLACES[(place + 1 + other % 2) % 3],
        minute=minute % 12,
        halves=1 + halves % 24,
        reference=reference % 3,
        lot=lot % 3,
        cost=cost,
        unit=unit % 4,
        order=order % 10,
        earlier=earlier,
    )


def plain_sale(item: Item) -> Item:
    """What tills send most: it takes the fast lane, unless it is a repeat, or from before a count."""
    kind = "sale" if item.kind != "return" else "return"
    what = item.what if item.what in ("repeat", "conflict") else "new"
    return item._replace(what=what, kind=kind, reference=0, lot=0, unit=0)


items = st.binary(min_size=13, max_size=13).map(item_of)
sales = items.map(plain_sale)
# A moment of the world, how many batches ago it is asked about, and of which pair.
questions = st.tuples(st.integers(0, 13), st.integers(0, STEPS_AN_EXAMPLE), st.integers(0, 5))


def a_day(month: str, drawn: int) -> str:
    """A day of a month, or what other systems write for none."""
    return NO_DAY if drawn % 5 == 0 else f"{month}-{1 + drawn % 28:02d}"


def said_day(day: str | None) -> str | None:
    return None if day == NO_DAY else day


def new_event(item: Item, number: int) -> dict[str, Any]:
    """The event of an item, under an identity that nobody has."""
    kind, amount = item.kind, f"{item.halves / 2:g}"
    data: dict[str, Any] = {"product": item.product, "location": item.place}
    if kind == "price":
        data["price"] = f"{item.cost / 100:g}"
    else:
        data["quantity"] = amount
    if kind == "stocktake":
        data["counted"] = data.pop("quantity")
    if kind == "reading":
        data["observed"] = data.pop("quantity")
    if kind == "adjustment" and item.other < item.place:
        data["quantity"] = f"-{amount}"
    if kind in ("transfer", "dispatch"):
        data["to_location"] = item.other
    if kind in ("dispatch", "arrival"):
        data["transfer_id"] = f"T{item.reference}"
    if kind in ("reservation", "release") or (kind == "sale" and item.reference):
        data["reservation_id"] = f"R{item.reference}"
    if kind == "order" or (kind == "receipt" and item.reference):
        data["order_id"] = f"PO{item.reference}"
    if kind == "receipt" and item.cost % 2:
        data["cost"] = f"{item.cost / 7:.6f}"
    if kind in LOTS and item.lot:
        data["lot"] = f"L{item.lot}"
        if kind in ("receipt", "dispatch", "arrival") and item.cost % 3:
            data["expires_on"] = a_day("2026-05", item.cost)
    if kind == "order" and item.cost % 3:
        data["expected_on"] = a_day("2026-04", item.cost)
    if kind != "price" and item.unit == 1:
        data["unit"] = UNITS[item.product][1]
    made = event(kind, f"{item.order}-{number}", minute=item.minute, source=SOURCES[item.order % 2])
    return {**made, "data": {**({"reason": "found"} if kind == "adjustment" else {}), **data}}


def changed(sent: dict[str, Any], item: Item) -> dict[str, Any]:
    """The same identity with another payload."""
    if item.unit % 2 == 0 or "corrects_id" in sent["data"]:
        return {**sent, "data": {**sent["data"], "reason": f"no {item.halves}"}} if (
            "reason" in sent["data"]
        ) else {**sent, "time": (START + timedelta(days=1, minutes=item.minute)).isoformat()}  # fmt: skip
    name = next(n for n in ("quantity", "counted", "observed", "price") if n in sent["data"])
    return {**sent, "data": {**sent["data"], name: str(100 + item.halves)}}


class Payload(NamedTuple):
    """What an event says, in the ledger's units."""

    kind: str
    product: str
    place: str
    other: str | None
    at: datetime
    moved: int
    observed: int | None
    price: int | None
    cost: int | None
    committed: int | None
    order_id: str | None
    reference: str | None
    lot: str | None
    expires_on: str | None
    expected_on: str | None
    reason: str | None


def payload_of(sent: dict[str, Any]) -> Payload | str:
    """What an event says, or the reason why it is refused."""
    data = sent["data"]
    kind = sent["type"].removeprefix("stocktide.")
    if data["product"] not in UNITS:
        return "unknown_product"
    own, other, in_one = UNITS[data["product"]]
    by = in_one if data.get("unit", own) == other else Fraction(1)
    amount = Fraction(data.get("quantity", data.get("counted", data.get("observed", 0))))
    milli = amount * 1000 * by
    if milli.denominator != 1:
        return "too_precise"
    quantity, cost, price = int(milli), data.get("cost"), data.get("price")
    committed = kind in OPENS or (kind in CLOSES and _reference(kind, data) is not None)
    return Payload(
        kind,
        data["product"],
        data["location"],
        data.get("to_location"),
        datetime.fromisoformat(sent["time"]),
        0
        if kind in ("stocktake", "reading", "price", "order", "reservation", "release")
        else -quantity
        if kind in ("sale", "transfer", "dispatch")
        else quantity,
        quantity if kind in ("stocktake", "reading") else None,
        None if price is None else int(Fraction(price) * 10**6),
        None if cost is None else round(Fraction(cost) * 10**6 / by),
        quantity if committed else None,
        data.get("order_id"),
        data.get("reservation_id") or data.get("transfer_id"),
        data.get("lot"),
        data.get("expires_on"),
        data.get("expected_on"),
        data.get("reason"),
    )


def _reference(kind: str, data: dict[str, Any]) -> str | None:
    found: str | None = (
        data.get("order_id")
        if kind in ("order", "receipt")
        else data.get("reservation_id") or data.get("transfer_id")
    )
    return found


class Sent(NamedTuple):
    """Goods of a transfer, of one lot or of none that was named."""

    sent: int = 0
    came: int = 0
    expires: str | None = None


class Leg(NamedTuple):
    """A row of the ledger."""

    step: int
    place: str
    moved: int
    committed: int | None
    said: Payload
    identity: tuple[str, str]
    reverses: tuple[str, str] | None
    came_from: str | None


def in_force(legs: Sequence[Leg]) -> list[Leg]:
    """Those that are no reversals, and that none of the others reverses."""
    gone = {leg.reverses for leg in legs if leg.reverses is not None}
    return [leg for leg in legs if leg.reverses is None and leg.identity not in gone]


def half_away(value: Fraction) -> int:
    """Round as SQL does."""
    return int(value + Fraction(1, 2)) if value >= 0 else -int(-value + Fraction(1, 2))


class PlainLedger:
    """A single-threaded ledger that keeps every row and folds all of them, each time it is asked."""

    def __init__(self) -> None:
        self.recorded: dict[tuple[str, str], tuple[Payload, tuple[str, str] | None]] = {}
        self.corrected: set[tuple[str, str]] = set()
        self.legs: list[Leg] = []
        self.blocks: list[list[Leg]] = []
        self.costs: dict[Pair, int] = {}

    def append(self, step: int, batch: Sequence[dict[str, Any]]) -> list[str]:
        """Give each event's outcome: its name, of what is rejected with the reason."""
        outcomes = [""] * len(batch)
        new: dict[tuple[str, str], Payload] = {}
        held, corrections = dict(self.recorded), []
        for place, sent in enumerate(batch):
            identity = (sent["source"], sent["id"])
            if "corrects_id" in sent["data"]:
                corrections.append((place, sent, identity))
                continue
            payload = payload_of(sent)
            if isinstance(payload, str):
                outcomes[place] = f"rejected {payload}"
            elif identity in held or identity in new:
                first = held[identity] if identity in held else (new[identity], None)
                outcomes[place] = "duplicate" if first == (payload, None) else "conflict"
            else:
                new[identity] = payload
                outcomes[place] = "accepted"
        self._write(step, new)
        for place, sent, identity in corrections:
            outcomes[place] = self._correct(step, sent, identity)
        return outcomes

    def _correct(self, step: int, sent: dict[str, Any], identity: tuple[str, str]) -> str:
        target = (sent["data"]["corrects_source"], sent["data"]["corrects_id"])
        reason = sent["data"]["reason"]
        if identity in self.recorded:
            said, of = self.recorded[identity]
            return "duplicate" if (of, said.reason) == (target, reason) else "conflict"
        if target not in self.recorded:
            return "rejected unknown_event"
        said, of = self.recorded[target]
        if of is not None:
            return "rejected not_reversible"
        if target in self.corrected:
            return "rejected already_corrected"
        self.corrected.add(target)
        committed = None if said.committed is None else -said.committed
        said = said._replace(moved=-said.moved, committed=committed, reason=reason)
        self._write(step, {identity: said}, of=target)
        self._average_again()
        return "accepted"

    def _write(
        self,
        step: int,
        new: dict[tuple[str, str], Payload],
        of: tuple[str, str] | None = None,
    ) -> None:
        """Write rows in their order, then average costs, as one batch does."""
        legs = []
        for identity, said in new.items():
            self.recorded[identity] = (said, of)
            sent_away = said.kind == "dispatch"
            legs.append(
                Leg(step, said.place, said.moved, None if sent_away else said.committed, said, identity, of, None)
            )  # fmt: skip
            if said.other is not None:
                arrives = 0 if sent_away else -said.moved
                committed = said.committed if sent_away else None
                legs.append(
                    Leg(step, said.other, arrives, committed, said, identity, of, said.place)
                )
        self.legs += legs
        self.blocks.append(legs)
        if of is None:
            self._average(legs, self.legs)

    def _average_again(self) -> None:
        """Take all steps again, as if what is corrected had never been."""
        self.costs = {}
        kept = {id(leg) for leg in in_force(self.legs)}
        so_far: list[Leg] = []
        for block in self.blocks:
            legs = [leg for leg in block if id(leg) in kept]
            so_far += legs
            self._average(legs, so_far)

    def _average(self, legs: Sequence[Leg], so_far: Sequence[Leg]) -> None:
        came: dict[Pair, list[tuple[int, int]]] = defaultdict(list)
        for leg in legs:
            if leg.moved <= 0:
                continue
            cost = leg.said.cost
            if cost is None and leg.came_from is not None:
                cost = self.costs.get((leg.said.product, leg.came_from))
            if cost is not None:
                came[leg.said.product, leg.place].append((leg.moved, cost))
        after = dict(self.costs)
        for pair, parts in came.items():
            quantity = sum(moved for moved, _ in parts)
            cost = half_away(Fraction(sum(moved * cost for moved, cost in parts), quantity))
            on_hand = self.on_hand(pair, so_far)[0]
            others = max(0, on_hand - quantity)
            before = self.costs.get(pair)
            after[pair] = (
                cost
                if before is None
                else half_away(Fraction(others * before + quantity * cost, others + quantity))
            )
        self.costs = after

    def on_hand(self, pair: Pair, legs: Sequence[Leg]) -> tuple[int, datetime | None]:
        """Newest count plus what moved after it, and when that count was."""
        ours = [leg for leg in legs if (leg.said.product, leg.place) == pair]
        counts = [leg for leg in in_force(ours) if leg.said.kind == "stocktake"]
        # of counts of one moment the later row rules: max gives the first of the greatest, so from the end
        last = max(reversed(counts), key=lambda leg: leg.said.at, default=None)
        if last is None:
            return sum(leg.moved for leg in ours), None
        assert last.said.observed is not None
        moved = sum(leg.moved for leg in ours if leg.said.at > last.said.at)
        return last.said.observed + moved, last.said.at

    def stock(self) -> dict[Pair, tuple[Any, ...]]:
        """What `stock` must hold for each pair."""
        rows = {}
        kept = in_force(self.legs)
        for pair in {(leg.said.product, leg.place) for leg in self.legs}:
            ours = [leg for leg in kept if (leg.said.product, leg.place) == pair]
            known = any(leg.said.kind in ("stocktake", "receipt", "arrival") for leg in ours)
            prices, readings = (
                [leg for leg in reversed(ours) if leg.said.kind == kind]
                for kind in ("price", "reading")
            )
            price = max(prices, key=lambda leg: leg.said.at, default=None)
            reading = max(readings, key=lambda leg: leg.said.at, default=None)
            sold = [leg.said.at for leg in ours if leg.said.kind == "sale" and leg.moved < 0]
            rows[pair] = (
                *self.on_hand(pair, self.legs),
                known,
                price and price.said.price,
                reading and reading.said.observed,
                self.costs.get(pair),
                max(sold, default=None),
            )
        return rows

    def commitments(
        self, legs: Sequence[Leg] | None = None
    ) -> dict[tuple[str, str, str, str], tuple[int, int, str | None]]:
        """Opened, closed and when it is expected, by purpose, reference and pair; of all legs or of some."""
        legs = self.legs if legs is None else legs
        found: dict[Any, tuple[int, int, str | None]] = {}
        kept = set(map(id, in_force(legs)))
        for leg in legs:
            if leg.committed is None:
                continue
            said = leg.said
            purpose = OPENS.get(said.kind) or CLOSES[said.kind]
            reference = said.order_id if purpose == "on_order" else said.reference
            key = (purpose, reference, said.product, leg.place)
            opened, closed, expected = found.get(key, (0, 0, None))
            if said.kind in OPENS:
                opened += leg.committed
            else:
                closed += leg.committed
            found[key] = (
                opened,
                closed,
                (id(leg) in kept and said_day(said.expected_on)) or expected,
            )
        return found

    def lots(self) -> dict[tuple[str, str, str], tuple[int, str | None]]:
        """Quantity and end of every lot."""
        found: dict[Any, tuple[int, str | None]] = {}
        kept = set(map(id, in_force(self.legs)))
        for leg in self.legs:
            if leg.said.lot is not None and (leg.moved or leg.committed is not None):
                key = (leg.said.product, leg.place, leg.said.lot)
                quantity, expires = found.get(key, (0, None))
                found[key] = (
                    quantity + leg.moved,
                    (id(leg) in kept and said_day(leg.said.expires_on)) or expires,
                )
        for (product, place, _), goods in self._transferred(kept).items():
            unnamed = goods.pop(None, Sent()).came
            for lot in sorted(goods, key=lambda lot: (goods[lot].expires or "9", lot)):
                came = max(0, min(goods[lot].sent - goods[lot].came, unnamed))
                unnamed -= came
                quantity, expires = found[product, place, lot]
                found[product, place, lot] = (quantity + came, expires)
        return found

    def _transferred(self, kept: set[int]) -> dict[Any, dict[Any, "Sent"]]:
        """What was sent and came, by product, place and transfer, and by lot."""
        found: dict[Any, dict[Any, Sent]] = {}
        for leg in self.legs:
            said = leg.said
            purpose = OPENS.get(said.kind) or CLOSES.get(said.kind)
            if leg.committed is None or purpose != "in_transit":
                continue
            of = found.setdefault((said.product, leg.place, said.reference), {})
            sent, came, expires = of.get(said.lot, Sent())
            is_sent = said.kind in OPENS
            of[said.lot] = Sent(
                sent + leg.committed * is_sent,
                came + leg.committed * (not is_sent),
                (id(leg) in kept and said_day(said.expires_on)) or expires,
            )
        return found


class WaysIn:
    """The recorder, and the intake of the API on an event loop of its own."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._columns = EventParser(recorder.settings, columns_min=1)
        self._intake = Intake(recorder, events_waiting_max=1_000)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._run(self._intake.start())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def submit(self, raws: list[bytes]) -> list[Outcome]:
        """Record as POST /v1/events does."""
        parsed = self.recorder.parser.parse_each(raws)
        return self._run(self._intake.submit("till", "x", raws, parsed))

    def record_as_columns(self, raws: list[bytes]) -> list[Outcome]:
        """Record as a large request is: its plain sales as columns."""
        parsed = self._columns.parse_each(raws)
        return self.recorder.record_parsed("till", "x", raws, parsed)

    def close(self) -> None:
        """Stop the intake and the loop."""
        self._run(self._intake.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class LedgerMachine(RuleBasedStateMachine):
    """Sends batches to both ledgers and compares all that they hold."""

    steps = 0
    outcomes: ClassVar["Counter[str]"] = Counter()

    def __init__(self, ways_in: WaysIn) -> None:
        super().__init__()
        self.ways_in = ways_in
        self.engine = ways_in.recorder.engine
        self.plain = PlainLedger()
        self.sent: list[dict[str, Any]] = []
        self.known_at: list[datetime] = []
        with self.engine.begin() as connection:
            connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
            for table in EVENTS_OF_LEDGER:
                connection.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names from above

    @rule(chosen=st.lists(items, min_size=1, max_size=6), asked=questions)
    def batch(self, chosen: list[Item], asked: tuple[int, int, int]) -> None:
        self._record(chosen, asked, lambda raws: self.ways_in.recorder.record("till", "x", raws))

    @rule(chosen=st.lists(st.one_of(sales, items), min_size=1, max_size=8), asked=questions)
    def columns(self, chosen: list[Item], asked: tuple[int, int, int]) -> None:
        self._record(chosen, asked, self.ways_in.record_as_columns)

    @rule(chosen=st.lists(sales, min_size=1, max_size=3), asked=questions)
    def till(self, chosen: list[Item], asked: tuple[int, int, int]) -> None:
        self._record(chosen, asked, self.ways_in.submit)

    def _record(
        self,
        chosen: list[Item],
        asked: tuple[int, int, int],
        send: Callable[[list[bytes]], list[Outcome]],
    ) -> None:
        LedgerMachine.steps += 1
        step = len(self.known_at)
        events = [self._event(item) for item in chosen]
        expected = self.plain.append(step, events)
        outcomes = send([json.dumps(e).encode() for e in events])
        got = [
            f"{o.name} {o.fault.reason}" if o.name == "rejected" and o.fault else o.name
            for o in outcomes
        ]
        assert got == expected, events
        self.outcomes.update(got)
        self._compare(asked)
        if step % CHECK_EVERY == 0:
            self._check()

    def teardown(self) -> None:
        self._check()

    def _event(self, item: Item) -> dict[str, Any]:
        number = len(self.sent)
        earlier = self.sent[-1 - item.earlier % min(number, 60)] if number else None
        if earlier is None or item.what in ("new", "unknown"):
            made = new_event(item, number)
            if item.what == "unknown":
                made["data"]["product"] = "nobody's"
        elif item.what == "repeat":
            return earlier
        elif item.what == "conflict":
            return changed(earlier, item)
        elif item.what == "correct again":
            corrections = [sent for sent in self.sent if "corrects_id" in sent["data"]]
            made = self._correction(item, number, earlier)
            if corrections:
                old = corrections[item.earlier % len(corrections)]
                made["data"] |= {n: old["data"][n] for n in ("corrects_id", "corrects_source")}
        else:
            made = self._correction(item, number, earlier)
            if item.what == "correct nothing":
                made["data"]["corrects_id"] = "nothing"
        self.sent.append(made)
        return made

    @staticmethod
    def _correction(item: Item, number: int, earlier: dict[str, Any]) -> dict[str, Any]:
        made = event(
            "correction",
            f"{item.order}-{number}",
            minute=item.minute,
            source=SOURCES[item.order % 2],
        )
        of = {"corrects_id": earlier["id"], "corrects_source": earlier["source"]}
        return {**made, "data": {**of, "reason": f"typed {item.reference}"}}

    def _compare(self, asked: tuple[int, int, int]) -> None:
        minute, back, which = asked
        with self.engine.connect() as connection:
            now = connection.execute(sa.text("SELECT clock_timestamp()")).scalar_one()
            self.known_at.append(now)
            assert rows(connection, STOCK, 2) == self.plain.stock()
            assert rows(connection, COMMITMENTS, 4) == self.plain.commitments()
            assert rows(connection, LOT_ROWS, 3) == self.plain.lots()
            step = max(0, len(self.known_at) - 1 - back)
            at = START + timedelta(minutes=minute)
            legs = [leg for leg in self.plain.legs if leg.step <= step and leg.said.at <= at]
            pair = ("AK"[which % 2], PLACES[which // 2])
            binds = {"sku": pair[0], "location": pair[1], "at": at, "known_at": self.known_at[step]}
            found = connection.execute(statement("catalog/stock_as_of"), binds).one_or_none()
            there = any((leg.said.product, leg.place) == pair for leg in legs)
            expected = self.plain.on_hand(pair, legs) if there else None
            assert (found and (found.book_milli, found.counted_at)) == expected, (pair, asked)
            if found:
                assert (
                    found.on_order_milli,
                    found.in_transit_milli,
                    found.promised_milli,
                ) == tuple(
                    sum(
                        max(0, opened - closed)
                        for key, (opened, closed, _) in self.plain.commitments(legs).items()
                        if (key[0], *key[2:]) == (purpose, *pair)
                    )
                    for purpose in ("on_order", "in_transit", "promised")
                ), (pair, asked)

    def _check(self) -> None:
        faults = ledger_faults(self.engine)
        assert not any(faults.values()), faults


STOCK = """SELECT sku, code, on_hand_milli, counted_at, known, s.price_micros, sensed_milli, cost_micros,
           last_sale_at FROM stock s
           JOIN products USING (product_id) JOIN locations USING (location_id)"""
COMMITMENTS = """SELECT purpose, reference, sku, code, opened_milli, closed_milli, expected_on FROM commitments
                 JOIN products USING (product_id) JOIN locations USING (location_id)"""
LOT_ROWS = """SELECT sku, code, lot, on_hand_milli, expires_on FROM lots
              JOIN products USING (product_id) JOIN locations USING (location_id)"""


def rows(connection: sa.Connection, query: str, key_length: int) -> dict[Any, tuple[Any, ...]]:
    """A table by its key; dates as text."""
    plain = [
        tuple(str(cell) if type(cell) is date else cell for cell in row)
        for row in connection.execute(sa.text(query))
    ]
    return {row[:key_length]: row[key_length:] for row in plain}


@pytest.fixture
def ways_in(database: sa.Engine) -> Iterator[WaysIn]:
    with database.begin() as connection:
        name = connection.execute(sa.text("SELECT current_database()")).scalar_one()
        # what is asked here has nothing to do with the disk
        connection.execute(sa.text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
        put_products(connection, [ProductIn("A", packs={"case": 12}), ProductIn("K", unit="kg")])
        put_locations(connection, [LocationIn(place) for place in PLACES])
        for source in SOURCES:
            connection.execute(sa.text("INSERT INTO sources (source) VALUES (:s)"), {"s": source})
    database.dispose()
    opened = WaysIn(Recorder(database, Settings()))
    yield opened
    opened.close()


@pytest.mark.timeout(60 + STEPS)
def test_ledger_holds_what_a_plain_one_does_whatever_comes(ways_in: WaysIn) -> None:
    number = int(os.environ.get("LEDGER_SEED") or secrets.randbelow(2**32))
    print(f"LEDGER_SEED={number}")  # noqa: T201 - pytest shows it where the test fails

    class Machine(LedgerMachine):
        def __init__(self) -> None:
            super().__init__(ways_in)

    steps = 0
    while steps < STEPS:
        run_state_machine_as_test(
            seed(number + steps)(Machine),
            settings=settings(
                max_examples=1 + (STEPS - steps) // STEPS_AN_EXAMPLE,
                stateful_step_count=STEPS_AN_EXAMPLE,
                database=None,
                phases=(Phase.generate, Phase.shrink),
                suppress_health_check=list(HealthCheck),
            ),
        )
        steps = Machine.steps
    print(f"{steps} batches: {Machine.outcomes}")  # noqa: T201 - for whoever asked for many
    assert set(Machine.outcomes) == OUTCOMES
