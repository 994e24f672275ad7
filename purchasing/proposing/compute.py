"""Lines and paths of one location become proposals: what to order, why, and how stock is expected to go."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.desk.proposals import Proposal
from purchasing.proposing.arrays import Floats, Future, lead_shares, lines_of, reaching
from purchasing.proposing.facts import Facts
from purchasing.proposing.goal import TOTAL, shared_goal
from purchasing.proposing.levels import at_spread_of_now, level_words, spans_of
from purchasing.proposing.prepare import Prepared
from replenishment import (
    Lines,
    Policy,
    explain,
    lead_times_of,
    make_policy,
    order_costs,
    pack_grid,
    propose_orders,
    sentence,
)
from replenishment import Proposal as Orders

# The share of futures in which a shop does not sell more before the forecast ends.
SURELY = 0.9
# Of stock on a day, with and without the order.
BAND = (0.1, 0.5, 0.9)
POLICIES: Mapping[str, tuple[str, str | None]] = {
    "fill_rate": ("order_up_to", "fill_rate"),
    # of a single line, where the others are not known; `shared_goal` of them all
    TOTAL: ("order_up_to", "fill_rate"),
    "cycle_service": ("order_up_to", "cycle_service"),
    "least_cost": ("least_cost", None),
}


@dataclass(frozen=True)
class Draft:
    """Lines of one location and measure with what each of them would order by itself.

    rows, lines, found, policy: n lines. joined: (n,) lines that share something. grid, costs: (n, P), what may be
    ordered instead, from none on, and what it costs, if there are such lines. arrives: (n,) period of an arrival now.
    at_risk: (n,) units missed without an order. left_over: (n,) units that will probably be there still when the
    forecast ends. expected: (days,) units that all lines sell by day, from today on. spans: (n,) of lines whose paths
    have the spread of now (`at_spread_of_now`), None: as they are.
    """

    rows: pd.DataFrame
    lines: Lines
    found: Orders
    policy: Policy
    arrives: NDArray[np.int64]
    at_risk: Floats
    left_over: Floats
    expected: Floats
    joined: NDArray[np.bool_]
    grid: Floats
    costs: Floats
    spans: NDArray[np.int64] | None = None


class Shared(NamedTuple):
    """What a line orders in its supplier's whole order, and why that is not what it would order by itself."""

    quantity: float
    why: str


def draft_location(
    future: Future, prepared: Prepared, facts: Facts, *, today: date, joined: Collection[str]
) -> list[Draft]:
    """Return what each line of one location would order by itself. joined: suppliers whose lines share something."""
    place = {product: number for number, product in enumerate(future.products)}
    return [
        _draft(str(measure), rows, place, future, prepared, facts, today, joined)
        for measure, rows in _groups(future, prepared, place)
    ]


def tell_location(
    future: Future,
    drafts: Sequence[Draft],
    facts: Facts,
    shared: Mapping[tuple[str, str], Shared],
    prices: Mapping[tuple[str, str], float],
) -> list[Proposal]:
    """Return proposals of one location's lines with an order, each explained.

    drafts: of this location. shared: by product and location; prices: by supplier and product, where they are not
    those of the terms.
    """
    place = {product: number for number, product in enumerate(future.products)}
    made: list[Proposal] = []
    for draft in drafts:
        quantities = _quantities(draft, shared)
        for number in np.flatnonzero(quantities > 0).tolist():
            row = draft.rows.iloc[[number]]
            demand = _demand(future, row, place)
            if draft.spans is not None:
                demand = reaching(demand, draft.lines.on_order.shape[1], future.days)
                demand = _at_spread(demand, future, row, place, draft.spans[[number]])
            quantity = float(quantities[number])
            made.append(_tell(draft, number, quantity, demand, future, facts, shared, prices))
    return made


def _groups(
    future: Future, prepared: Prepared, place: Mapping[str, int]
) -> Iterator[tuple[Any, pd.DataFrame]]:
    rows = prepared.rows
    here = rows[(rows["location"] == future.location) & rows["product"].isin(place)]
    together = here["target"].where(here["measure"] == TOTAL, 0.0)
    for (measure, _), group in here.groupby(["measure", together], sort=True):
        yield measure, group.reset_index(drop=True)


