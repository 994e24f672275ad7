"""Faults between a till and the server: late, repeated, conflicting, malformed events."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np

from data.arrays import HOUR_S, FloatArray, IntArray, Row
from data.events import RECEIPT, SALE, Events

USUAL_DELAY_S = 8.0
LATE_SHARE = 0.01
LATE_DELAY_S = (600.0, 72.0 * HOUR_S)
REPEAT_SHARE = 0.02
REPEAT_DELAY_S = (1.0, 12.0 * HOUR_S)
CONFLICT_SHARE = 0.0002
MALFORMED_SHARE = 0.003

# Values of Arrivals.what below the malformed sorts.
FIRST, REPEAT, CONFLICT = range(3)
FIRST_MALFORMED = 3


@dataclass(frozen=True)
class Arrivals:
    """Lines that the server gets, in the order of arrival; both columns of shape (A,), int64.

    row: the event that it is, or is made from. what: FIRST, REPEAT, CONFLICT, or
    FIRST_MALFORMED + index of MALFORMED.
    """

    row: IntArray
    what: IntArray


def make_arrivals(events: Events, rng: np.random.Generator) -> Arrivals:
    """Decide when each event arrives, and what comes besides."""
    first = events.time + _delays(len(events), rng)
    moved = np.flatnonzero((events.kind == SALE) | (events.kind == RECEIPT))
    sold = np.flatnonzero(events.kind == SALE)
    repeats = _draw(np.arange(len(events)), REPEAT_SHARE * len(events), rng)
    conflicts = _draw(moved, CONFLICT_SHARE * len(events), rng)
    broken = _draw(sold, MALFORMED_SHARE * len(events), rng)
    again = np.concatenate([repeats, conflicts])
    row = np.concatenate([np.arange(len(events)), again, broken])
    what = np.concatenate(
        [
            np.full(len(events), FIRST),
            np.full(repeats.size, REPEAT),
            np.full(conflicts.size, CONFLICT),
            FIRST_MALFORMED + np.arange(broken.size) % len(MALFORMED),
        ]
    )
    time = np.concatenate(
        [first, first[again] + rng.uniform(*REPEAT_DELAY_S, again.size), first[broken]]
    )
    order = np.argsort(time, kind="stable")
    return Arrivals(row=row[order], what=what[order])


def _delays(n: int, rng: np.random.Generator) -> FloatArray:
    usual = rng.exponential(USUAL_DELAY_S, n)
    return np.where(rng.random(n) < LATE_SHARE, rng.uniform(*LATE_DELAY_S, n), usual)


def _draw(rows: IntArray, n: float, rng: np.random.Generator) -> IntArray:
    return rng.choice(rows, min(round(n), rows.size), replace=False)


def conflicting(line: bytes) -> bytes:
    """Return an event with the identity of another and one unit more."""
    # Rounded: a sum of floats may show more decimals than the contract lets pass.
    return _changed(
        line, lambda event: _set(event, "quantity", round(event["data"]["quantity"] + 1, 3))
    )


def malformed(line: bytes, sort: int) -> bytes:
    """Make a sale's line into a malformed one of its own id; `sort` is an index of MALFORMED."""
    name = MALFORMED[sort]
    own = _changed(line, lambda event: event.update(id=f"{event['id']}-{name}"))
    return _DAMAGE[name](own)


def _changed(line: bytes, change: Callable[[Row], None]) -> bytes:
    event: Row = msgspec.json.decode(line)
    change(event)
    return msgspec.json.encode(event)


def _set(event: Row, name: str, value: object) -> None:
    event["data"][name] = value


def _data(name: str, value: object) -> Callable[[bytes], bytes]:
    return lambda line: _changed(line, lambda event: _set(event, name, value))


def _envelope(name: str, value: object) -> Callable[[bytes], bytes]:
    return lambda line: _changed(line, lambda event: event.update({name: value}))


def _without(name: str) -> Callable[[bytes], bytes]:
    return lambda line: _changed(line, lambda event: event["data"].pop(name))


def _with_nan(line: bytes) -> bytes:
    return _data("quantity", "@")(line).replace(b'"@"', b"NaN")


_DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "broken_json": lambda line: line[: len(line) * 2 // 3],
    "wrong_type": _data("quantity", "a few"),
    "missing_field": _without("quantity"),
    "nan": _with_nan,
    "unknown_kind": _envelope("type", "stocktide.theft"),
    "unknown_product": _data("product", "XX-999"),
    "unknown_location": _data("location", "S99"),
    "unknown_field": _data("colour", "blue"),
    "far_future": _envelope("time", "2199-01-01T00:00:00Z"),
    "long_ago": _envelope("time", "1970-01-01T00:00:00Z"),
    "negative_quantity": _data("quantity", -2),
    "too_large": _data("quantity", 2_000_000_000),
    "too_many_decimals": _data("quantity", 1.23456),
}
MALFORMED = tuple(_DAMAGE)
