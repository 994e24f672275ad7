import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
import pytest

from data import LiveFeed, SampleChain
from stocktide.foundation.errors import Invalid
from tests.data.conftest import END
from tests.data.ledger import Ledger, instant


@dataclass
class FakeClock:
    """A clock that only sleeping moves."""

    now: datetime = field(
        default_factory=lambda: datetime(END.year, END.month, END.day, 12, tzinfo=UTC)
    )

    def read(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def live_lines(sample: SampleChain, n: int, *, seed: int = 7, rate: float = 5.0) -> list[bytes]:
    clock = FakeClock()
    feed = LiveFeed(sample, seed=seed, events_per_second=rate, clock=clock.read, sleep=clock.sleep)
    return list(islice(feed.stream(), n))


def test_live_feed_continues_the_history_so_that_the_fold_holds(
    sample: SampleChain, ledger: Ledger
) -> None:
    clock = FakeClock()
    # Fast: many events fall into one second, and still none shares an instant with a count.
    feed = LiveFeed(sample, events_per_second=1000, clock=clock.read, sleep=clock.sleep)
    ledger = ledger.copy()
    before = ledger.outcomes["accepted"]
    lines = list(islice(feed.stream(), 3000))
    while feed.has_more_of_order:
        lines.append(feed.next_event())
    ledger.record_all([b"\n".join(lines) + b"\n"])
    assert ledger.outcomes["accepted"] == before + len(lines)
    folded = ledger.fold()
    for product in sample.products:
        for location in sample.locations:
            sku, code = product["sku"], location["code"]
            pair = sample.truth.pair(sku, code)
            assert folded.get((sku, code), 0) == feed.state.book[pair]
    assert feed.state.physical.min() >= 0
    assert set(ledger.by_kind()) == set(sample.expected.accepted_by_kind)
    purchases, days = sample.truth.purchases, sample.truth.days.size
    # what the history had on order has come under its names, or still counts as on order
    left: Counter[int] = Counter()
    for (_, _, named), quantity in ledger.on_order().items():
        assert quantity > 0
        left[sample.truth.pair(*named)] += quantity
    # what never comes stays open
    never = purchases.take(purchases.cancelled >= days)
    awaited = feed.state.on_order.copy()
    np.add.at(awaited, never.pair, never.quantity_milli)
    assert left == {p: quantity for p, quantity in enumerate(awaited) if quantity}


def test_live_feed_is_the_same_when_seed_and_clock_are(sample: SampleChain) -> None:
    assert live_lines(sample, 300) == live_lines(sample, 300)
    assert live_lines(sample, 300) != live_lines(sample, 300, seed=8)


def test_live_feed_does_not_change_the_history(sample: SampleChain) -> None:
    before = sample.truth.on_hand.copy()
    live_lines(sample, 300)
    assert (sample.truth.on_hand == before).all()


def test_live_feed_keeps_the_rate_when_it_is_changed(sample: SampleChain) -> None:
    clock = FakeClock()
    feed = LiveFeed(sample, events_per_second=10, clock=clock.read, sleep=clock.sleep)
    stream = feed.stream()
    spans = []
    for rate in (10, 100):
        feed.events_per_second = rate
        start = clock.now
        for _ in range(1000):
            next(stream)
        spans.append((clock.now - start).total_seconds())
    assert spans == pytest.approx([100, 10], rel=0.15)


@pytest.mark.parametrize("rate", [0.0, -1.0, 10_001.0, float("nan")])
def test_live_feed_refuses_when_rate_is_out_of_range(sample: SampleChain, rate: float) -> None:
    with pytest.raises(Invalid, match="events_per_second must be above 0"):
        LiveFeed(sample, events_per_second=rate)


def test_live_orders_were_placed_days_before_their_goods_come(sample: SampleChain) -> None:
    lines = [json.loads(line) for line in live_lines(sample, 4000)]
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_kind.setdefault(line["type"].removeprefix("stocktide."), []).append(line)
    ordered = {line["data"]["order_id"]: line for line in by_kind["order"]}
    came = [line for line in by_kind["receipt"] if line["data"]["order_id"] in ordered]
    days = {
        department.supplier: department.lead_time_days
        for department in sample.truth.chain.departments
    }
    assert len(came) > 20
    for receipt in came:
        order = ordered[receipt["data"]["order_id"]]
        placed, arrived = instant(order), instant(receipt)
        low, high = days[order["data"]["supplier"]]
        # the clock of this feed moves for some minutes
        assert low <= (arrived - placed).days <= high
        assert date.fromisoformat(order["data"]["expected_on"]) == placed.date() + timedelta(high)
    assert all(instant(line) >= instant(lines[0]) for line in lines if line not in by_kind["order"])
