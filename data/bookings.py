"""Books the simulated days: which event happened when, by the timetable of a shop's day."""

from dataclasses import fields, replace

import numpy as np

from data.arrays import HOUR_S, BoolArray, FloatArray, IntArray, rank_within
from data.calendar import Calendar
from data.chain import Chain
from data.demand import Lines
from data.events import (
    ADJUSTMENT,
    CHANNELS,
    CORRECTION,
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
from data.pricing import Prices
from data.purchases import Purchases
from data.stockroom import Stockroom

CHANNEL_SHARES = (0.86, 0.09, 0.05)

LOYAL_SHARE = 0.45
CUSTOMERS_PER_SHOP = 4000
SENSORS_PER_SHOP = 5
SENSOR_ERROR_SHARE = 0.05

# The day's timetable: earliest second and span. Before opening, since local midnight:
PRICES_AT = (4 * HOUR_S + 1800, 600)
OPENING_AT = (5 * HOUR_S + 1800, 900)
RECEIPTS_AT = (6 * HOUR_S, 4500)
TRANSFERS_AT = (7 * HOUR_S + 1800, 900)
# and after closing, since the closing time:
RETURNS_AFTER = (300, 2400)
ADJUSTMENTS_AFTER = (3000, 1800)
STOCKTAKES_AFTER = (5100, 1800)
READINGS_AFTER = (7200, 300)
ORDERS_AFTER = (7500, 900)

AFTER_CLOSING = (RETURNS_AFTER, ADJUSTMENTS_AFTER, STOCKTAKES_AFTER, READINGS_AFTER, ORDERS_AFTER)


def sensor_pairs(chain: Chain, intensity: FloatArray) -> IntArray:
    """Return the pairs with a shelf sensor, (S, SENSORS_PER_SHOP): each shop's fastest sellers by shelf."""
    by_shop = intensity.sum(axis=1).reshape(-1, len(chain.shops))
    fastest = np.argsort(-by_shop, axis=0, kind="stable")[:SENSORS_PER_SHOP].T
    return fastest * len(chain.shops) + np.arange(len(chain.shops))[:, None]


def make_events(
    chain: Chain,
    calendar: Calendar,
    prices: Prices,
    lines: Lines,
    room: Stockroom,
    *,
    sold_on: BoolArray,
    sensors: IntArray,
    rng: np.random.Generator,
    orders_rng: np.random.Generator,
) -> Events:
    """Turn the simulated days into events, sorted by time."""
    maker = _Maker(chain, calendar, rng)
    sales, returns = maker.till(prices, lines, room)
    parts = [
        sales,
        returns,
        maker.receipts(room),
        maker.transfers(room),
        maker.of_days(ADJUSTMENT, room.adjusted, room.adjusted != 0, ADJUSTMENTS_AFTER),
        maker.opening(room, sold_on),
        maker.of_days(STOCKTAKE, room.counted, room.counted >= 0, STOCKTAKES_AFTER),
        maker.readings(room, sensors, sold_on),
        maker.prices(prices, sold_on),
        maker.orders(room, orders_rng),
        maker.cancellations(room, orders_rng),
    ]
    columns = {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Events)}
    together = Events(**columns)
    together = together.take(np.lexsort((together.line, together.number, together.time)))
    return _numbered(together)


def _numbered(events: Events) -> Events:
    """Assign numbers from 1, within their kind, to the events that belong to no order."""
    number = events.number.copy()
    for kind in (RECEIPT, TRANSFER, ADJUSTMENT, STOCKTAKE, READING, PRICE):
        rows = np.flatnonzero(events.kind == kind)
        number[rows] = np.arange(1, rows.size + 1)
    return replace(events, number=number)


