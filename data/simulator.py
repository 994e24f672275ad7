"""The whole simulation: from a seed to a chain with its history, ready to be sent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from data.arrays import BoolArray, FloatArray, IntArray, Row
from data.bookings import make_events, sensor_pairs
from data.calendar import Calendar, make_calendar
from data.chain import Chain, load_chain
from data.cloudevents import EventEncoder
from data.deliveries import draw_fates
from data.demand import draw_lines, line_intensity, sold_days
from data.events import Events
from data.faults import (
    CONFLICT,
    FIRST_MALFORMED,
    Arrivals,
    conflicting,
    make_arrivals,
    malformed,
)
from data.outcomes import ExpectedOutcomes, expect_outcomes
from data.plans import plan_closures, plan_promotions
from data.pricing import Lifecycle, Prices, make_lifecycle, make_prices
from data.reorder import Buyers, make_buyers, make_lead_days
from data.stockroom import Stockroom, run_stockroom
from data.truth import Truth
from stocktide.foundation.errors import Invalid

DAYS_MIN, DAYS_MAX = 14, 3660
BATCH_MAX = 10_000
# Shelves are emptied unseen within so many days, and so many days before the end at least.
PHANTOM_DAYS, PHANTOM_DAYS_LEFT = 180, 60


@dataclass(frozen=True)
class SampleChain:
    """A chain, its history, and what it plans: bodies of PUT /v1/calendar/promotions and closures."""

    seed: int
    products: list[Row]
    locations: list[Row]
    promotions: list[Row]
    closures: list[Row]
    expected: ExpectedOutcomes
    truth: Truth
    events: Events
    sensors: IntArray
    arrivals: Arrivals

    def batches(self, size: int = 2000) -> Iterator[bytes]:
        """Yield NDJSON bodies of up to `size` lines, in the order of arrival."""
        if not 1 <= size <= BATCH_MAX:
            raise Invalid("batch_size", f"size must be 1 to {BATCH_MAX}, not {size}", size=size)
        encoder = EventEncoder(self.truth.chain)
        for start in range(0, self.arrivals.row.size, size):
            rows = self.arrivals.row[start : start + size]
            lines = encoder.lines(self.events.take(rows))
            what = self.arrivals.what[start : start + size]
            for i in np.flatnonzero(what >= CONFLICT):
                lines[i] = _spoil(lines[i], int(what[i]))
            yield b"\n".join(lines) + b"\n"


def _vanish_days(n: int, days: int, share: float, rng: np.random.Generator) -> IntArray:
    """Draw the day on which the goods of each shelf vanish, (n,); -1 for most."""
    first, last = max(0, days - PHANTOM_DAYS), days - PHANTOM_DAYS_LEFT
    if not share or first >= last:
        return np.full(n, -1)
    return np.where(rng.random(n) < share, rng.integers(first, last, n), -1)


def _spoil(line: bytes, what: int) -> bytes:
    return conflicting(line) if what == CONFLICT else malformed(line, what - FIRST_MALFORMED)


@dataclass(frozen=True)
class _Market:
    """State before the first customer comes: the chain, its days, prices and intensity."""

    chain: Chain
    calendar: Calendar
    lifecycle: Lifecycle
    prices: Prices
    sold_on: BoolArray
    intensity: FloatArray


def simulate(
    seed: int = 7, days: int = 730, *, end: date, phantom_share: float = 0.0
) -> SampleChain:
    """Simulate the chain for `days` days; the last one is the day before `end`.

    The same seed, days and end give the same bytes. `end` should not lie after today: a server
    rejects events that are more than a day ahead. phantom_share: of shelves, whose goods vanish
    unseen on a day of the half-year before the last 60 days, and which nobody counts from then on.
    Raises Invalid when days is out of range.
    """
    if not DAYS_MIN <= days <= DAYS_MAX:
        raise Invalid("days", f"days must be {DAYS_MIN} to {DAYS_MAX}, not {days}", days=days)
    # One stream a part: a change in one part leaves the draws of the others alone.
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(10)]
    market = _open_market(end - timedelta(days=days), days, rngs[0])
    lines = draw_lines(market.chain, market.calendar, market.intensity, rngs[1])
    demand = np.zeros(market.sold_on.shape, np.int64)
    np.add.at(demand, (lines.pair, lines.day), lines.quantity_milli)
    buyers = make_buyers(
        market.chain,
        market.calendar,
        market.prices,
        sold=market.sold_on,
        demand_milli=demand,
        rng=rngs[2],
    )
    room = run_stockroom(
        market.chain,
        market.calendar,
        lines,
        buyers,
        sold_on=market.sold_on,
        demand_milli=demand,
        lead_days=make_lead_days(market.chain, days, rngs[2]),
        fates=draw_fates(market.chain, days, rngs[9]),
        vanish_day=_vanish_days(market.chain.n_pairs, days, phantom_share, rngs[7]),
        rng=rngs[3],
    )
    sensors = sensor_pairs(market.chain, market.intensity)
    events = make_events(
        market.chain,
        market.calendar,
        market.prices,
        lines,
        room,
        sold_on=market.sold_on,
        sensors=sensors,
        rng=rngs[4],
        orders_rng=rngs[8],
    )
    arrivals = make_arrivals(events, rngs[5])
    return SampleChain(
        seed=seed,
        products=market.chain.product_rows(),
        locations=market.chain.location_rows(),
        promotions=plan_promotions(
            market.chain, market.prices, market.lifecycle, market.calendar.days, rngs[6]
        ),
        closures=plan_closures(market.calendar.days),
        expected=expect_outcomes(events, arrivals),
        truth=_truth(market, demand, room, buyers),
        events=events,
        sensors=sensors,
        arrivals=arrivals,
    )


def _open_market(first: date, n_days: int, rng: np.random.Generator) -> _Market:
    chain = load_chain()
    calendar = make_calendar(chain, first=first, n_days=n_days)
    lifecycle = make_lifecycle(chain, n_days=n_days, rng=rng)
    prices = make_prices(chain, lifecycle, n_days=n_days, rng=rng)
    return _Market(
        chain=chain,
        calendar=calendar,
        lifecycle=lifecycle,
        prices=prices,
        sold_on=sold_days(chain, lifecycle, n_days=n_days),
        intensity=line_intensity(chain, calendar, lifecycle, prices, rng),
    )


def _truth(market: _Market, demand: IntArray, room: Stockroom, buyers: Buyers) -> Truth:
    return Truth(
        chain=market.chain,
        days=market.calendar.days,
        sold_on=market.sold_on,
        is_open=market.calendar.is_open[market.chain.shop_of],
        intensity=market.intensity,
        demand=demand,
        sold=room.sold,
        returned=room.returned,
        received=room.received,
        transferred=room.transferred,
        adjusted=room.adjusted,
        shrunk=room.shrunk,
        opening=room.opening,
        counted=room.counted,
        on_hand=room.on_hand,
        book=room.book,
        price_micros=market.prices.price_micros,
        promotion=market.prices.promotion,
        on_order=room.on_order.sum(axis=1),
        reorder_point=buyers.reorder_point(demand.shape[1] - 1).astype(np.int64),
        vanish_day=room.vanish_day,
        purchases=room.purchases,
    )
