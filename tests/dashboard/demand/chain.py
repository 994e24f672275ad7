"""Half a year of a chain with stock-outs, changing prices, promotions and baskets, and its days as a table.

What the table says is what happened by construction: nothing of the product's code is used to count.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from ingest.ledger.dimensions import LocationIn, ProductIn
from tests.ingest.samples import START, raw

FIRST, DAYS = date(2026, 3, 2), 189
LAST = FIRST + timedelta(days=DAYS - 1)
# The last day is not over: a shop's clock says three in the afternoon.
NOW = datetime.combine(LAST, time(13), UTC)
SHOPS = {"BER": "Europe/Berlin", "LAX": "America/Los_Angeles"}
# sku: department, category, price, units on a usual day
GOODS = {
    "Mug": ("Home", "Kitchen", 8.0, 6.0),
    "Tea": ("Food", "Drinks", 6.0, 9.0),
    "Jam": ("Food", "Spreads", 4.5, 4.0),
}
HOURS = (9, 12, 17)
# sku, shop: days without stock from one to the other, both included; the last is that of the refill
EMPTY = {("Mug", "BER"): (70, 74), ("Tea", "LAX"): (150, 151)}
# days of promotions of Tea, at this share of the price
PROMOTED, PROMOTION_SHARE = ((40, 46), (110, 113)), 0.7
# Jam costs so much more or less from these days on
CHANGED = ((0, 1.0), (50, 1.25), (90, 0.8), (130, 1.1))


def products() -> list[ProductIn]:
    return [
        ProductIn(
            sku, name=sku, department=department, category=category, price=price, currency="EUR"
        )
        for sku, (department, category, price, _) in GOODS.items()
    ]


def locations() -> list[LocationIn]:
    return [LocationIn(code, name=code, timezone=zone) for code, zone in SHOPS.items()]


def _share(sku: str, day: int) -> tuple[float, bool]:
    """The price of a day as a share of the list price, and whether it is a promotion's."""
    if sku == "Tea" and any(first <= day <= last for first, last in PROMOTED):
        return PROMOTION_SHARE, True
    if sku == "Jam":
        return [share for first, share in CHANGED if day >= first][-1], False
    return 1.0, False


def make(seed: int) -> tuple[pd.DataFrame, pd.DataFrame, list[bytes]]:
    """Make days (product, location, day, sold, empty, price, promoted), lines (of orders), and the events."""
    rng = np.random.default_rng(seed)
    events: list[bytes] = []
    days: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []

    def add(kind: str, day: date, at: time, product: str, shop: str, **data: Any) -> None:
        instant = datetime.combine(day, at, ZoneInfo(SHOPS[shop])).astimezone(UTC)
        one = raw(kind=kind, event_id=f"e{len(events)}", product=product, location=shop, **data)
        events.append(one.replace(START.isoformat().encode(), instant.isoformat().encode()))

    for shop in SHOPS:
        for number in range(DAYS):
            day = FIRST + timedelta(days=number)
            hours = HOURS[:1] if day == LAST else HOURS
            for sku, (_, _, price, usual) in GOODS.items():
                first, last = EMPTY.get((sku, shop), (DAYS, DAYS))
                share, promoted = _share(sku, number)
                if number == 0 or _share(sku, number - 1) != (share, promoted):
                    asked = {
                        "price": round(price * share, 2),
                        "currency": "EUR",
                        "promotion": promoted,
                    }
                    add("price", day, time(0, 10), sku, shop, **asked)
                if number in (0, last):
                    add("receipt", day, time(6), sku, shop, quantity=20_000)
                if number == first:
                    add("stocktake", day, time(10), sku, shop, counted=0)
                empty = first <= number <= last
                sold = 0
                for hour in hours:
                    shut = empty and not (number == first and hour < 10) and number != last
                    mean = usual / 3 * share**-2.0 * (1.5 if day.weekday() == 5 else 1.0)
                    units = 0 if shut else int(rng.poisson(mean))
                    if units:
                        # what is bought in one hour in one shop is one basket
                        order = f"{shop}-{number}-{hour}"
                        add("sale", day, time(hour, 30), sku, shop, quantity=units, price=round(price * share, 2),
                            currency="EUR", order_id=order)  # fmt: skip
                        lines.append(
                            {
                                "order": order,
                                "product": sku,
                                "location": shop,
                                "day": day,
                                "hour": hour,
                                "units": units,
                            }
                        )
                        sold += units
                days.append({
                    "product": sku, "location": shop, "day": day, "sold": float(sold), "empty": empty,
                    "price": round(price * share, 2), "promoted": promoted,
                })  # fmt: skip
    return pd.DataFrame(days), pd.DataFrame(lines), events
