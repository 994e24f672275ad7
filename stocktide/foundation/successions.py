"""Successions of products, and the rules that hold over all of them together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from graphlib import CycleError, TopologicalSorter

from stocktide.foundation.errors import Invalid

# Shares are written with a few digits: three thirds as 0.333 are the whole, and 0.3333334 three times is not a mistake.
WHOLE_SHARE = 0.999
SHARE_ROUNDING = 1e-6


@dataclass(frozen=True)
class Succession:
    """From `first_day` on, the successor takes a share of what the predecessor sells by then."""

    predecessor: str
    successor: str
    first_day: date
    share: float = 1.0


def check_successions(rows: Sequence[Succession]) -> None:
    """Raise Invalid that names the products: `bad_share`, `succession_self`, `succession_cycle`, `succession_order`.

    rows: all successions there are, in any order, each pair of products once.
    """
    for one in rows:
        if one.predecessor == one.successor:
            raise Invalid("succession_self", f"{one.successor!r} cannot replace itself.")
        if not 0 < one.share <= 1:
            raise Invalid(
                "bad_share",
                f"{one.successor!r} replaces {one.predecessor!r}: a share is above 0 and at most 1, not {one.share:g}.",
            )
    _refuse_sums(rows)
    depths(rows)
    _refuse_disorder(rows)


def depths(rows: Sequence[Succession]) -> dict[str, int]:
    """Count for each product how many others can stand before it in a chain. Raises Invalid (`succession_cycle`)."""
    before: dict[str, set[str]] = {}
    for one in rows:
        before.setdefault(one.successor, set()).add(one.predecessor)
    try:
        order = list(TopologicalSorter(before).static_order())
    except CycleError as error:
        raise Invalid(
            "succession_cycle",
            f"Products replace each other in a circle: {' -> '.join(error.args[1])}.",
        ) from None
    depth: dict[str, int] = {}
    for product in order:
        depth[product] = max((depth[p] + 1 for p in before.get(product, ())), default=0)
    return depth


def shares_by_day(rows: Sequence[Succession]) -> Mapping[tuple[str, date], float]:
    """Sum the shares that a predecessor hands over on one day."""
    summed: dict[tuple[str, date], float] = {}
    for one in rows:
        key = (one.predecessor, one.first_day)
        summed[key] = summed.get(key, 0.0) + one.share
    return summed


def _refuse_sums(rows: Sequence[Succession]) -> None:
    for (product, day), share in shares_by_day(rows).items():
        if share > 1 + SHARE_ROUNDING:
            raise Invalid(
                "bad_share",
                f"{product!r} hands over {share:g} of its demand on {day}; the shares of one day sum to at most 1.",
            )


def _refuse_disorder(rows: Sequence[Succession]) -> None:
    """Refuse a product that takes over, or hands over again, after all of its own was handed over."""
    ended: dict[str, date] = {}
    for (product, day), share in shares_by_day(rows).items():
        if share >= WHOLE_SHARE:
            ended[product] = min(day, ended.get(product, day))
    for one in rows:
        for product in (one.predecessor, one.successor):
            if product in ended and ended[product] < one.first_day:
                raise Invalid(
                    "succession_order",
                    f"{one.successor!r} replaces {one.predecessor!r} from {one.first_day}, but {product!r} is wholly "
                    f"replaced from {ended[product]}.",
                )
