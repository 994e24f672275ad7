"""Scenarios beside what is: the same lines, stock and paths walked ahead under each."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from purchasing.proposing.arrays import Future, lead_shares, lines_of, reaching
from purchasing.proposing.drafts import POLICIES, demand_of
from purchasing.proposing.facts import Facts
from purchasing.proposing.lead_days import supplying_of
from purchasing.proposing.money import in_one_currency, usual
from purchasing.proposing.prepare import Prepared
from purchasing.whatif.assumed import Asked, Assumed, assume, no_rate_words
from purchasing.whatif.scenario import AS_IS_NAME, Scenario
from purchasing.whatif.simulate import Ahead, Rule, reviews, simulate
from purchasing.whatif.today import OrderedToday, order_today
from replenishment import Lines, lead_times_of
from stocktide.foundation.errors import Invalid, NotFound

AS_IS = Scenario(name=AS_IS_NAME)
LINES_MAX = 2_000
# Of sums over lines, on the paths.
BAND = (0.1, 0.5, 0.9)
# What the present is, and what a scenario assumes: factors of a location's demand, (k, T), by its scenario's name.
Factors = Callable[[Scenario, Future], NDArray[np.float32] | None]


@dataclass(frozen=True)
class Comparison:
    """Scenarios with their lines, before the paths are read. lines: by the scenario's place, what is first."""

    asked: Asked
    scenarios: Sequence[Scenario]
    lines: Sequence[Assumed]

    @property
    def locations(self) -> set[str]:
        """Return the locations whose paths are needed."""
        return {place for one in self.lines for place in one.needed.get("location", ())}


def plan(asked: Asked, scenarios: Sequence[Scenario]) -> Comparison:
    """Say which lines a comparison is about. Raises Invalid."""
    now = assume(asked, AS_IS)
    inside = now.lines.rows[now.inside]
    pairs = set(zip(inside["product"], inside["location"], strict=True)) if len(inside) else set()
    return Comparison(
        asked, (AS_IS, *scenarios), [now, *(assume(asked, one, pairs) for one in scenarios)]
    )


def compare(comparison: Comparison, read: Iterable[Future], factors: Factors) -> dict[str, Any]:
    """Return the figures of what is, and of each scenario. read: the paths of its locations.

    Raises NotFound without a line, Invalid for too many.
    """
    needed = pd.concat([one.needed for one in comparison.lines])
    known: dict[str, set[str]] = {}
    futures = []
    for future in read:
        known[future.location] = set(future.products)
        futures.append(_narrowed(future, needed))
    scoped = [_scoped(one, known) for one in comparison.lines]
    if scoped[0].rows.empty:
        raise NotFound("nothing_reached", "No line with stock and a forecast is in this scope.")
    if len(scoped[0].rows) > LINES_MAX:
        raise Invalid(
            "too_many_lines",
            f"{len(scoped[0].rows):,} lines; narrow it to at most {LINES_MAX:,}.",
        )
    currency = usual(scoped[0].rows["currency"])
    rates = comparison.asked.facts.rates
    scoped = [Prepared(in_one_currency(one.rows, currency, rates), one.leads) for one in scoped]
    figures = [
        _figures(scenario, assumed, prepared, futures, known, comparison.asked, factors)
        for scenario, assumed, prepared in zip(
            comparison.scenarios, comparison.lines, scoped, strict=True
        )
    ]
    for one in figures[1:]:
        if {**one, "name": AS_IS.name} == figures[0]:
            one["notes"] = [*one["notes"], "changes no figure of these lines"]
    return {
        "lines": len(scoped[0].rows),
        "currency": currency,
        "days": [day.isoformat() for day in futures[0].starts],
        "alone": any(one.alone for one in comparison.lines),
        "scenarios": figures,
    }


