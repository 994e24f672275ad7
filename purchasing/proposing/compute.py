"""Lines and paths of one location become proposals: what to order, why, and how stock is expected to go."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.desk.proposals import Proposal
from purchasing.proposing.facts import Facts
from purchasing.proposing.prepare import Prepared
from replenishment import explain, lead_times_of, make_lines, make_policy, propose_orders, sentence
from replenishment.lines.lines import Lines

Floats = NDArray[np.float64]
# Of stock on a day, with and without the order.
BAND = (0.1, 0.5, 0.9)
POLICIES: Mapping[str, tuple[str, str | None]] = {
    "fill_rate": ("order_up_to", "fill_rate"),
    "cycle_service": ("order_up_to", "cycle_service"),
    "least_cost": ("least_cost", None),
}


@dataclass(frozen=True)
class Future:
    """Joint paths of one location from today on. values: (B, k, T) units. starts: (T,) first day of each period.

    days: of a period, 1, 7 or about 30. overrides: by product, what planners changed that is in the values.
    """

    location: str
    products: list[str]
    starts: list[date]
    days: float
    values: NDArray[np.float32]
    overrides: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)


def propose_location(
    future: Future, prepared: Prepared, facts: Facts, *, today: date
) -> list[Proposal]:
    """Return what to order today for one location, lines with an order alone."""
    place = {product: number for number, product in enumerate(future.products)}
    rows = prepared.rows
    here = rows[(rows["location"] == future.location) & rows["product"].isin(place)]
    made: list[Proposal] = []
    for measure, group in here.groupby("measure", sort=True):
        some = group.reset_index(drop=True)
        demand = future.values[:, some["product"].map(place).to_numpy(), :].transpose(1, 0, 2)
        made += _propose(str(measure), some, demand, future, prepared, facts, today)
    return made


def _propose(
    measure: str,
    rows: pd.DataFrame,
    demand: NDArray[np.float32],
    future: Future,
    prepared: Prepared,
    facts: Facts,
    today: date,
) -> list[Proposal]:
    review = np.maximum(1, np.ceil(rows["review"].to_numpy() / future.days)).astype(np.int64)
    shares = _shares(rows, prepared, future.days)
    demand = _reaching(demand, int(shares.shape[1] - 1 + review.max()), future.days)
    lines = _lines(rows, future, facts, today, demand.shape[2])
    kind, target = POLICIES[measure]
    aims = {} if target is None else {target: rows["target"].to_numpy(np.float64)}
    policy = make_policy(kind, len(rows), review=review, **aims)  # type: ignore[arg-type]  # a kind of POLICIES
    leads = lead_times_of(shares)
    found = propose_orders(lines, demand, leads, policy)
    worth = np.where(lines.worth > 0, lines.worth, 1.0)
    without = found.missed + np.where(lines.worth > 0, found.saved[:, -1] / worth, 0.0)
    arrives = np.minimum(np.rint(leads.mean).astype(np.int64), demand.shape[2] - 1)
    made = []
    for number in np.flatnonzero(found.quantity > 0).tolist():
        row = rows.iloc[number]
        told = explain(found, lines, policy, number)
        stock = _projected(
            lines, demand, number, float(found.quantity[number]), int(arrives[number])
        )
        explanation = {
            "sentence": sentence(told, period=_word(future.days), when=_named(future.starts)),
            "data": told.data(),
            "served": float(found.served[number]),
            "from": {
                name: row[f"{name}_from"]
                for name in ("supplier", "lead", "target", "cost", "holding")
            },
            "abc": row["abc"],
            "sells_in": None if pd.isna(row["currency"]) else row["currency"],
            "overrides": overrides_in(
                future, row["product"], int(shares.shape[1] - 1 + review[number])
            ),
            "days": [day.isoformat() for day in future.starts[: stock["without"].shape[0]]],
            **{name: np.round(values, 3).tolist() for name, values in stock.items()},
        }
        price = row["order_price"]
        made.append(
            Proposal(
                supplier=row["supplier"],
                product=row["product"],
                location=row["location"],
                quantity_milli=round(1000 * float(found.quantity[number])),
                explanation=explanation,
                at_risk_micros=round(1e6 * float(without[number]) * float(row["price"])),
                on_order_milli=int(row["coming_milli"]),
                price_micros=None if pd.isna(price) else round(1e6 * float(price)),
                currency=None if pd.isna(row["order_currency"]) else row["order_currency"],
            )
        )
    return made


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


def _shares(rows: pd.DataFrame, prepared: Prepared, days: float) -> Floats:
    """Return chances of 0, 1, … periods to an arrival: (n, L + 1)."""
    by_day = [prepared.leads[pair] for pair in zip(rows["supplier"], rows["product"], strict=True)]
    longest = int(np.floor(max(len(one) for one in by_day) / days)) + 1
    shares = np.zeros((len(rows), longest + 1))
    for number, one in enumerate(by_day):
        periods = np.floor(np.arange(len(one)) / days).astype(np.int64)
        np.add.at(shares[number], periods, one)
    reached = np.flatnonzero(shares.any(axis=0)).max()
    return shares[:, : int(reached) + 1]


def _reaching(demand: NDArray[np.float32], periods: int, days: float) -> NDArray[np.float32]:
    """Return paths that reach so many periods; where the forecast ends sooner its last week, or period, goes on."""
    T = demand.shape[2]
    if periods <= T:
        return demand
    cycle = min(T, 7 if days == 1 else 1)
    ahead = np.concatenate([np.arange(T), T - cycle + np.arange(periods - T) % cycle])
    return demand[:, :, ahead]


def _lines(rows: pd.DataFrame, future: Future, facts: Facts, today: date, periods: int) -> Lines:
    place = {product: number for number, product in enumerate(rows["product"])}

    def by_period(frame: pd.DataFrame, column: str, least: int) -> Floats:
        """Add units up by the period of a day; what is due and late is taken for due in the next period."""
        units = np.zeros((len(rows), periods))
        if not len(frame):
            return units
        for one in frame[frame["location"] == future.location].itertuples():
            number = place.get(str(one.product))
            day = getattr(one, column)
            ahead = least if pd.isna(day) else max(least, int((day - today).days // future.days))
            if number is not None and ahead < periods:
                units[number, ahead] += one.units
        return units

    due = facts.due
    ordered = due[due["purpose"] == "on_order"] if len(due) else due
    moving = due[due["purpose"] == "in_transit"] if len(due) else due
    on_hand = rows["on_hand"].to_numpy(np.float64)
    expiring = by_period(facts.expiring, "expires_on", 0)
    # lots are what events named; more of them than there is on hand cannot expire
    total = expiring.sum(axis=1)
    expiring *= np.where(total > on_hand, on_hand / np.where(total > 0, total, 1.0), 1.0)[:, None]
    return make_lines(
        on_hand,
        reserved=np.minimum(rows["reserved"].to_numpy(np.float64), on_hand),
        on_order=by_period(ordered, "expected_on", 1),
        in_transit=by_period(moving, "expected_on", 1),
        expiring=expiring,
        shelf_life=rows["shelf_life"].to_numpy(np.float64) / future.days,
        holding=rows["holding"].to_numpy(np.float64) * future.days,
        **{
            name: rows[name].to_numpy(np.float64)
            for name in (
                "pack",
                "minimum",
                "multiple",
                "capacity",
                "presentation",
                "unit_cost",
                "price",
                "shortage",
            )
        },
    )


def _projected(
    lines: Lines, demand: NDArray[np.float32], number: int, quantity: float, arrives: int
) -> dict[str, Floats]:
    """Return quantiles of stock at the end of each period, without and with the order: (T, 3) units."""
    B, T = demand.shape[1:]
    coming = lines.take(slice(number, number + 1)).arriving(T)[0]
    found = {}
    for name, more in (("without", 0.0), ("with", quantity)):
        stock = np.full(B, max(0.0, lines.on_hand[number] - lines.reserved[number]))
        bands = np.empty((T, len(BAND)))
        for t in range(T):
            stock = np.maximum(
                0.0, stock + coming[t] + (more if t == arrives else 0.0) - demand[number, :, t]
            )
            bands[t] = np.quantile(stock, BAND)
        found[name] = bands
    return found


def _word(days: float) -> str:
    return "day" if days == 1 else "week" if days == 7 else "month"


def _named(starts: list[date]) -> Any:
    """Return what names a period: its first day, as people write it."""

    def name(at: int) -> str:
        step = starts[1] - starts[0] if len(starts) > 1 else timedelta(days=1)
        day = starts[at] if at < len(starts) else starts[-1] + (at - len(starts) + 1) * step
        return f"{day:%a} {day.day} {day:%b}"

    return name
