"""Ten months of a shop with customers who come and stay away, and what each of them bought as a table.

What the table says is what happened by construction: nothing of the product's code is used to count.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd

from ingest.ledger.dimensions import LocationIn, ProductIn
from tests.ingest.samples import START, raw

FIRST, DAYS = date(2025, 5, 5), 300
LAST = FIRST + timedelta(days=DAYS - 1)
NOW = datetime.combine(LAST, time(20), UTC)
CUSTOMERS = 80
# Of the sales, so many name no customer.
UNNAMED = 60
PRICES = {"Mug": 8.0, "Tea": 6.0, "Jam": 4.5}
COLUMNS = ["event", "customer", "day", "product", "quantity", "amount", "order", "currency"]


def products() -> list[ProductIn]:
    return [ProductIn(sku, name=sku, price=price, currency="EUR") for sku, price in PRICES.items()]


def locations() -> list[LocationIn]:
    return [LocationIn("S1", name="High Street", timezone="UTC")]


def make(seed: int) -> tuple[pd.DataFrame, list[bytes]]:
    """Make lines (amount below zero: brought back) and their events. Customers are named cust-0 and so on."""
    rng = np.random.default_rng(seed)
    lines: list[tuple[object, ...]] = []

    def add(
        customer: str | None, number: int, sku: str, quantity: int, currency: str = "EUR"
    ) -> None:
        day = FIRST + timedelta(days=int(number))
        order = f"T{(customer or 'till').removeprefix('cust-')}-{number}"
        line = (
            f"e{len(lines)}",
            customer,
            day,
            sku,
            quantity,
            quantity * PRICES[sku],
            order,
            currency,
        )
        lines.append(line)

    skus = list(PRICES)
    for who in range(CUSTOMERS):
        rate, leaves = rng.gamma(1.2, 1 / 25), rng.beta(1, 4)
        number = float(rng.integers(0, DAYS - 60))
        while number < DAYS:
            for sku in rng.choice(skus, size=rng.integers(1, 4), replace=False):
                add(f"cust-{who}", int(number), str(sku), int(rng.integers(1, 5)))
            if rng.random() < 0.1:
                add(f"cust-{who}", int(number), "Tea", -1)
            if rng.random() < leaves:
                break
            number += 1 + rng.exponential(1 / rate)
    for number in rng.integers(0, DAYS, UNNAMED):
        add(None, int(number), "Mug", 1)
    # abroad, and one who only brought something back
    add("cust-0", 40, "Mug", 2, "USD")
    add("cust-back", 40, "Mug", -1)
    frame = pd.DataFrame(lines, columns=COLUMNS)
    return frame, [event_of(line) for line in frame.itertuples(index=False)]


def event_of(line: Any) -> bytes:
    """The event of one line."""
    event, customer, day, sku, quantity, amount, order, currency = line
    kind = "sale" if quantity > 0 else "return"
    named = {} if customer is None else {"customer_id": customer}
    one = raw(
        kind=kind,
        event_id=event,
        product=sku,
        quantity=abs(quantity),
        price=abs(amount / quantity),
        currency=currency,
        order_id=order,
        **named,
    )
    return one.replace(
        START.isoformat().encode(), datetime.combine(day, time(10), UTC).isoformat().encode()
    )
