"""Stock of every pair, day by day: what is really there, and what the books say.

A day runs in this order, and the events' times follow it: deliveries, transfers, sales, returned
goods back on the shelf, adjustments, shrinkage (nobody sees it), stocktake.
"""

from dataclasses import dataclass, field

import numpy as np

from data.arrays import MILLI, BoolArray, FloatArray, IntArray
from data.calendar import Calendar
from data.chain import Chain
from data.deliveries import REST_DAYS_MAX, Fates
from data.demand import Lines
from data.purchases import Placed, Purchases, join_purchases, open_day, promised_lead_days
from data.reorder import LEAD_DAYS_MAX, Buyers, first_deliveries
from data.transfers import TRANSFER_WEEKDAYS, Transfers, join_transfers, plan_transfers

# A supplier's failure may add to the longest lead time, and the rest of a line comes after its first part.
LATEST_DAYS = LEAD_DAYS_MAX + 14
PIPELINE_DAYS = LATEST_DAYS + REST_DAYS_MAX
COUNT_EVERY_DAYS = 60
SHRINKAGE_SHARE = 0.006
FREE_GOODS_PER_DAY = 0.0008


@dataclass
class Stockroom:
    """Stock movements by pair and day, int64, thousandths of a unit.

    opening: (N,), counted before the first day. counted: (N, D), -1 without a stocktake.
    on_hand, book: (N, D), at close. on_order: (N, PIPELINE_DAYS), due in the days after the last, or not cancelled yet.
    purchases: what was ordered; received is the sum of what came of it by day.
    filled: (L,), how much of each line was there to be sold. vanish_day: (N,), -1 for most. The others: (N, D).
    """

    opening: IntArray
    filled: IntArray
    sold: IntArray
    received: IntArray
    transferred: IntArray
    returned: IntArray
    adjusted: IntArray
    shrunk: IntArray
    counted: IntArray
    on_hand: IntArray
    book: IntArray
    on_order: IntArray
    vanish_day: IntArray
    transfers: Transfers
    purchases: Purchases


@dataclass
class _Day:
    """The running state: physical and book stock (N,), the pipeline (N, D + PIPELINE_DAYS).

    awaited: of the same shape, what never comes, by the day on which the buyers cancel it.
    """

    physical: IntArray
    book: IntArray
    pipeline: IntArray
    awaited: IntArray
    moves: list[Transfers] = field(default_factory=list)
    placed: list[Placed] = field(default_factory=list)

    def move(self, quantity: IntArray) -> None:
        """Add a booked movement to both stocks."""
        self.physical += quantity
        self.book += quantity

    def order(self, placed: Placed) -> None:
        """Put what is ordered into the pipeline."""
        np.add.at(self.pipeline, (placed.pair, placed.due), placed.first_milli)
        rest = placed.quantity_milli - placed.first_milli
        for column, days in ((self.pipeline, placed.rest_due), (self.awaited, placed.cancelled)):
            some = np.flatnonzero(days >= 0)
            np.add.at(column, (placed.pair[some], days[some]), rest[some])
        self.placed.append(placed)

    def on_order(self, day: int) -> IntArray:
        """Sum what the buyers still count on at a day's close, (N,)."""
        ahead = slice(day + 1, day + 1 + PIPELINE_DAYS)
        return np.asarray((self.pipeline[:, ahead] + self.awaited[:, ahead]).sum(axis=1), np.int64)


def run_stockroom(
    chain: Chain,
    calendar: Calendar,
    lines: Lines,
    buyers: Buyers,
    *,
    sold_on: BoolArray,
    demand_milli: IntArray,
    lead_days: IntArray,
    fates: Fates,
    vanish_day: IntArray,
    rng: np.random.Generator,
) -> Stockroom:
    """Simulate all days. Arrays: sold_on, demand_milli and lead_days are (N, D).

    vanish_day: (N,), when all goods of a shelf vanish unseen, and nobody counts it since; -1 for never.
    """
    room, state = _open_doors(chain, calendar, buyers, lines, sold_on)
    promised = promised_lead_days(chain)
    mean_milli = demand_milli.sum(axis=1) / np.maximum(sold_on.sum(axis=1), 1)
    bounds = np.searchsorted(lines.day, np.arange(sold_on.shape[1] + 1))
    next_open = calendar.next_open[chain.shop_of]
    for day in range(sold_on.shape[1]):
        active = sold_on[:, day]
        room.received[:, day] = state.pipeline[:, day]
        state.move(room.received[:, day])
        if calendar.weekday[day] in TRANSFER_WEEKDAYS:
            room.transferred[:, day] = _transfer(chain, buyers, state, day, active)
            state.move(room.transferred[:, day])
        _sell(room, state, lines, day, slice(bounds[day], bounds[day + 1]))
        state.move(room.returned[:, day])
        room.adjusted[:, day] = _adjust(chain, state, active, rng)
        state.move(room.adjusted[:, day])
        lost = _shrink(chain, state, mean_milli * active, rng)
        room.shrunk[:, day] = np.where(vanish_day == day, np.maximum(state.physical, 0), lost)
        state.physical -= room.shrunk[:, day]
        counted = (vanish_day < 0) | (vanish_day > day)
        _count(room, state, day, active & calendar.is_open[chain.shop_of, day] & counted)
        room.on_hand[:, day], room.book[:, day] = state.physical, state.book
        buyers.observe(day, room.sold[:, day], state.physical > 0)
        _order(state, buyers, day, lead_days[:, day], promised, fates, next_open)
    room.on_order = (state.pipeline + state.awaited)[:, sold_on.shape[1] :]
    room.transfers = join_transfers(state.moves)
    room.purchases = join_purchases(chain, calendar, state.placed)
    room.vanish_day = vanish_day
    return room


