"""A month of a chain in three currencies, two units a department and five zones, and what pandas counts of it.

Nothing of the product's code is used to count: the events are folded here, in their order, by plain arithmetic.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from ingest.ledger.dimensions import LocationIn, ProductIn
from tests.ingest.samples import START, raw

# In half an hour the clocks go back in Berlin and London; in Los Angeles it is still the day before.
NOW = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
FIRST = datetime(2026, 9, 24, tzinfo=UTC)
DAYS = 31
PLACES = {
    "BER": ("Europe/Berlin", "EUR"),
    "LON": ("Europe/London", "GBP"),
    "TYO": ("Asia/Tokyo", "JPY"),
    "LAX": ("America/Los_Angeles", "EUR"),
    "AKL": ("Pacific/Auckland", "GBP"),
}
# sku: department, unit, price in euros
GOODS = {
    "Mug": ("Home", "each", 8.0),
    "Rope": ("Home", "kg", 3.0),
    "Jam": ("Food", "each", 4.5),
    "Rice": ("Food", "kg", 2.25),
    "Tea": ("Food", "each", 6.0),
}
WORTH = {"EUR": 1.0, "GBP": 0.875, "JPY": 160.0}


def records(frame: pd.DataFrame) -> list[Any]:
    """Rows of a table, with its columns as names."""
    return [SimpleNamespace(**row) for row in frame.to_dict("records")]  # type: ignore[arg-type]


@dataclass(frozen=True)
class Counted:
    """The events as one table: at, kind, product, location, quantity, price, line_total, currency, counted."""

    events: pd.DataFrame

    def lines(self) -> pd.DataFrame:
        """Sales and returns with their business day, amount, currency and unit."""
        lines = self.events[self.events["kind"].isin(["sale", "return"])].copy()
        sign = np.where(lines["kind"] == "sale", 1, -1)
        lines["day"] = [local_day(e.at, e.location) for e in records(lines)]
        paid = lines["line_total"].fillna(lines["price"] * lines["quantity"])
        lines["amount"] = sign * paid
        lines["sold"] = np.where(lines["kind"] == "sale", lines["quantity"], 0.0)
        lines["net"] = sign * lines["quantity"]
        lines["code"] = [
            e.currency if isinstance(e.currency, str) else PLACES[e.location][1]
            for e in records(lines)
        ]
        lines["unit"] = [GOODS[product][1] for product in lines["product"]]
        return lines

    def stock(self) -> pd.DataFrame:
        """Book stock of each pair now, and whether a delivery or count was ever seen."""
        rows = []
        for (product, location), group in self.events.groupby(["product", "location"]):
            balance, known, last_sale = 0.0, False, None
            for e in records(group.sort_values("at", kind="stable")):
                if e.kind == "stocktake":
                    balance, known = e.counted, True
                elif e.kind == "receipt":
                    balance, known = balance + e.quantity, True
                elif e.kind in ("sale", "return"):
                    balance += e.quantity if e.kind == "return" else -e.quantity
                if e.kind == "sale":
                    last_sale = e.at
            rows.append((product, location, round(balance, 3), known, last_sale))
        names = ["product", "location", "book", "known", "last_sale"]
        frame = pd.DataFrame(rows, columns=names)
        frame["on_hand"] = frame["book"].where(frame["known"] & (frame["book"] >= 0))
        return frame

    def shelf_days(self, last: date, days: int) -> tuple[int, int]:
        """Known shelf-days of the last days, and those on which the shelf was empty for a time.

        A day with movements is known if it ends with a known stock; one without is as the last one before it ended, for
        28 days. A zero from which more was taken on the same day is no empty shelf.
        """
        known = empty = 0
        for (_, location), group in self.events.groupby(["product", "location"]):
            for day, (is_known, is_empty) in _days_of(group, str(location), last).items():
                if last - timedelta(days=days) < day <= last:
                    known, empty = known + is_known, empty + is_empty
        return known, empty

    def listed(self, product: str, location: str) -> float:
        """The newest price of a pair."""
        prices = self.events[
            (self.events["kind"] == "price")
            & (self.events["product"] == product)
            & (self.events["location"] == location)
        ]
        return float(prices.sort_values("at", kind="stable")["price"].iloc[-1])


def _days_of(group: pd.DataFrame, location: str, last: date) -> dict[date, tuple[bool, bool]]:
    """Each day of a pair: whether its stock is known, and whether the shelf was empty for a time."""
    moved: dict[date, list[tuple[datetime, float, bool]]] = {}
    balance, seen = 0.0, False
    for e in records(group.sort_values("at", kind="stable")):
        if e.kind == "stocktake":
            balance, seen = e.counted, True
        elif e.kind == "receipt":
            balance, seen = balance + e.quantity, True
        elif e.kind in ("sale", "return"):
            balance += e.quantity if e.kind == "return" else -e.quantity
        moved.setdefault(local_day(e.at, location), []).append((e.at, round(balance, 3), seen))
    states: dict[date, tuple[bool, bool]] = {}
    before: tuple[float, bool] | None = None
    still = 0
    day = min(moved)
    while day <= last:
        if day in moved:
            states[day] = _moved_day(moved[day], before)
            before, still = moved[day][-1][1:], 0
        elif before is not None and (still := still + 1) <= 28:
            states[day] = (before[1] and before[0] >= 0, before[1] and before[0] == 0)
        day += timedelta(days=1)
    return states


def _moved_day(
    steps: list[tuple[datetime, float, bool]], before: tuple[float, bool] | None
) -> tuple[bool, bool]:
    """Whether a day with movements is known, and whether it was empty for a time."""
    if not (steps[-1][2] and steps[-1][1] >= 0):
        return False, False
    levels = [(before[0], before[1])] if before is not None else []
    levels += [(balance, seen) for _, balance, seen in steps]
    following = [balance for balance, _ in levels[1:]] + [0.0]
    empty = any(
        seen and balance == 0 and after >= 0
        for (balance, seen), after in zip(levels, following, strict=True)
    )
    return True, empty


def local_day(at: datetime, location: str) -> date:
    return at.astimezone(ZoneInfo(PLACES[location][0])).date()


def products() -> list[ProductIn]:
    return [
        ProductIn(sku, name=sku, department=department, unit=unit)
        for sku, (department, unit, _) in GOODS.items()
    ]


def locations() -> list[LocationIn]:
    return [LocationIn(code, name=code, timezone=zone) for code, (zone, _) in PLACES.items()]


def make(seed: int) -> tuple[Counted, list[bytes]]:
    """Make the month's events from a seed, as a table and as they are sent."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []

    def add(kind: str, at: datetime, product: str, location: str, **more: Any) -> None:
        rows.append({"kind": kind, "at": at, "product": product, "location": location, **more})

    for location, (_, code) in PLACES.items():
        for product, (_, unit, euros) in GOODS.items():
            price = round(euros * WORTH[code], 0 if code == "JPY" else 2)
            add("price", FIRST, product, location, price=price, currency=code)
            if rng.random() < 0.8:
                stocked = float(rng.integers(50, 110))
                add("receipt", FIRST + timedelta(hours=1), product, location, quantity=stocked)
            for day in range(DAYS):
                for _ in range(rng.poisson(1.2)):
                    at = FIRST + timedelta(days=day, seconds=int(rng.integers(7_200, 86_400)))
                    if at >= NOW:
                        continue
                    quantity = (
                        float(rng.integers(1, 4))
                        if unit == "each"
                        else int(rng.integers(50, 3_000)) / 1_000
                    )
                    paid: dict[str, Any] = {"price": price}
                    if rng.random() < 0.3:
                        paid["line_total"] = round(price * quantity * 0.9, 2)
                    if rng.random() < 0.7:
                        paid["currency"] = code
                    elif rng.random() < 0.2:
                        # a tourist pays in another currency
                        paid = {"line_total": 5.0, "currency": "EUR" if code != "EUR" else "JPY"}
                    kind = "return" if rng.random() < 0.08 else "sale"
                    add(kind, at, product, location, quantity=quantity, **paid)
                if rng.random() < 0.05:
                    at = FIRST + timedelta(days=day, hours=12)
                    add("stocktake", at, product, location, counted=float(rng.integers(0, 9)))
    table = pd.DataFrame(rows)
    return Counted(table), [_sent(number, row) for number, row in enumerate(rows)]


def _sent(number: int, row: dict[str, Any]) -> bytes:
    data = {name: value for name, value in row.items() if name not in ("kind", "at")}
    one = raw(kind=row["kind"], event_id=f"e{number}", **data)
    return one.replace(START.isoformat().encode(), row["at"].isoformat().encode())