class _Maker:
    """Makes the columns of each kind; holds what all of them need."""

    def __init__(self, chain: Chain, calendar: Calendar, rng: np.random.Generator) -> None:
        self._chain, self._calendar, self._rng = chain, calendar, rng

    def _at(self, pair: IntArray, day: IntArray, slot: tuple[int, int]) -> IntArray:
        """Draw epoch seconds within a slot of the timetable."""
        return self._start(pair, day, slot) + self._rng.integers(0, slot[1], pair.size)

    def _start(self, pair: IntArray, day: IntArray, slot: tuple[int, int]) -> IntArray:
        """Return the epoch second at which a slot begins: after closing, or in the morning."""
        shop = self._chain.shop_of[pair]
        start = self._calendar.midnight_s[shop, day] + slot[0]
        return start + self._calendar.closes_s[shop, day] if slot in AFTER_CLOSING else start

    def of_days(
        self, kind: int, quantity: IntArray, happened: BoolArray, slot: tuple[int, int]
    ) -> Events:
        """Create one event of `kind` for each pair and day on which it happened; arrays (N, D)."""
        pair, day = np.nonzero(happened)
        return events_of(kind, pair, self._at(pair, day, slot), quantity=quantity[pair, day])

    def receipts(self, room: Stockroom) -> Events:
        """Create a receipt for each part of a line that has come; what comes of a pair on a day comes at once."""
        pair, day = np.nonzero(room.received > 0)
        time = self._at(pair, day, RECEIPTS_AT)
        n_days = room.received.shape[1]
        coming = room.purchases.deliveries()
        in_time = coming.day < n_days
        came = room.purchases.take(coming.row[in_time])
        delivery = np.searchsorted(pair * n_days + day, came.pair * n_days + coming.day[in_time])
        return events_of(
            RECEIPT,
            came.pair,
            time[delivery],
            quantity=coming.quantity_milli[in_time],
            purchase=came.number,
            line=came.line,
        )

    def orders(self, room: Stockroom, rng: np.random.Generator) -> Events:
        """Create the lines of the purchase orders; those of a shop are told together when its day has closed."""
        told = room.purchases
        return events_of(
            ORDER,
            told.pair,
            self._told_at(told, told.day, rng),
            quantity=told.quantity_milli,
            number=told.number,
            line=told.line,
            expected_on=self._calendar.days[0].astype(np.int64) + told.expected,
        )

    def cancellations(self, room: Stockroom, rng: np.random.Generator) -> Events:
        """Create the corrections that take back the lines that never came."""
        cancelled = room.purchases.cancelled
        told = room.purchases.take((cancelled >= 0) & (cancelled < room.received.shape[1]))
        return events_of(
            CORRECTION,
            told.pair,
            self._told_at(told, told.cancelled, rng),
            number=told.number,
            line=told.line,
        )

    def _told_at(self, told: Purchases, day: IntArray, rng: np.random.Generator) -> IntArray:
        """Draw when a shop's lines of an order are told of, after it has closed."""
        shops = len(self._chain.shops)
        second = rng.integers(0, ORDERS_AFTER[1], (int(told.number.max(initial=0)) + 1, shops))
        start = self._start(told.pair, day, ORDERS_AFTER)
        return start + second[told.number, self._chain.shop_of[told.pair]]

    def opening(self, room: Stockroom, sold_on: BoolArray) -> Events:
        """Create the stocktake of the first morning, of every pair that is sold from then on."""
        pair = np.flatnonzero(sold_on[:, 0])
        time = self._at(pair, np.zeros(pair.size, np.int64), OPENING_AT)
        return events_of(STOCKTAKE, pair, time, quantity=room.opening[pair])

    def transfers(self, room: Stockroom) -> Events:
        """Create the transfers between shops of a region."""
        moved = room.transfers
        time = self._at(moved.from_pair, moved.day, TRANSFERS_AT)
        return events_of(
            TRANSFER, moved.from_pair, time, quantity=moved.quantity_milli, to_pair=moved.to_pair
        )

    def readings(self, room: Stockroom, sensors: IntArray, sold_on: BoolArray) -> Events:
        """Create one reading each evening of each sensor: the physical stock, occasionally one off."""
        pairs = np.repeat(sensors.reshape(-1), sold_on.shape[1])
        shelf = np.tile(np.arange(1, sensors.shape[1] + 1), len(sensors))
        shelves = np.repeat(shelf, sold_on.shape[1])
        day = np.tile(np.arange(sold_on.shape[1]), sensors.size)
        kept = sold_on[pairs, day]
        pairs, shelves, day = pairs[kept], shelves[kept], day[kept]
        wrong = self._rng.random(day.size) < SENSOR_ERROR_SHARE
        error = np.where(wrong, self._rng.choice((-1000, 1000), day.size), 0)
        observed = np.maximum(room.on_hand[pairs, day] + error, 0)
        return events_of(
            READING, pairs, self._at(pairs, day, READINGS_AFTER), quantity=observed, line=shelves
        )

    def prices(self, prices: Prices, sold_on: BoolArray) -> Events:
        """Create one event for each change of price or promotion, and one on a pair's first day."""
        changed = np.ones(sold_on.shape, np.bool_)
        changed[:, 1:] = np.diff(prices.price_micros, axis=1) != 0
        changed[:, 1:] |= prices.promotion[:, 1:] != prices.promotion[:, :-1]
        changed[:, 1:] |= ~sold_on[:, :-1]
        pair, day = np.nonzero(changed & sold_on)
        return events_of(
            PRICE,
            pair,
            self._at(pair, day, PRICES_AT),
            price=prices.price_micros[pair, day],
            quantity=prices.promotion[pair, day].astype(np.int64),
        )

    def till(self, prices: Prices, lines: Lines, room: Stockroom) -> tuple[Events, Events]:
        """Create sales of the lines that found goods, and the returns that some of them become."""
        rows = np.flatnonzero(room.filled > 0)
        pair, day = lines.pair[rows], lines.day[rows]
        shop = self._chain.shop_of[pair]
        midnight = self._calendar.midnight_s[shop, day]
        time = midnight + lines.second[rows]
        order = np.lexsort((pair, lines.basket[rows], time, shop))
        rows, pair, day, shop, time = rows[order], pair[order], day[order], shop[order], time[order]
        basket = lines.basket[rows]
        customer, channel = self._baskets(int(lines.basket.max(initial=0)) + 1)
        sale = events_of(
            SALE,
            pair,
            time,
            quantity=room.filled[rows],
            price=prices.price_micros[pair, day],
            number=_order_numbers(shop, basket),
            line=rank_within(basket) + 1,
            customer=np.where(
                customer[basket] > 0, shop * CUSTOMERS_PER_SHOP + customer[basket], 0
            ),
            channel=channel[basket],
        )
        return sale, self._returned(sale, lines.return_day[rows])

    def _baskets(self, n: int) -> tuple[IntArray, IntArray]:
        """Draw the customer (0: unknown) and the channel of each basket, (n,)."""
        # Squaring makes some customers come far more often than others.
        regular = 1 + (CUSTOMERS_PER_SHOP * self._rng.random(n) ** 2).astype(np.int64)
        customer = np.where(self._rng.random(n) < LOYAL_SHARE, regular, 0)
        return customer, self._rng.choice(len(CHANNELS), n, p=CHANNEL_SHARES)

    def _returned(self, sale: Events, return_day: IntArray) -> Events:
        rows = np.flatnonzero(return_day >= 0)
        back = sale.take(rows)
        return replace(
            back,
            kind=np.full(rows.size, RETURN, np.int64),
            time=self._at(back.pair, return_day[rows], RETURNS_AFTER),
        )


def _order_numbers(shop: IntArray, basket: IntArray) -> IntArray:
    """Assign numbers from 1 to each shop's orders, in the order of their times; input sorted that way."""
    new = np.r_[True, basket[1:] != basket[:-1]] if basket.size else np.zeros(0, np.bool_)
    running = np.cumsum(new)
    starts = np.flatnonzero(np.r_[True, shop[1:] != shop[:-1]]) if shop.size else shop
    lengths = np.diff(np.r_[starts, shop.size])
    return np.asarray(running - np.repeat(running[starts] - 1, lengths), np.int64)