def _open_doors(
    chain: Chain, calendar: Calendar, buyers: Buyers, lines: Lines, sold_on: BoolArray
) -> tuple[Stockroom, _Day]:
    """Fill the shelves to the buyers' target; products that come later get a first delivery."""
    n, n_days = sold_on.shape
    first = sold_on.argmax(axis=1)
    pipeline = np.zeros((n, n_days + PIPELINE_DAYS), np.int64)
    cases = np.ceil(buyers.reorder_point(0) / chain.case_milli)
    opening = np.where(first == 0, cases * chain.case_milli, 0).astype(np.int64)
    empty = {
        name: np.zeros((n, n_days), np.int64)
        for name in ("sold", "received", "transferred", "returned", "adjusted", "shrunk",
                     "on_hand", "book")
    }  # fmt: skip
    room = Stockroom(
        opening=opening,
        filled=np.zeros(lines.pair.size, np.int64),
        counted=np.full((n, n_days), -1, np.int64),
        on_order=pipeline,
        vanish_day=np.full(n, -1),
        transfers=join_transfers([]),
        purchases=join_purchases(chain, calendar, []),
        **empty,
    )
    state = _Day(
        physical=opening.copy(),
        book=opening.copy(),
        pipeline=pipeline,
        awaited=np.zeros_like(pipeline),
    )
    state.order(first_deliveries(chain, buyers, first))
    return room, state


def _sell(room: Stockroom, state: _Day, lines: Lines, day: int, of_day: slice) -> None:
    """Serve the day's lines in the order of their times until the shelf is empty."""
    pair, wanted = lines.pair[of_day], lines.quantity_milli[of_day]
    left = state.physical[pair] - lines.wanted_before[of_day]
    filled = np.clip(left, 0, wanted)
    room.filled[of_day] = filled
    np.add.at(room.sold[:, day], pair, filled)
    state.move(-room.sold[:, day])
    back = np.flatnonzero(lines.return_day[of_day] >= 0)
    np.add.at(room.returned, (pair[back], lines.return_day[of_day][back]), filled[back])


def _transfer(chain: Chain, buyers: Buyers, state: _Day, day: int, active: BoolArray) -> IntArray:
    """Move goods between shops in the morning; returns the net of each pair, (N,)."""
    moved = plan_transfers(
        chain,
        day=day,
        physical=state.physical,
        book=state.book,
        daily_milli=buyers.level_milli,
        active=active,
    )
    state.moves.append(moved)
    return moved.net(chain.n_pairs)


def _adjust(chain: Chain, state: _Day, active: BoolArray, rng: np.random.Generator) -> IntArray:
    """Draw the booked corrections, (N,): spoilt goods out, occasionally a free unit in."""
    share = chain.per_department(lambda d: d.expired_share)
    units = state.physical // MILLI
    spoilt = -MILLI * rng.binomial(np.maximum(units, 0), share)
    free = MILLI * (rng.random(units.size) < FREE_GOODS_PER_DAY)
    return np.where(spoilt < 0, spoilt, free * active).astype(np.int64)


def _shrink(
    chain: Chain, state: _Day, mean_milli: FloatArray, rng: np.random.Generator
) -> IntArray:
    """Draw the quantity that vanishes unseen, (N,); never more than is there."""
    units = rng.poisson(SHRINKAGE_SHARE * mean_milli / MILLI)
    part = np.where(chain.weighed == 1, rng.integers(100, MILLI, units.size), MILLI)
    return np.minimum(units * part, state.physical).astype(np.int64)


def _count(room: Stockroom, state: _Day, day: int, may_count: BoolArray) -> None:
    """Count a sixtieth of the pairs each day, and put the books right."""
    turn = (day + 7 * np.arange(may_count.size)) % COUNT_EVERY_DAYS == COUNT_EVERY_DAYS - 1
    counts = turn & may_count
    room.counted[counts, day] = state.physical[counts]
    state.book = np.where(counts, state.physical, state.book)


def _order(
    state: _Day,
    buyers: Buyers,
    day: int,
    lead_days: IntArray,
    promised_days: IntArray,
    fates: Fates,
    next_open: IntArray,
) -> None:
    """Order what the buyers want; all (N,) but fates and next_open, (N, D)."""
    wanted = buyers.order(day, state.book + state.on_order(day))
    pairs = np.flatnonzero(wanted)
    quantity, case, promised = wanted[pairs], buyers.case_milli[pairs], day + promised_days[pairs]
    late = fates.late_days[pairs, day]
    lead = np.where(late > 0, promised_days[pairs] + late, 0)
    due = day + np.minimum(np.maximum(lead, lead_days[pairs]), LATEST_DAYS)
    due = open_day(next_open, pairs, due)
    first = fates.first_packs(pairs, day, quantity // case) * case
    rest_due = open_day(next_open, pairs, due + fates.rest_days[pairs, day])
    cancelled = open_day(next_open, pairs, promised + fates.cancel_days[pairs, day])
    state.order(
        Placed(
            pair=pairs,
            day=np.full(pairs.size, day, np.int64),
            expected=promised,
            due=due,
            quantity_milli=quantity,
            first_milli=first,
            rest_due=np.where((first > 0) & (first < quantity), rest_due, -1),
            cancelled=np.where(first == 0, cancelled, -1),
        )
    )
