"""The chain goes on: an endless feed of events from now on, from the state that history left.

The live chain has no opening hours and no season: it sells what the last weeks sold, as fast as
the rate says. Its stock obeys the same rules: what is not there is not sold, what was ordered
comes later, shrinkage stays unseen until the next count.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import numpy as np

from data.arrays import MILLI, IntArray
from data.bookings import CHANNEL_SHARES, CUSTOMERS_PER_SHOP, LOYAL_SHARE
from data.cloudevents import EPOCH, EventEncoder
from data.events import (
    ADJUSTMENT,
    CHANNELS,
    ORDER,
    PRICE,
    READING,
    RECEIPT,
    RETURN,
    SALE,
    STOCKTAKE,
    TRANSFER,
    Events,
    events_of,
)
from data.live_state import LiveState, OpenLine, live_state
from data.purchases import promised_lead_days
from data.simulator import SampleChain
from stocktide.foundation.errors import Invalid

EVENTS_PER_SECOND_MAX = 10_000.0
# Besides sales, and the orders and deliveries that follow from them; what is left are orders at the till.
MIX = {READING: 0.10, RETURN: 0.012, ADJUSTMENT: 0.010, STOCKTAKE: 0.010, TRANSFER: 0.004,
       PRICE: 0.006}  # fmt: skip
ORDER_LINES_MAX = 5
DELIVERY_AFTER_EVENTS = (100, 600)
SHRINKAGE_SHARE = 0.01
PROMOTION_DISCOUNT = 0.8
TRIES_MAX = 50


class LiveFeed:
    """Makes events one after the other. The same seed, history and clock give the same bytes.

    events_per_second may be set while the feed runs. clock tells the time of each event; sleep
    waits between events.
    """

    def __init__(
        self,
        sample: SampleChain,
        *,
        seed: int = 7,
        events_per_second: float = 5.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.events_per_second = events_per_second
        self.state: LiveState = live_state(sample)
        self._chain = sample.truth.chain
        self._rng = np.random.default_rng([seed, 1])
        self._clock, self._sleep = clock, sleep
        self._number = 0
        self._receipts = count(1)
        self._promised = promised_lead_days(self._chain)
        # of their own: how long goods were on their way changes nothing of what is sold
        self._lead_rng = np.random.default_rng([seed, 2])
        self._lead_low = self._chain.per_department(lambda d: d.lead_time_days[0]).astype(np.int64)
        self._waiting: deque[Events] = deque()
        # Milliseconds of the start keep the ids of two runs apart.
        tag = f"L{int(clock().timestamp() * 1000)}-"
        self._encoder = EventEncoder(self._chain, tag=tag, last_order=self.state.last_order)

    @property
    def events_per_second(self) -> float:
        """Mean number of events a second."""
        return self._rate

    @events_per_second.setter
    def events_per_second(self, rate: float) -> None:
        if not 0 < rate <= EVENTS_PER_SECOND_MAX:
            limit = f"events_per_second must be above 0 and at most {EVENTS_PER_SECOND_MAX:g}"
            raise Invalid("events_per_second", f"{limit}, not {rate}", rate=rate)
        self._rate = rate

    @property
    def has_more_of_order(self) -> bool:
        """True if lines of an order wait that stock was already reduced by."""
        return bool(self._waiting)

    def stream(self) -> Iterator[bytes]:
        """Yield events forever, each one line of JSON, waiting before each."""
        while True:
            self._sleep(float(self._rng.exponential(1 / self._rate)))
            yield self.next_event()

    def next_event(self) -> bytes:
        """Return the next event, stamped with the clock's time, without waiting."""
        while not self._waiting:
            self._act()
        event = self._waiting.popleft()
        # Microseconds: what is sold right after a count must not share its instant.
        now = self._clock().astimezone(UTC).replace(tzinfo=None)
        now -= timedelta(days=int(event.time[0]))
        (line,) = self._encoder.lines_at(event, [now.isoformat(timespec="microseconds")])
        return line

    def _act(self) -> None:
        """Simulate one action; it may add no event, one, or the lines of one order."""
        self._number += 1
        if (pair := self.state.delivery_due(self._number)) is not None:
            self._deliver(pair)
            return
        kind = self._rng.choice([SALE, *MIX], p=[1 - sum(MIX.values()), *MIX.values()])
        {
            SALE: self._sell,
            READING: self._read,
            RETURN: self._take_back,
            ADJUSTMENT: self._spoil,
            STOCKTAKE: self._count,
            TRANSFER: self._transfer,
            PRICE: self._reprice,
        }[int(kind)]()

    def _deliver(self, pair: int) -> None:
        for came in self.state.deliver(pair):
            self._put(
                RECEIPT,
                pair,
                came.quantity,
                number=next(self._receipts),
                purchase=came.number,
                line=came.line,
            )

    def _put(
        self, kind: int, pair: int, quantity: int, *, days_ago: int = 0, **columns: int
    ) -> None:
        """Have an event wait for its turn; the time column holds how many days ago it was."""
        given = {"number": self._number, **columns, "quantity": quantity}
        arrays = {name: np.array([value], np.int64) for name, value in given.items()}
        one = np.array([pair], np.int64)
        self._waiting.append(events_of(kind, one, np.full(1, days_ago), **arrays))

    def _pick(self, among: IntArray | None = None) -> int:
        """Draw a pair by how often it sells."""
        weight = self.state.weight if among is None else self.state.weight[among]
        chosen = int(self._rng.choice(weight.size, p=weight / weight.sum()))
        return chosen if among is None else int(among[chosen])

    def _pick_stocked(self) -> int | None:
        """Draw a pair with a whole unit of stock; None after many misses."""
        for _ in range(TRIES_MAX):
            pair = self._pick()
            if min(self.state.physical[pair], self.state.book[pair]) >= MILLI:
                return pair
        return None

    def _sell(self) -> None:
        shop = int(self._chain.shop_of[self._pick()])
        pairs = np.flatnonzero((self._chain.shop_of == shop) & (self.state.weight > 0))
        known = self._rng.random() < LOYAL_SHARE
        customer = shop * CUSTOMERS_PER_SHOP + 1 + int(self._rng.integers(CUSTOMERS_PER_SHOP))
        channel = int(self._rng.choice(len(CHANNELS), p=CHANNEL_SHARES))
        for line in range(1, 1 + min(int(self._rng.geometric(0.45)), ORDER_LINES_MAX)):
            pair = self._pick(pairs)
            sold = self.state.sell(pair, self._quantity(pair))
            if sold:
                price = int(self.state.price_micros[pair])
                who = customer if known else 0
                self._put(SALE, pair, sold, price=price, line=line, customer=who, channel=channel)
            self._after_sale(pair)

    def _quantity(self, pair: int) -> int:
        if self._chain.weighed[pair]:
            return int(self._rng.integers(150, 2500))
        return MILLI * (1 + int(self._rng.poisson(0.5)))

    def _after_sale(self, pair: int) -> None:
        if self._rng.random() < SHRINKAGE_SHARE:
            self.state.lose(pair, MILLI)
        due = self._number + int(self._rng.integers(*DELIVERY_AFTER_EVENTS))
        if (ordered := self.state.reorder(pair, due=due)) is not None:
            self._order(pair, ordered)

    def _order(self, pair: int, ordered: OpenLine) -> None:
        """Tell of an order as of some days ago: its goods come within the hour, and have been on their way since.

        So the chain sells faster than a day passes, and lead times that are learnt from it are still in days.
        """
        low, high = int(self._lead_low[pair]), int(self._promised[pair])
        ago = int(self._lead_rng.integers(low, high + 1))
        day = self._clock().date().toordinal() - EPOCH - ago
        self._put(
            ORDER,
            pair,
            ordered.quantity,
            number=ordered.number,
            line=ordered.line,
            expected_on=day + high,
            days_ago=ago,
        )

    def _read(self) -> None:
        shelf = int(self._rng.integers(self.state.sensors.shape[1]))
        pair = int(self._rng.choice(self.state.sensors[:, shelf]))
        self._put(READING, pair, int(self.state.physical[pair]), line=shelf + 1)

    def _take_back(self) -> None:
        pair = self._pick()
        self.state.move(pair, MILLI)
        self._put(RETURN, pair, MILLI, price=int(self.state.price_micros[pair]), line=1)

    def _spoil(self) -> None:
        if (pair := self._pick_stocked()) is not None:
            self.state.move(pair, -MILLI)
            self._put(ADJUSTMENT, pair, -MILLI)

    def _count(self) -> None:
        pair = self._pick()
        self._put(STOCKTAKE, pair, self.state.count(pair))

    def _transfer(self) -> None:
        if (pair := self._pick_stocked()) is None:
            return
        region = self._chain.region_of_shop[self._chain.shop_of]
        same = (self._chain.product_of == self._chain.product_of[pair]) & (region == region[pair])
        sisters = np.setdiff1d(np.flatnonzero(same), [pair])
        if sisters.size:
            sister = int(self._rng.choice(sisters))
            self.state.move(pair, -MILLI)
            self.state.move(sister, MILLI)
            self._put(TRANSFER, pair, MILLI, to_pair=sister)

    def _reprice(self) -> None:
        """Start a promotion, or end the one that runs."""
        pair = self._pick()
        promotion = self.state.toggle_promotion(pair, discount=PROMOTION_DISCOUNT)
        self._put(PRICE, pair, int(promotion), price=int(self.state.price_micros[pair]))