def _demand(future: Future, rows: pd.DataFrame, place: Mapping[str, int]) -> NDArray[np.float32]:
    return future.values[:, rows["product"].map(place).to_numpy(), :].transpose(1, 0, 2)


def _at_spread(
    demand: NDArray[np.float32],
    future: Future,
    rows: pd.DataFrame,
    place: Mapping[str, int],
    spans: NDArray[np.int64],
) -> NDArray[np.float32]:
    return at_spread_of_now(demand, future, rows["product"].map(place).to_numpy(np.int64), spans)


def _draft(
    measure: str,
    rows: pd.DataFrame,
    place: Mapping[str, int],
    future: Future,
    prepared: Prepared,
    facts: Facts,
    today: date,
    joined: Collection[str],
) -> Draft:
    review = np.maximum(1, np.ceil(rows["review"].to_numpy() / future.days)).astype(np.int64)
    shares = lead_shares(rows, prepared, future.days)
    leads, spans = lead_times_of(shares), None
    demand = _demand(future, rows, place)
    wanted = np.quantile(demand.sum(axis=2), SURELY, axis=1)
    demand = reaching(demand, int(shares.shape[1] - 1 + review.max()), future.days)
    if measure == TOTAL:
        spans = spans_of(leads, review)
        demand = _at_spread(demand, future, rows, place, spans)
    lines = lines_of(rows, future, facts, today, demand.shape[2])
    kind, target = POLICIES[measure]
    aims = {} if target is None else {target: rows["target"].to_numpy(np.float64)}
    policy = make_policy(kind, len(rows), review=review, **aims)  # type: ignore[arg-type]  # a kind of POLICIES
    if measure == TOTAL:
        goal = float(rows["target"].iloc[0])
        policy = shared_goal(lines, demand, leads, review, goal)
        rows = rows.assign(
            target_from=f"{100 * goal:g} % of all that {future.location} sells, spread over its lines"
        )
    found = propose_orders(lines, demand, leads, policy)
    worth = np.where(lines.worth > 0, lines.worth, 1.0)
    without = found.missed + np.where(lines.worth > 0, found.saved[:, -1] / worth, 0.0)
    grid = np.zeros((len(rows), 1))
    costs = grid
    limited = future.location in set(facts.terms["receiving_limits"]["location"])
    shares_something = rows["supplier"].isin(joined).to_numpy() | limited
    if shares_something.any():
        grid = orders_around(lines, found)
        costs = order_costs(lines, demand, leads, review, grid)
    arrives = np.minimum(np.rint(leads.mean).astype(np.int64), demand.shape[2] - 1)
    period = demand.mean(axis=1, dtype=np.float64).sum(axis=0) / future.days
    by_day = np.repeat(period, round(future.days))
    left_over = (
        lines.on_hand - lines.reserved + lines.arriving(demand.shape[2]).sum(axis=1) - wanted
    )
    return Draft(
        rows,
        lines,
        found,
        policy,
        arrives,
        without,
        left_over,
        by_day,
        shares_something,
        grid,
        costs,
        spans,
    )


def orders_around(lines: Lines, found: Orders) -> Floats:
    """Return what a line may order: none, parts of its own order, packs around it if there is room: (n, P)."""
    room = np.floor(found.room / lines.step + 1e-6) * lines.step
    most = np.maximum(found.quantity, room)[:, None]
    packs = np.minimum(pack_grid(lines, found.quantity), most)
    return np.sort(np.concatenate([np.zeros((len(lines), 1)), found.grid, packs], axis=1), axis=1)


def _quantities(draft: Draft, shared: Mapping[tuple[str, str], Shared]) -> Floats:
    """Return what each line orders: (n,) units."""
    own = draft.found.quantity.tolist()
    pairs = zip(draft.rows["product"], draft.rows["location"], own, strict=True)
    return np.array(
        [
            shared[product, location].quantity if (product, location) in shared else units
            for product, location, units in pairs
        ]
    )


