"""Orders at suppliers as a server sees them: they agree with the terms, and receipts bring them."""

from collections import Counter
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from data import SampleChain, simulate, terms_of
from data.arrays import BoolArray
from data.cloudevents import EventEncoder
from data.deliveries import (
    IN_TWO_PARTS_SHARE,
    NEVER_SHARE,
    PART_DAYS,
    SHORT_DAYS,
    SHORT_SHARE,
    Fates,
)
from data.events import ORDER, RECEIPT
from data.terms import CUTOFF, WEEKDAYS
from tests.data.conftest import END
from tests.data.ledger import Ledger, Pair, milli


def ordered_for(sample: SampleChain) -> dict[Pair, int]:
    """What the truth has on order at the end, of each pair of which there is something."""
    products, shops = sample.truth.chain.products, sample.truth.chain.shops
    named = [(product.sku, shop.code) for product in products for shop in shops]
    return {named[p]: int(sample.truth.on_order[p]) for p in np.flatnonzero(sample.truth.on_order)}


def test_what_did_not_come_of_the_orders_is_what_the_truth_has_on_order(
    sample: SampleChain, ledger: Ledger
) -> None:
    left = ledger.on_order()
    assert min(left.values()) > 0
    truth = sample.truth.purchases
    never = (truth.first_milli == 0) & (truth.cancelled < sample.truth.days.size)
    assert len(ledger.of_kind("correction")) == never.sum() > 0
    by_pair: Counter[Pair] = Counter()
    for (_, _, pair), quantity in left.items():
        by_pair[pair] += quantity
    assert by_pair == ordered_for(sample)


def test_receipts_come_after_their_order_from_its_supplier(
    sample: SampleChain, ledger: Ledger
) -> None:
    ordered = {(line["order_id"], line["order_line"]): line for line in ledger.of_kind("order")}
    received = ledger.of_kind("receipt")
    assert len(ordered) == len(ledger.of_kind("order"))
    truth = sample.truth.purchases
    came = truth.deliveries().day < sample.truth.days.size
    assert len(received) == came.sum() > 0.95 * len(ordered)
    for receipt in received:
        line = ordered[receipt["order_id"], receipt["order_line"]]
        assert receipt["at"] > line["at"]
        assert all(receipt[name] == line[name] for name in ("product", "location", "supplier"))


def test_an_order_is_of_one_supplier_and_day_and_counts_its_lines(ledger: Ledger) -> None:
    lines: dict[str, list[int]] = {}
    whose: dict[str, set[str]] = {}
    for line in ledger.of_kind("order"):
        lines.setdefault(line["order_id"], []).append(line["order_line"])
        whose.setdefault(line["order_id"], set()).add(line["supplier"])
    assert all(sorted(numbers) == list(range(1, len(numbers) + 1)) for numbers in lines.values())
    assert {len(suppliers) for suppliers in whose.values()} == {1}


def test_orders_keep_the_terms_of_their_suppliers(sample: SampleChain, ledger: Ledger) -> None:
    terms = terms_of(sample.truth.chain)
    suppliers = {row["supplier"]: row for row in terms["suppliers"]}
    sold = {(row["supplier"], row["product"]): row for row in terms["supplier-products"]}
    zones = {row["code"]: ZoneInfo(row["timezone"]) for row in sample.locations}
    for line in ledger.of_kind("order"):
        supplier, offer = (
            suppliers[line["supplier"]],
            sold[line["supplier"], line["product"]],
        )
        at = line["at"].astimezone(zones[line["location"]])
        assert WEEKDAYS[at.weekday()] in supplier["order_days"].split(",")
        assert at.strftime("%H:%M") < supplier["cutoff"] == CUTOFF
        assert milli(line["quantity"]) % milli(offer["pack"]) == 0
        assert float(line["cost"]) == offer["price"]
        promised = at.date() + timedelta(days=supplier["lead_days"])
        assert date.fromisoformat(line["expected_on"]) >= promised


