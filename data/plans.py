"""Plans of the chain, in the form of PUT /v1/calendar/…: its promotions and the days on which it is closed."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np

from data.arrays import DayArray, FloatArray, IntArray, Row
from data.calendar import CLOSED_ON
from data.chain import Chain
from data.pricing import PROMOTION_DAYS, Lifecycle, Prices, draw_promotions

# The leaflet is made so long before it comes out; at the end of the history so many days ahead are planned, too.
PLANNED_DAYS = 42
DECIDED_AT = time(8, tzinfo=UTC)
KIND = "leaflet"


def plan_promotions(
    chain: Chain,
    prices: Prices,
    lifecycle: Lifecycle,
    days: DayArray,
    rng: np.random.Generator,
) -> list[Row]:
    """List the promotions of the history and of the PLANNED_DAYS after it, each known so long before it starts."""
    first_shop = np.unique(chain.region_of_shop, return_index=True)[1]
    pairs = np.arange(len(chain.products))[:, None] * len(chain.shops) + first_shop
    was = np.where(prices.promotion, prices.discount, 0.0)[pairs]
    ahead = PLANNED_DAYS + max(PROMOTION_DAYS)
    coming = draw_promotions((len(chain.products), first_shop.size, ahead), rng)
    day = np.arange(days.size + ahead)
    gone = (lifecycle.last < days.size)[:, None] & (day >= lifecycle.last[:, None])
    sold = (day >= lifecycle.first[:, None]) & ~gone
    discount = np.concatenate([was, coming], axis=2) * sold[:, None, :]
    return [
        _promotion(chain, first_shop, days[0].item(), *run)
        for run in _runs(discount)
        if run[2] < days.size + PLANNED_DAYS
    ]


def plan_closures(days: DayArray) -> list[Row]:
    """List the days on which no shop opens, from the first year of the history to the one after it."""
    first: Any = days[0].item()
    last: Any = days[-1].item()
    dates = [date(year, *day) for year in range(first.year, last.year + 2) for day in CLOSED_ON]
    return [
        {
            "id": f"closed-{day}",
            "from": f"{day}",
            "to": f"{day}",
            "known_since": _known(first),
        }
        for day in sorted(dates)
    ]


def _runs(discount: FloatArray) -> list[tuple[int, int, int, int, float]]:
    """Find the spans of equal discount in (products, regions, days): product, region, first day, days, discount."""
    edges = np.diff(discount, axis=2, prepend=0.0, append=0.0) != 0
    product, region, day = np.nonzero(edges)
    value = np.append(discount, np.zeros((*discount.shape[:2], 1)), axis=2)[product, region, day]
    length = np.append(day[1:], 0) - day
    runs = zip(product, region, day, length, value, strict=True)
    return [(int(p), int(r), int(d), int(n), float(v)) for p, r, d, n, v in runs if v > 0]


def _promotion(
    chain: Chain,
    first_shop: IntArray,
    first_day: date,
    product: int,
    region: int,
    day: int,
    n: int,
    share: float,
) -> Row:
    """Write one promotion of a product in a region: its first day in the history, its days, what is taken off."""
    sku, place = chain.products[product].sku, chain.shops[first_shop[region]].region
    start = first_day + timedelta(days=day)
    return {
        "id": f"{KIND}-{sku}-{place}-{start}",
        "product": sku,
        "region": place,
        "from": f"{start}",
        "to": f"{start + timedelta(days=n - 1)}",
        "kind": KIND,
        "discount": round(share, 2),
        "known_since": _known(start),
    }


def _known(start: date) -> str:
    return datetime.combine(start - timedelta(days=PLANNED_DAYS), DECIDED_AT).isoformat()
