"""The history as a server would see it, judged by an independent ledger."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from data import SampleChain, simulate
from data.arrays import IntArray
from stocktide.foundation.errors import Invalid
from tests.data.conftest import END
from tests.data.ledger import Ledger, Pair, instant


def digest(bodies: Iterator[bytes]) -> str:
    return hashlib.sha256(b"".join(bodies)).hexdigest()


def as_pairs(sample: SampleChain, stock: IntArray) -> dict[Pair, int]:
    return {
        (product["sku"], location["code"]): int(
            stock[sample.truth.pair(product["sku"], location["code"])]
        )
        for product in sample.products
        for location in sample.locations
    }


def test_simulate_gives_the_same_bytes_when_seed_is_the_same() -> None:
    first, second, other = (digest(simulate(seed, 20, end=END).batches()) for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_batches_hold_the_same_lines_when_size_differs(sample: SampleChain) -> None:
    assert digest(sample.batches(size=500)) == digest(sample.batches(size=1999))
    sizes = [body.count(b"\n") for body in sample.batches(size=1000)]
    assert set(sizes[:-1]) == {1000}
    assert 0 < sizes[-1] <= 1000


def test_ledger_counts_what_the_simulator_expects(sample: SampleChain, ledger: Ledger) -> None:
    expected = sample.expected
    assert ledger.outcomes == {
        "accepted": expected.accepted,
        "duplicate": expected.duplicate,
        "conflict": expected.conflict,
        "rejected": expected.rejected,
    }
    assert ledger.by_kind() == expected.accepted_by_kind
    assert sum(expected.accepted_by_kind.values()) == expected.accepted == len(sample.events)
    assert sum(expected.rejected_by_fault.values()) == expected.rejected
    assert sum(ledger.outcomes.values()) == expected.sent
    assert 0.015 < expected.duplicate / expected.sent < 0.025
    assert min(expected.rejected_by_fault.values()) > 0


def test_fold_of_the_ledger_is_the_book_stock(sample: SampleChain, ledger: Ledger) -> None:
    folded = ledger.fold()
    for pair, book in as_pairs(sample, sample.truth.book[:, -1]).items():
        assert folded.get(pair, 0) == book, pair


@pytest.mark.parametrize("day", [0, 31, 128])
def test_fold_is_the_book_stock_when_day_has_closed(
    sample: SampleChain, ledger: Ledger, day: int
) -> None:
    morning = sample.truth.days[day].item() + timedelta(days=1)
    until = {
        row["code"]: datetime.combine(morning, time(0), ZoneInfo(row["timezone"]))
        for row in sample.locations
    }
    folded = ledger.fold(until)
    for pair, book in as_pairs(sample, sample.truth.book[:, day]).items():
        assert folded.get(pair, 0) == book, pair


def test_sales_lie_within_opening_hours_when_clocks_change(
    sample: SampleChain, ledger: Ledger
) -> None:
    zones = {row["code"]: ZoneInfo(row["timezone"]) for row in sample.locations}
    days = set()
    for event in ledger.events.values():
        if event["type"] == "stocktide.sale":
            local = instant(event).astimezone(zones[event["data"]["location"]])
            assert time(8) <= local.time() < time(21), event
            days.add(local.date())
    assert date(2025, 12, 25) not in days
    assert {date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)} <= days
    assert max(days) == END - timedelta(days=1)


def test_late_events_come_up_to_three_days_after_newer_ones(sample: SampleChain) -> None:
    newest = datetime.min.replace(tzinfo=UTC)
    lags = []
    recorded = Ledger.of(sample)
    for body in sample.batches():
        for line in body.splitlines():
            before = len(recorded.events)
            recorded.record(line)
            if len(recorded.events) > before:
                at = _time_of(line)
                newest = max(newest, at)
                lags.append((newest - at).total_seconds() / 3600)
    late = np.array(lags) > 1
    assert 0.005 < late.mean() < 0.03
    assert 60 < max(lags) < 73


def _time_of(line: bytes) -> datetime:
    stamp = line.split(b'"time":"')[1].split(b'"')[0]
    return datetime.fromisoformat(stamp.decode())


def test_orders_have_several_lines_of_one_customer(ledger: Ledger) -> None:
    orders: dict[str, list[tuple[int, str | None, str]]] = {}
    for event in ledger.events.values():
        if event["type"] == "stocktide.sale":
            data = event["data"]
            line = (data["order_line"], data.get("customer_id"), event["time"])
            orders.setdefault(data["order_id"], []).append(line)
    assert 1.8 < np.mean([len(lines) for lines in orders.values()]) < 3.0
    for lines in orders.values():
        assert sorted(number for number, _, _ in lines) == list(range(1, len(lines) + 1))
        assert len({(customer, at) for _, customer, at in lines}) == 1


@pytest.mark.parametrize("days", [0, 13, 4000])
def test_simulate_refuses_when_days_are_out_of_range(days: int) -> None:
    with pytest.raises(Invalid, match="days must be 14 to 3660"):
        simulate(days=days, end=END)


@pytest.mark.parametrize("size", [0, 10_001])
def test_batches_refuse_when_size_is_out_of_range(sample: SampleChain, size: int) -> None:
    with pytest.raises(Invalid, match="size must be 1 to 10000"):
        next(sample.batches(size))
