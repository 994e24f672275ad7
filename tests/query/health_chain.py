"""A chain whose shelves are each in another state, and what follows for them in plain loops over what was sent."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from etl import run_etl
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

DAYS = 120
LONG, SHORT = 91, 28
PRICES = {sku: 2.0 + n for n, sku in enumerate("ABCDEFGH")}
COSTS = {sku: 1.0 + n / 2 for n, sku in enumerate("ABCDEFGH")}
CURRENCY = {"S1": "EUR", "S2": "USD"}
DEPARTMENTS = {sku: "Fresh" if sku < "E" else "Home" for sku in PRICES}
# product, shop, units received on the first day of its life, that day, days on which a unit or more is sold, how many
SHELVES: list[tuple[str, str, int | None, int, list[int], int]] = [
    ("A", "S1", 300, 0, list(range(DAYS)), 2),
    ("B", "S1", 364, 0, list(range(DAYS)), 3),
    ("C", "S1", 100, 0, list(range(100)), 1),
    ("D", "S1", 500, 0, list(range(0, DAYS, 3)), 3),
    ("E", "S1", 40, 0, list(range(10)), 1),
    ("F", "S1", 260, 0, [day for day in range(106) if day % 5], 2),
    ("G", "S1", None, 60, list(range(60, DAYS)), 1),
    ("H", "S1", 100, 110, list(range(111, DAYS)), 1),
    ("A", "S2", 150, 0, list(range(DAYS)), 1),
]
ADJUSTED = [("A", "S1", 50, -4), ("F", "S1", 20, -5), ("A", "S1", 51, -9), ("D", "S1", 60, 3)]
# the adjustment that was a mistake, by its place above
CORRECTED = 2
COUNTED = [("D", "S1", 80, -7), ("B", "S1", 60, 2)]
ORDERED, CAME = 10, 15


def first_day(last: date) -> date:
    """The chain's first day."""
    return last - timedelta(days=DAYS - 1)


def send_chain(engine: sa.Engine, lake: Lake, last: date, *, costs: bool = True) -> None:
    """Record the chain so that `last` is its newest day, and land it. costs: of receipts, else products have prices."""
    with engine.begin() as connection:
        names = {sku: f"Product {sku}" for sku in PRICES}
        put_products(
            connection,
            [
                ProductIn(
                    sku,
                    name=names[sku],
                    department=DEPARTMENTS[sku],
                    price=None if costs else price,
                    currency=None if costs else "EUR",
                )
                for sku, price in PRICES.items()
            ],
        )
        put_locations(connection, [LocationIn("S1", name="High Street"), LocationIn("S2")])
    raws = _raws(last, costs=costs)
    outcomes = Recorder(engine, Settings()).record("till", "application/x-ndjson", raws)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    run_etl(engine, lake)


def _raws(last: date, *, costs: bool) -> list[bytes]:
    start = datetime.combine(first_day(last), datetime.min.time(), UTC)
    raws: list[bytes] = []

    def add(kind: str, day: int, hour: int, **data: Any) -> str:
        event_id = f"e{len(raws)}"
        at = start + timedelta(days=day, hours=hour)
        one = raw(kind=kind, event_id=event_id, **data)
        raws.append(one.replace(b"2026-03-01T08:00:00+00:00", at.isoformat().encode()))
        return event_id

    for sku, shop, received, born, sold_on, units in SHELVES:
        money = {"currency": CURRENCY[shop]}
        of = {"product": sku, "location": shop}
        if received is not None:
            paid = {"cost": COSTS[sku], **money} if costs else {}
            add("receipt", born, 1, quantity=received, **paid, **of)
        for day in sold_on:
            add("sale", day, 10, quantity=units, price=PRICES[sku], **money, **of)
    for n, (sku, shop, day, units) in enumerate(ADJUSTED):
        wrong = add("adjustment", day, 12, product=sku, location=shop, quantity=units)
        if n == CORRECTED:
            add("correction", day + 1, 12, corrects_id=wrong)
    on_hand = simulated(last).set_index(["sku", "location", "day"])["on_hand"]
    for sku, shop, day, _ in COUNTED:
        counted = int(on_hand[sku, shop, first_day(last) + timedelta(days=day)])
        add("stocktake", day, 14, product=sku, location=shop, counted=counted)
    add("order", ORDERED, 8, quantity=5, order_id="PO1")
    paid = {"cost": COSTS["A"], "currency": "EUR"} if costs else {}
    add("receipt", CAME, 8, quantity=5, order_id="PO1", **paid)
    add("order", DAYS - 1, 8, product="B", quantity=30, order_id="PO2")
    return raws


def simulated(last: date) -> pd.DataFrame:
    """A row a shelf and day of its life: sold, on_hand at the close, whether it was empty for a time."""
    rows = []
    for sku, shop, received, born, sold_on, units in SHELVES:
        on_hand = received or 0
        selling = set(sold_on)
        for day in range(born, DAYS):
            empty = day > born and on_hand == 0
            sold = units if day in selling else 0
            on_hand -= sold
            empty = empty or on_hand == 0
            for n, (a, b, at, by) in enumerate(ADJUSTED):
                on_hand += by if (a, b, at) == (sku, shop, day) and n != CORRECTED else 0
            on_hand += sum(by for a, b, at, by in COUNTED if (a, b, at) == (sku, shop, day))
            on_hand += 5 if (sku, shop, day) == ("A", "S1", CAME) else 0
            rows.append((sku, shop, first_day(last) + timedelta(days=day), sold, on_hand, empty))
    frame = pd.DataFrame(rows, columns=["sku", "location", "day", "sold", "on_hand", "empty"])
    frame["received"] = frame["sku"] != "G"
    return frame
