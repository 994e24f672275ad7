"""Policies: how an order follows from what is needed of it."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from replenishment.formulas.conditions import Array, finite, inside, not_negative, whole
from replenishment.lines.lead_times import Periods
from replenishment.lines.lines import Rows

Kind = Literal[
    "order_up_to", "base_stock", "min_max", "reorder_quantity", "newsvendor", "least_cost"
]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Policy:
    """A kind and its parameters; make it with `make_policy`.

    - order_up_to (R, S): at each review up to the level that meets the target until the next order can arrive.
    - base_stock: the same with a review every period.
    - min_max (s, S): nothing until the level s would not meet the target, then a lot more than s.
    - reorder_quantity (r, Q): the same trigger, whole lots.
    - newsvendor: one season, by the ratio of what a unit missed and a unit left over cost.
    - least_cost: as long as another unit costs less until it is sold or wanted than it saves.

    review: (n,) periods between two chances to order. cycle_service, fill_rate or safety_factor: (n,) targets, all None
    where costs decide. A safety factor is the standard deviations of demand ordered beyond what is needed on average.
    lot: (n,) units of (s, S) and (r, Q); None: the economic order quantity of each line.
    trust_paths: for least_cost, paths are the chances that demand really has, as in a simulation: a unit left over is
    charged until a later order would want it. Else until it is sold: forecasts are revised, and paths do not say so.
    """

    kind: Kind
    review: Periods
    cycle_service: Array | None = None
    fill_rate: Array | None = None
    lot: Array | None = None
    safety_factor: Array | None = None
    trust_paths: bool = False

    def take(self, rows: Rows) -> "Policy":
        """Return the policy of some of the lines."""
        return replace(
            self,
            review=self.review[rows],
            cycle_service=None if self.cycle_service is None else self.cycle_service[rows],
            fill_rate=None if self.fill_rate is None else self.fill_rate[rows],
            lot=None if self.lot is None else self.lot[rows],
            safety_factor=None if self.safety_factor is None else self.safety_factor[rows],
        )


def make_policy(
    kind: Kind,
    n: int,
    *,
    review: ArrayLike = 1,
    cycle_service: ArrayLike | None = None,
    fill_rate: ArrayLike | None = None,
    lot: ArrayLike | None = None,
    safety_factor: ArrayLike | None = None,
    trust_paths: ArrayLike = False,
) -> Policy:
    """Return a policy of n lines; parameters are numbers for all, or (n,).

    Raises ValueError unless there is one target for a policy that has one, and none where costs decide.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
    by_cost = kind in ("newsvendor", "least_cost")
    given = sum(target is not None for target in (cycle_service, fill_rate, safety_factor))
    if given != (0 if by_cost else 1):
        wanted = "no target" if by_cost else "one of cycle_service, fill_rate and safety_factor"
        raise ValueError(f"{kind} takes {wanted}")
    if lot is not None and kind not in ("min_max", "reorder_quantity"):
        raise ValueError(f"{kind} takes no lot")
    if np.shape(trust_paths) != ():
        raise ValueError("trust_paths is one answer for all lines")
    if trust_paths and kind != "least_cost":
        raise ValueError(f"{kind} has no trust_paths, least_cost has")
    whole(review=review)
    every = np.ones(n) if kind == "base_stock" else _each("review", review, n)
    if (every < 1).any():
        raise ValueError("review must be at least one period")
    for name, target in (("cycle_service", cycle_service), ("fill_rate", fill_rate)):
        if target is not None:
            inside(0, 1, **{name: target})
    if safety_factor is not None:
        finite("safety_factor", safety_factor)
    if lot is not None:
        not_negative(lot=lot)
    return Policy(
        kind,
        every.astype(np.int64),
        None if cycle_service is None else _each("cycle_service", cycle_service, n),
        None if fill_rate is None else _each("fill_rate", fill_rate, n),
        None if lot is None else _each("lot", lot, n),
        None if safety_factor is None else _each("safety_factor", safety_factor, n),
        bool(trust_paths),
    )


def _each(name: str, value: ArrayLike, n: int) -> Array:
    number = np.asarray(value, dtype=np.float64)
    if number.shape not in ((), (1,), (n,)):
        raise ValueError(f"{name} must be a number, or one of each of {n} lines")
    return np.ascontiguousarray(np.broadcast_to(number, (n,)))
