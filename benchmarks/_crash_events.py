"""What the senders of crash.py send, each the same at every run, and the ledger that it must come to."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

PRODUCTS, PLACES = 200, 8
REPEATS, CONFLICTS, MALFORMED, LATE = 0.10, 0.01, 0.01, 0.05
START = datetime(2026, 3, 1, tzinfo=UTC)
# How often each kind comes; orders, reservations and lots are among them, counts are rare.
KINDS = (
    ("sale", 70), ("return", 4), ("receipt", 8), ("transfer", 5), ("adjustment", 3), ("stocktake", 2), ("reading", 2),
    ("price", 1), ("order", 2), ("reservation", 2), ("dispatch", 1),
)  # fmt: skip
NAMES, WEIGHTS = [name for name, _ in KINDS], [weight for _, weight in KINDS]
RISES = frozenset({"return", "receipt", "adjustment"})
# Repeats and conflicts are of one of so many events before, which were acknowledged or are in the same request.
REMEMBERED = 5_000

Pair = tuple[str, str]


@dataclass(frozen=True)
class Sent:
    """One input with the outcome that it must have; `event` is None if it is not an event."""

    raw: bytes
    outcome: str
    event: dict[str, Any] | None


def stream(sender: str, inputs: int) -> Iterator[Sent]:
    """Yield the inputs of a sender, in order. A repeat or conflict comes after the event that it is of."""
    rng = random.Random(sender)  # noqa: S311 - no secret
    before: list[tuple[bytes, dict[str, Any]]] = []
    for number in range(inputs):
        chance = rng.random()
        if chance < MALFORMED:
            yield Sent(_malformed(rng, sender, number), "rejected", None)
        elif chance < MALFORMED + CONFLICTS and before:
            _, event = rng.choice(before)
            other = {**event, "data": {**event["data"], "channel": "other"}}
            if "channel" not in event["data"]:
                other = {**event, "time": "2026-02-01T00:00:00Z"}
            yield Sent(msgspec.json.encode(other), "conflict", event)
        elif chance < MALFORMED + CONFLICTS + REPEATS and before:
            raw, event = rng.choice(before)
            yield Sent(raw, "duplicate", event)
        else:
            event = _event(rng, sender, number)
            raw = msgspec.json.encode(event)
            if len(before) < REMEMBERED:
                before.append((raw, event))
            else:
                before[number % REMEMBERED] = (raw, event)
            yield Sent(raw, "accepted", event)


def _malformed(rng: random.Random, sender: str, number: int) -> bytes:
    """Make bytes that are not an event, each differently, and each only once."""
    event = _event(rng, sender, number)
    broken = (
        msgspec.json.encode(event)[: rng.randrange(10, 60)] + f"{sender}-{number}".encode(),
        msgspec.json.encode({**event, "specversion": "0.3"}),
        msgspec.json.encode({**event, "type": "stocktide.gift"}),
        msgspec.json.encode({**event, "time": "yesterday"}),
        msgspec.json.encode({**event, "data": {**event["data"], "product": "nobody's"}}),
    )
    return rng.choice(broken)


def _event(rng: random.Random, sender: str, number: int) -> dict[str, Any]:
    kind = rng.choices(NAMES, WEIGHTS)[0]
    # counts of one pair at one instant would rule by their order of arrival: no two instants are the same
    at = START + timedelta(seconds=number, microseconds=int(sender) + 10 * (number % 90_000))
    if rng.random() < LATE:
        at -= timedelta(seconds=rng.randrange(1, 86_400))
    place = rng.randrange(PLACES)
    # a few products sell most
    data: dict[str, Any] = {
        "product": f"P{int(PRODUCTS * rng.random() ** 2)}",
        "location": f"L{place}",
        "quantity": rng.randrange(1, 9),
    }
    if kind == "sale":
        data |= {"price": 2.5, "currency": "EUR", "channel": "shop"}
        if number % 50 == 0:
            data["reservation_id"] = f"R-{sender}-{number % 1000}"
    elif kind == "adjustment":
        data["reason"] = "found"
    elif kind == "receipt":
        data |= {"order_id": f"PO-{sender}-{number % 1000}", "cost": 1 + number % 7}
        data["lot"] = f"L{number % 5}"
    elif kind == "stocktake":
        data["counted"] = data.pop("quantity")
    elif kind == "reading":
        data["observed"] = data.pop("quantity")
    elif kind == "price":
        data["price"] = data.pop("quantity")
    elif kind == "order":
        data["order_id"] = f"PO-{sender}-{number % 1000}"
    elif kind == "reservation":
        data["reservation_id"] = f"R-{sender}-{number % 1000}"
    if kind in ("transfer", "dispatch"):
        data["to_location"] = f"L{(place + 1) % PLACES}"
    if kind == "dispatch":
        data["transfer_id"] = f"T-{sender}-{number}"
    return {
        "specversion": "1.0",
        "id": f"{rng.randrange(10)}-{number}",
        "source": f"/crash/{sender}",
        "type": f"stocktide.{kind}",
        "time": at.isoformat(),
        "data": data,
    }


@dataclass
class Reference:
    """A ledger in plain Python that keeps every movement and adds up at the end."""

    identities: set[tuple[str, str]] = field(default_factory=set)
    # SHA-256 of what must be kept unchanged
    refused: set[bytes] = field(default_factory=set)
    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    _moves: dict[Pair, list[tuple[str, int]]] = field(default_factory=dict)
    _counts: dict[Pair, tuple[str, int]] = field(default_factory=dict)
    _open: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, inputs: Sequence[Sent] | Iterator[Sent]) -> None:
        """Record what a sender sends."""
        for sent in inputs:
            self.outcomes[sent.outcome] += 1
            if sent.outcome in ("conflict", "rejected"):
                self.refused.add(hashlib.sha256(sent.raw).digest())
            elif sent.outcome == "accepted" and sent.event is not None:
                self.identities.add((sent.event["source"], sent.event["id"]))
                self._move(sent.event)

    def _move(self, event: dict[str, Any]) -> None:
        kind, data, at = event["type"].removeprefix("stocktide."), event["data"], event["time"]
        pair = (data["product"], data["location"])
        self.rows += 1
        moves = self._moves.setdefault(pair, [])
        quantity = data.get("quantity", 0)
        if kind == "stocktake":
            self._counts[pair] = max(self._counts.get(pair, ("", 0)), (at, data["counted"]))
        elif kind in RISES:
            moves.append((at, quantity))
        elif kind in ("sale", "transfer", "dispatch"):
            moves.append((at, -quantity))
        if "to_location" in data:
            self.rows += 1
            there = self._moves.setdefault((data["product"], data["to_location"]), [])
            if kind == "transfer":
                there.append((at, quantity))
        if kind in ("order", "receipt"):
            self._open["on_order", data["order_id"]] += quantity if kind == "order" else -quantity
        elif kind == "dispatch":
            self._open["in_transit", data["transfer_id"]] += quantity
        elif "reservation_id" in data:
            sign = 1 if kind == "reservation" else -1
            self._open["promised", data["reservation_id"]] += sign * quantity

    def stock(self) -> dict[Pair, int]:
        """Compute thousandths on hand of every pair: the newest count, and what moved after it."""
        found = {}
        for pair, moves in self._moves.items():
            at, counted = self._counts.get(pair, ("", 0))
            found[pair] = 1000 * (counted + sum(moved for when, moved in moves if when > at))
        return found

    def commitments(self) -> dict[tuple[str, str], int]:
        """Compute thousandths open under every purpose and reference."""
        return {name: 1000 * units for name, units in self._open.items()}