def _tell(
    draft: Draft,
    number: int,
    quantity: float,
    demand: NDArray[np.float32],
    future: Future,
    facts: Facts,
    shared: Mapping[tuple[str, str], Shared],
    prices: Mapping[tuple[str, str], float],
) -> Proposal:
    row = draft.rows.iloc[number]
    pair = (row["product"], row["location"])
    why = shared[pair].why if pair in shared else None
    told = explain(draft.found, draft.lines, draft.policy, number, quantity=quantity, changed=why)
    periods = draft.lines.on_order.shape[1]
    line = draft.lines.take(slice(number, number + 1))
    stock = _projected(
        line, reaching(demand, periods, future.days)[0], quantity, int(draft.arrives[number])
    )
    doubt, word = facts.doubts.get(pair), _word(future.days)
    level = future.levels.get(row["product"])
    explanation = {
        "sentence": sentence(told, period=word, when=_named(future.starts))
        + level_words(level, word),
        "data": told.data(),
        "level": None if level is None else dict(level),
        "doubt": None if doubt is None else doubt._asdict(),
        # of its own order
        "served": float(draft.found.served[number]) if why is None else None,
        "from": {
            name: row[f"{name}_from"] for name in ("supplier", "lead", "target", "cost", "holding")
        },
        "abc": row["abc"],
        "sells_in": None if pd.isna(row["currency"]) else row["currency"],
        "overrides": overrides_in(
            future, row["product"], int(np.ceil(draft.found.periods[number]))
        ),
        "days": [day.isoformat() for day in future.starts[: stock["without"].shape[0]]],
        **{name: np.round(values, 3).tolist() for name, values in stock.items()},
    }
    price = _known_number(prices.get((row["supplier"], row["product"]), row["order_price"]))
    return Proposal(
        supplier=row["supplier"],
        product=row["product"],
        location=row["location"],
        quantity_milli=round(1000 * quantity),
        explanation=explanation,
        at_risk_micros=round(1e6 * float(draft.at_risk[number]) * float(row["price"])),
        on_order_milli=int(row["coming_milli"]),
        price_micros=None if price is None else round(1e6 * price),
        currency=None if pd.isna(row["order_currency"]) else row["order_currency"],
    )


def overrides_in(future: Future, product: str, periods: int) -> list[dict[str, Any]]:
    """Return the overrides of a product that touch its first so many periods, as plain values."""
    starts = future.starts
    last = starts[min(periods, len(starts)) - 1] + timedelta(days=round(future.days) - 1)
    names = ("override", "change", "value", "reason", "note")
    return [
        {
            **{name: one[name] for name in names},
            "from": one["starts_on"].isoformat(),
            "to": one["ends_on"].isoformat(),
            "by": one["recorded_by"],
        }
        for one in future.overrides.get(product, ())
        if one["starts_on"] <= last and one["ends_on"] >= starts[0]
    ]


def _projected(
    line: Lines, demand: NDArray[np.float32], quantity: float, arrives: int
) -> dict[str, Floats]:
    """Return quantiles of one line's stock at the end of each period, without and with the order: (T, 3) units.

    demand: (B, T).
    """
    B, T = demand.shape
    coming = line.arriving(T)[0]
    found = {}
    for name, more in (("without", 0.0), ("with", quantity)):
        stock = np.full(B, max(0.0, line.on_hand[0] - line.reserved[0]))
        bands = np.empty((T, len(BAND)))
        for t in range(T):
            stock = np.maximum(
                0.0, stock + coming[t] + (more if t == arrives else 0.0) - demand[:, t]
            )
            bands[t] = np.quantile(stock, BAND)
        found[name] = bands
    return found


def _known_number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)


def _word(days: float) -> str:
    return "day" if days == 1 else "week" if days == 7 else "month"


def _named(starts: list[date]) -> Any:
    """Return what names a period: its first day, as people write it."""

    def name(at: int) -> str:
        step = starts[1] - starts[0] if len(starts) > 1 else timedelta(days=1)
        day = starts[at] if at < len(starts) else starts[-1] + (at - len(starts) + 1) * step
        return f"{day:%a} {day.day} {day:%b}"

    return name
