"""Transfers between the shops of one region: the fullest shop helps out the emptiest."""

from dataclasses import dataclass

import numpy as np

from data.arrays import MILLI, BoolArray, FloatArray, IntArray
from data.chain import Chain

TRANSFER_WEEKDAYS = (1, 4)
# Days of sales in stock: a shop below POOR is helped by one above RICH, which keeps KEEP.
POOR_DAYS, RICH_DAYS, KEEP_DAYS = 1.0, 10.0, 6.0
HELP_DAYS_MAX = 7.0


@dataclass(frozen=True)
class Transfers:
    """Goods moved between shops of one region; all int64 of shape (T,)."""

    day: IntArray
    from_pair: IntArray
    to_pair: IntArray
    quantity_milli: IntArray

    def net(self, n_pairs: int) -> IntArray:
        """Compute what each pair received less what it gave, milli, shape (N,)."""
        net = np.zeros(n_pairs, np.int64)
        np.subtract.at(net, self.from_pair, self.quantity_milli)
        np.add.at(net, self.to_pair, self.quantity_milli)
        return net


def plan_transfers(
    chain: Chain,
    *,
    day: int,
    physical: IntArray,
    book: IntArray,
    daily_milli: FloatArray,
    active: BoolArray,
) -> Transfers:
    """Choose the transfers of a morning.

    physical, book: (N,), milli; daily_milli: (N,), usual sales of a day; active: (N,).
    """
    daily = np.maximum(daily_milli, 1.0)
    rich, poor = _extremes(chain, book / daily)
    spare = np.minimum(physical[rich], book[rich] - KEEP_DAYS * daily[rich])
    units = np.floor(np.minimum(spare / 2, HELP_DAYS_MAX * daily[poor]) / MILLI).astype(np.int64)
    needed = (book[poor] < POOR_DAYS * daily[poor]) & (book[rich] > RICH_DAYS * daily[rich])
    chosen = np.flatnonzero(needed & active[poor] & (units > 0))
    return Transfers(
        day=np.full(chosen.size, day, np.int64),
        from_pair=rich[chosen],
        to_pair=poor[chosen],
        quantity_milli=units[chosen] * MILLI,
    )


def join_transfers(parts: list[Transfers]) -> Transfers:
    """Join the transfers of all days into one record."""
    empty = np.zeros(0, np.int64)
    return Transfers(
        day=np.concatenate([empty, *(p.day for p in parts)]),
        from_pair=np.concatenate([empty, *(p.from_pair for p in parts)]),
        to_pair=np.concatenate([empty, *(p.to_pair for p in parts)]),
        quantity_milli=np.concatenate([empty, *(p.quantity_milli for p in parts)]),
    )


def _extremes(chain: Chain, cover_days: FloatArray) -> tuple[IntArray, IntArray]:
    """Return the fullest and the emptiest pair of each product and region, both (P x regions,)."""
    cover = cover_days.reshape(-1, len(chain.shops))
    first = np.arange(len(cover)) * len(chain.shops)
    regions = [np.flatnonzero(chain.region_of_shop == r) for r in np.unique(chain.region_of_shop)]
    rich = [first + shops[cover[:, shops].argmax(axis=1)] for shops in regions]
    poor = [first + shops[cover[:, shops].argmin(axis=1)] for shops in regions]
    return np.concatenate(rich), np.concatenate(poor)