def _narrowed(future: Future, needed: pd.DataFrame) -> Future:
    """Return the paths of a location's lines that are needed: all of a chain may not fit into memory."""
    wanted = set(needed.loc[needed["location"] == future.location, "product"])
    kept = [number for number, product in enumerate(future.products) if product in wanted]
    products = [future.products[number] for number in kept]
    return replace(future, products=products, values=future.values[:, kept, :])


def _scoped(assumed: Assumed, known: Mapping[str, Collection[str]]) -> Prepared:
    """Return the lines of the scope that have a forecast, in the order of locations and products."""
    rows = assumed.lines.rows
    if rows.empty:
        return assumed.lines
    pairs = zip(rows["product"], rows["location"], strict=True)
    forecast = np.array([product in known.get(place, ()) for product, place in pairs])
    rows = rows[assumed.inside & forecast].sort_values(["location", "product"])
    return Prepared(rows.reset_index(drop=True), assumed.lines.leads)


def _figures(
    scenario: Scenario,
    assumed: Assumed,
    prepared: Prepared,
    read: Sequence[Future],
    known: Mapping[str, Collection[str]],
    asked: Asked,
    factors: Factors,
) -> dict[str, Any]:
    """Order today, walk the lines ahead, all that have one measure together, and add them up."""
    futures = [_moved(future, scenario, factors, prepared.rows) for future in read]
    now = order_today(assumed, futures, known, asked.today)
    parts = [
        _walk(str(measure), group, futures, prepared, asked, now)
        for measure, group in prepared.rows.groupby("measure", sort=True)
    ]
    return {
        "name": scenario.name,
        **_summed(parts, len(futures[0].starts)),
        "waiting": now.waiting,
        "not_counted": _not_counted(prepared.rows, now),
        "notes": _notes(prepared.rows),
    }


def _not_counted(rows: pd.DataFrame, now: OrderedToday) -> list[str]:
    """Return which amounts could not be counted as they are, in words."""
    lost = rows[rows["no_rate"]]
    guessed = (
        [f"{no_rate_words(lost)}: what is usual of the selling price stands for it"]
        if len(lost)
        else []
    )
    return guessed + now.not_counted


def _notes(rows: pd.DataFrame) -> list[str]:
    """Return in words what a scenario takes for granted."""
    sources = sorted(set(rows["source"].dropna()))
    return [
        f"{source} sends today what it has, and after today all that shops order"
        for source in sources
    ]


def _moved(future: Future, scenario: Scenario, factors: Factors, rows: pd.DataFrame) -> Future:
    """Return a location's paths under a scenario: those of the rows move."""
    if not future.products:
        return future
    factor = factors(scenario, future)
    if scenario.demand_percent is not None:
        more = np.float32(1 + scenario.demand_percent / 100)
        factor = np.full(future.values.shape[1:], more) * (1 if factor is None else factor)
    if factor is None:
        return future
    mine = set(rows.loc[rows["location"] == future.location, "product"])
    moves = np.array([product in mine for product in future.products], dtype=bool)
    one = np.float32(1)
    return replace(future, values=future.values * np.where(moves[:, None], factor, one)[None])


def _walk(
    measure: str,
    rows: pd.DataFrame,
    futures: Sequence[Future],
    prepared: Prepared,
    asked: Asked,
    now: OrderedToday,
) -> Ahead:
    """Walk the lines of all locations ahead in one go."""
    groups = [
        (future, rows[rows["location"] == future.location].reset_index(drop=True))
        for future in futures
    ]
    groups = [(future, here) for future, here in groups if len(here)]
    ordered = pd.concat([here for _, here in groups], ignore_index=True)
    days = groups[0][0].days
    # all locations have the same periods
    shares = lead_shares(ordered, prepared, groups[0][0])
    orders = np.concatenate([_order_periods(here, future, asked.facts) for future, here in groups])
    longest = int(shares.shape[1] - 1 + reviews(orders).max())
    reach = orders.shape[1] + longest
    demand = np.concatenate(
        [reaching(demand_of(future, here), reach, days) for future, here in groups]
    )
    lines = _joined(
        [
            lines_of(
                here,
                future,
                asked.facts,
                asked.today,
                reach,
                lead_times_of(lead_shares(here, prepared, future)),
            )
            for future, here in groups
        ]
    )
    kind, target = POLICIES[measure]
    aims = {} if target is None else {target: ordered["target"].to_numpy(np.float64)}
    pairs = zip(ordered["product"], ordered["location"], strict=True)
    units = np.array([now.units.get(pair, np.nan) for pair in pairs])
    rule = Rule(kind, aims, orders)  # type: ignore[arg-type]  # a kind of POLICIES
    bought = ordered["source"].isna().to_numpy(bool)
    leads = lead_times_of(shares)
    found = simulate(lines, demand, leads, rule, today=units, bought=bought)
    # the first order of a week or month may be that of a later day
    return replace(found, today=np.nan_to_num(units))