def test_suppliers_deliver_as_their_shares_say(sample: SampleChain) -> None:
    chain, orders = sample.truth.chain, sample.truth.purchases
    known = orders.take(orders.due < sample.truth.days.size)
    department = chain.department_of[known.pair]
    late = known.due > known.expected
    by_day = np.zeros((len(chain.departments), sample.truth.days.size))
    counts = np.zeros_like(by_day)
    np.add.at(by_day, (department, known.day), late)
    np.add.at(counts, (department, known.day), 1)
    # days of a failure apart: then nearly all is late
    usual = (by_day < 0.5 * counts)[department, known.day]
    for number, one in enumerate(chain.departments):
        of_it = late[usual & (department == number)]
        assert within_chance(of_it, one.late_share)
    parted = known.quantity_milli > chain.case_milli[known.pair]
    waits = (known.rest_due - known.due)[known.rest_due >= 0]
    assert within_chance(known.rest_due[parted] >= 0, IN_TWO_PARTS_SHARE + SHORT_SHARE)
    assert not (known.rest_due[~parted] >= 0).any()
    assert within_chance(known.first_milli == 0, NEVER_SHARE)
    # closed days move some to the next open one
    assert waits.min() >= PART_DAYS[0]
    assert within_chance(waits >= SHORT_DAYS[0], SHORT_SHARE / (IN_TWO_PARTS_SHARE + SHORT_SHARE))


def within_chance(happened: BoolArray, share: float) -> bool:
    """Return True unless the count is further from its mean than four standard deviations."""
    spread = 4 * np.sqrt(happened.size * share * (1 - share))
    return bool(abs(happened.sum() - happened.size * share) <= spread)


@given(
    share=st.floats(0, 1), packs=st.lists(st.integers(1, 50), min_size=1, max_size=5)
)  # fmt: skip
def test_a_part_is_some_whole_packs_and_never_all(share: float, packs: list[int]) -> None:
    ordered = np.array(packs)
    rows, one = np.arange(ordered.size), np.ones((ordered.size, 1), np.int64)
    fates = Fates(
        late_days=one, first_share=np.full((ordered.size, 1), share), rest_days=one, cancel_days=one
    )
    first = fates.first_packs(rows, 0, ordered)
    expected = [
        0 if share == 0 else n if share == 1 or n == 1 else min(max(int(share * n), 1), n - 1)
        for n in packs
    ]
    assert first.tolist() == expected


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), days=st.integers(14, 40))
def test_receipts_of_a_day_are_what_was_due(seed: int, days: int) -> None:
    truth = simulate(seed, days, end=END).truth
    orders = truth.purchases
    coming = orders.deliveries()
    came = coming.day < days
    received = np.zeros_like(truth.received)
    np.add.at(
        received, (orders.pair[coming.row[came]], coming.day[came]), coming.quantity_milli[came]
    )
    np.testing.assert_array_equal(received, truth.received)
    assert (orders.day < orders.due).all()
    assert (orders.quantity_milli > 0).all()
    # each line comes in full, in one part or two, or is cancelled, after it was promised
    whole = np.bincount(coming.row, coming.quantity_milli, orders.pair.size)
    never = orders.cancelled >= 0
    np.testing.assert_array_equal(whole, np.where(never, 0, orders.quantity_milli))
    assert (orders.cancelled > orders.expected)[never].all()
    assert (orders.rest_due > orders.due)[orders.rest_due >= 0].all()


def test_a_live_feed_names_the_historys_orders_as_the_history_does(sample: SampleChain) -> None:
    events, last = sample.events, int(sample.truth.purchases.number.max())
    some = events.take(np.flatnonzero((events.kind == ORDER) | (events.kind == RECEIPT))[-50:])
    live = EventEncoder(sample.truth.chain, tag="L1-", last_order=last)
    plain = EventEncoder(sample.truth.chain)
    for lines in zip(live.lines(some), plain.lines(some), strict=True):
        named = {line.split(b'"order_id":"')[1].split(b'"')[0] for line in lines}
        assert len(named) == 1
