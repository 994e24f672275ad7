"""True course of the simulated days; tests compare the ledger and forecasts with it."""

from dataclasses import dataclass

import numpy as np

from data.arrays import BoolArray, DayArray, FloatArray, IntArray
from data.chain import Chain
from data.purchases import Purchases


@dataclass(frozen=True)
class Truth:
    """True course of the days, for tests to compare with; (N, D) by pair and day unless noted.

    days: (D,). sold_on: the product is in the assortment; is_open: the shop is open that day.
    demand, sold, lost (= demand - sold), returned, received, transferred (net), adjusted and
    shrunk: int64 milli. counted: milli, -1 without a stocktake at close. on_hand (physical) and
    book (what the ledger must say): milli at close. intensity: mean number of order lines.
    on_order: (N,), milli, ordered and not yet there at the end. reorder_point: (N,), milli.
    vanish_day: (N,), number of the day on which all goods vanished unseen; -1 for none. purchases: what was ordered.
    """

    chain: Chain
    days: DayArray
    sold_on: BoolArray
    is_open: BoolArray
    intensity: FloatArray
    demand: IntArray
    sold: IntArray
    returned: IntArray
    received: IntArray
    transferred: IntArray
    adjusted: IntArray
    shrunk: IntArray
    opening: IntArray
    counted: IntArray
    on_hand: IntArray
    book: IntArray
    price_micros: IntArray
    promotion: BoolArray
    on_order: IntArray
    reorder_point: IntArray
    vanish_day: IntArray
    purchases: Purchases

    @property
    def lost(self) -> IntArray:
        """Demand that met an empty shelf, (N, D), milli; no event tells of it."""
        return self.demand - self.sold

    @property
    def stocked_out(self) -> BoolArray:
        """Pairs and days, open and in the assortment, that closed on an empty shelf, (N, D)."""
        return np.asarray((self.on_hand == 0) & self.sold_on & self.is_open, np.bool_)

    def pair(self, sku: str, location: str) -> int:
        """Return the number of a pair. Raises ValueError when there is no such one."""
        product = [p.sku for p in self.chain.products].index(sku)
        return product * len(self.chain.shops) + [s.code for s in self.chain.shops].index(location)