def _joined(parts: Sequence[Lines]) -> Lines:
    """Put lines of several locations one after the other."""
    return Lines(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Lines)}
    )


def _order_periods(rows: pd.DataFrame, future: Future, facts: Facts) -> NDArray[np.bool_]:
    """Return the periods in which each line's supplier takes orders on some day, (n, H)."""
    supplying = supplying_of(facts)
    length = round(future.days)
    # a week or month that has begun has the days that are left of it
    ends = [*future.starts[1:], future.starts[-1] + timedelta(days=length)]
    found = {
        name: [
            of is None
            or any(of.takes_orders(start + timedelta(days=n)) for n in range((end - start).days))
            for start, end in zip(future.starts, ends, strict=True)
        ]
        for name in rows["supplier"].unique()
        for of in (supplying.get(name),)
    }
    periods = np.array([found[name] for name in rows["supplier"]], dtype=np.bool_)
    # an order of now is of the supplier's own clock
    now = rows["is_open"].to_numpy(bool)
    periods[:, 0] = now if length == 1 else periods[:, 0] | now
    return periods


def _summed(parts: Sequence[Ahead], periods: int) -> dict[str, Any]:
    """Add parts up and say it in figures: means over the paths, and the interval of 80 % where it tells something."""
    total: Mapping[str, NDArray[np.float64]] = {
        name: np.sum([getattr(part, name) for part in parts], axis=0)
        for name in Ahead.__dataclass_fields__
        if name != "today"
    }
    lines = sum(part.today.size for part in parts)
    asked = np.where(total["demand"] > 0, total["demand"], 1.0)
    served = np.where(total["demand"] > 0, total["sold"] / asked, 1.0)
    cost = total["holding"] + total["missed"] + total["spoiled"]
    stock = np.quantile(total["stock"], BAND, axis=0)
    return {
        "demand": _mean(total["demand"]),
        "fill_rate": float(total["sold"].sum() / max(total["demand"].sum(), 1e-9)),
        "fill_rate_low": float(np.quantile(served, BAND[0])),
        "fill_rate_high": float(np.quantile(served, BAND[-1])),
        "missed_units": _mean(total["demand"] - total["sold"]),
        "empty_share": _mean(total["empty"]) / (lines * periods),
        "stock_units": float(total["stock"].mean()),
        "stock_value": _mean(total["stock_value"]),
        "holding_cost": _mean(total["holding"]),
        "missed_cost": _mean(total["missed"]),
        "spoiled_units": _mean(total["spoiled_units"]),
        "spoiled_cost": _mean(total["spoiled"]),
        "cost": _mean(cost),
        "cost_low": float(np.quantile(cost, BAND[0])),
        "cost_high": float(np.quantile(cost, BAND[-1])),
        "order_lines": _mean(total["lines"]),
        "ordered_units": _mean(total["ordered"]),
        "spent": _mean(total["spent"]),
        "today_lines": int(sum((part.today > 0).sum() for part in parts)),
        "today_units": float(sum(part.today.sum() for part in parts)),
        "stock": np.round(stock.T, 3).tolist(),
    }


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.mean(values))
