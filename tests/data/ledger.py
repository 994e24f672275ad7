"""A slow, plain ledger that shares no code with the simulator: it judges lines and folds stock."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from data import SampleChain

ORDER = {"order_id", "order_line", "customer_id", "channel"}
FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "sale": ({"quantity"}, {"price", "currency"} | ORDER),
    "return": ({"quantity"}, {"price", "currency"} | ORDER),
    "receipt": ({"quantity"}, {"supplier", "order_id", "order_line"}),
    "order": (
        {"quantity", "order_id"},
        {"supplier", "order_line", "cost", "currency", "expected_on"},
    ),
    "transfer": ({"to_location", "quantity"}, set()),
    "adjustment": ({"quantity", "reason"}, set()),
    "stocktake": ({"counted"}, set()),
    "reading": ({"observed"}, {"device"}),
    "price": ({"price"}, {"currency", "promotion"}),
    "correction": ({"corrects_id", "reason"}, set()),
}
Pair = tuple[str, str]


def instant(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["time"])


def milli(value: Any) -> int:
    """Exact thousandths; raises ValueError when there are more than three decimals."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError(f"not a number: {value!r}")
    scaled = Decimal(value) * 1000
    if scaled != int(scaled):
        raise ValueError(f"more than 3 decimals: {value}")
    return int(scaled)


def refuse_constant(name: str) -> Any:
    raise ValueError(f"not JSON: {name}")


@dataclass
class Ledger:
    """Accepts each (source, id) once, as the contract has it."""

    skus: set[str]
    codes: set[str]
    now: datetime
    events: dict[Pair, dict[str, Any]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, sample: SampleChain) -> "Ledger":
        last = sample.truth.days[-1].astype("datetime64[s]").item()
        return cls(
            skus={row["sku"] for row in sample.products},
            codes={row["code"] for row in sample.locations},
            now=last.replace(tzinfo=UTC) + timedelta(days=1),
        )

    def copy(self) -> "Ledger":
        """A ledger that goes on by itself."""
        return replace(self, events=dict(self.events), outcomes=Counter(self.outcomes))

    def record_all(self, bodies: Iterable[bytes]) -> None:
        for body in bodies:
            assert body.endswith(b"\n")
            for line in body.splitlines():
                self.outcomes[self.record(line)] += 1

    def record(self, line: bytes) -> str:
        try:
            event = json.loads(line, parse_float=Decimal, parse_constant=refuse_constant)
            self.check(event)
        except (ValueError, KeyError):
            return "rejected"
        known = self.events.setdefault((event["source"], event["id"]), event)
        if known is event:
            return "accepted"
        return "duplicate" if known == event else "conflict"

    def check(self, event: dict[str, Any]) -> None:
        """Raise ValueError or KeyError when the contract does not allow the event."""
        data, kind = event["data"], event["type"].removeprefix("stocktide.")
        needed, optional = FIELDS[kind]
        if kind == "correction":
            # takes back what is known, and nothing else is of the chain's corrections
            known = self.events[event["source"], data["corrects_id"]]["type"] == "stocktide.order"
        else:
            needed = needed | {"product", "location"}
            known = data["product"] in self.skus
            known &= {data["location"], data.get("to_location", data["location"])} <= self.codes
        allowed = needed <= set(data) <= needed | optional
        recent = datetime(1990, 1, 1, tzinfo=UTC) < instant(event) < self.now + timedelta(days=1)
        if not (event["specversion"] == "1.0" and allowed and known and recent):
            raise ValueError(f"not allowed: {event}")
        self.check_quantities(kind, data)

    def check_quantities(self, kind: str, data: dict[str, Any]) -> None:
        for name in {"quantity", "counted", "observed"} & set(data):
            amount = milli(data[name])
            positive = amount > 0 if name == "quantity" else amount >= 0
            if abs(amount) > 10**12 or (amount == 0 and name == "quantity"):
                raise ValueError(f"{name} out of range: {amount}")
            if not positive and kind != "adjustment":
                raise ValueError(f"{name} is negative: {amount}")

    def by_kind(self) -> Counter[str]:
        return Counter(e["type"].removeprefix("stocktide.") for e in self.events.values())

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The data of all events of a kind, each with its time."""
        of_type = f"stocktide.{kind}"
        return [
            e["data"] | {"at": instant(e)} for e in self.events.values() if e["type"] == of_type
        ]

    def on_order(self) -> Counter[tuple[str, int, Pair]]:
        """What of each order's line has not come, milli; nothing of what came in full or was cancelled."""
        left: Counter[tuple[str, int, Pair]] = Counter()
        cancelled = {event["corrects_id"] for event in self.of_kind("correction")}
        for kind, sign in (("order", 1), ("receipt", -1)):
            for data in self.of_kind(kind):
                if kind == "order" and f"{data['order_id']}-{data['order_line']}" in cancelled:
                    continue
                line = (data["order_id"], data["order_line"], (data["product"], data["location"]))
                left[line] += sign * milli(data["quantity"])
        return Counter({line: quantity for line, quantity in left.items() if quantity})

    def fold(self, until: dict[str, datetime] | None = None) -> dict[Pair, int]:
        """Stock in milli of each pair: the last count by time, and every movement after it.

        until: for each location, the moment (exclusive) up to which events count.
        """
        moves: dict[Pair, list[tuple[datetime, int]]] = {}
        counts: dict[Pair, tuple[datetime, int]] = {}
        for event in self.events.values():
            data, at = event["data"], instant(event)
            if event["type"] == "stocktide.correction":
                continue
            if until is not None and at >= until[data["location"]]:
                continue
            pair = (data["product"], data["location"])
            if event["type"] == "stocktide.stocktake":
                counts[pair] = max(counts.get(pair, (at, 0)), (at, milli(data["counted"])))
            for place, change in legs(event):
                moves.setdefault((pair[0], place), []).append((at, change))
        never = (datetime.min.replace(tzinfo=UTC), 0)
        return {
            pair: counts.get(pair, never)[1]
            + sum(q for at, q in moves.get(pair, []) if at > counts.get(pair, never)[0])
            for pair in set(moves) | set(counts)
        }


def legs(event: dict[str, Any]) -> list[tuple[str, int]]:
    """What an event moves: (location, milli)."""
    data, kind = event["data"], event["type"].removeprefix("stocktide.")
    here = data["location"]
    match kind:
        case "sale":
            return [(here, -milli(data["quantity"]))]
        case "return" | "receipt" | "adjustment":
            return [(here, milli(data["quantity"]))]
        case "transfer":
            moved = milli(data["quantity"])
            return [(here, -moved), (data["to_location"], moved)]
        case _:
            return []
