"""An order line's figures, from which anybody can compute its quantity again."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from replenishment.lines.lines import Lines, make_lines
from replenishment.ordering.policy import Kind, Policy
from replenishment.ordering.proposal import Proposal
from replenishment.ordering.propose import with_lot
from replenishment.ordering.rounding import round_orders

Due = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Explanation:
    """One line as plain values, units unless said; `data` gives them for JSON, `recompute` the quantity.

    demand_mean ± demand_sd is asked for over `periods`; the target (None where costs decide) needs `needs`, of which
    on_hand − reserved + what is due, (period, units), are there or come in time. lot: of (s, S) and (r, Q). wanted
    lacks; packs, minimum and room (None: no limit) make `proposed` of it. quantity: what is ordered, and `changed`,
    why that is not what was proposed. shops: how many a warehouse orders for, None for any other line; in_shops: the
    part of on_hand that lies there; sells_itself: the demand has the warehouse's own sales in it.
    """

    policy: Kind
    target_of: str
    target: float | None
    periods: float
    demand_mean: float
    demand_sd: float
    lost: float
    needs: float
    on_hand: float
    reserved: float
    due: Due
    lot: float
    wanted: float
    most_sold: float | None
    pack: float
    multiple: float
    minimum: float
    room: float | None
    rounded_down: bool
    too_dear: bool
    rounding_units: float
    rounding_cost: float
    proposed: float
    quantity: float
    changed: str | None = None
    shops: int | None = None
    in_shops: float = 0.0
    sells_itself: bool = False

    @property
    def have(self) -> float:
        """Return what counts against the need."""
        return self.on_hand - self.reserved + sum(units for _, units in self.due)

    @property
    def least(self) -> float:
        """Return the smallest order that packs, multiple and minimum allow."""
        return float(round_orders(np.array([0.001]), _line(self)).quantity[0])

    def data(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return asdict(self)


def explain(
    proposal: Proposal,
    lines: Lines,
    policy: Policy,
    row: int,
    *,
    quantity: float | None = None,
    changed: str | None = None,
) -> Explanation:
    """Return the figures of one line.

    quantity and changed: what is ordered where a budget, a supplier or a person chose otherwise, and why. Raises
    ValueError for a row that is not there.
    """
    if not 0 <= row < len(lines):
        raise ValueError(f"row must be one of the {len(lines)} lines, not {row}")
    one = slice(row, row + 1)
    some, p = lines.take(one), proposal
    due = _due(some, float(p.due[row]))
    target = float(p.target[row])
    return Explanation(
        policy=policy.kind,
        target_of=_target_of(policy),
        target=target if np.isfinite(target) else None,
        periods=float(p.periods[row]),
        demand_mean=float(p.demand_mean[row]),
        demand_sd=float(p.demand_sd[row]),
        lost=float(p.lost[row]),
        needs=float(p.trigger[row]),
        on_hand=float(some.on_hand[0]),
        reserved=float(some.reserved[0]),
        due=due,
        lot=float(p.lot[row]),
        wanted=float(p.wanted[row]),
        most_sold=_limit(some.most_sold[0]) if p.bounded[row] else None,
        pack=float(some.pack[0]),
        multiple=float(some.multiple[0]),
        minimum=float(some.minimum[0]),
        room=_limit(p.room[row]),
        rounded_down=bool(p.down[row]),
        too_dear=bool(p.too_dear[row]),
        rounding_units=float(p.rounding_units[row]),
        rounding_cost=float(p.rounding_cost[row]),
        proposed=float(p.quantity[row]),
        quantity=float(p.quantity[row]) if quantity is None else quantity,
        changed=changed,
    )


def recompute(explanation: Explanation) -> float:
    """Return the quantity that the figures give: what is needed less what is there, in lots, packs and limits."""
    e = explanation
    need = np.array([e.needs - e.have])
    wanted = with_lot(e.policy, need, np.array([e.lot]))
    room = np.array([np.inf if e.room is None else e.room])
    down = np.array([e.rounded_down])
    quantity = float(round_orders(wanted, _line(e), room=room, down=down).quantity[0])
    return 0.0 if e.too_dear else quantity


def _line(e: Explanation) -> Lines:
    return make_lines([e.on_hand], pack=e.pack, multiple=e.multiple, minimum=e.minimum)


def _target_of(policy: Policy) -> str:
    if policy.safety_factor is not None:
        return "safety factor"
    return "fill rate" if policy.fill_rate is not None else "cycle service"


def _due(line: Lines, total: float) -> Due:
    """Return the arrivals that count: the first ones, up to their sum."""
    periods = max(line.on_order.shape[1], line.in_transit.shape[1])
    found: list[tuple[int, float]] = []
    for period, units in enumerate(line.arriving(periods)[0]):
        if units > 0 and sum(one for _, one in found) < total - 1e-9:
            found.append((period, float(units)))
    return tuple(found)


def _limit(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
