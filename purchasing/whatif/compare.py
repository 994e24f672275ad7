"""Scenarios beside what is: the same lines, stock and paths walked ahead under each."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from purchasing.proposing.arrays import Future, lead_shares, lines_of, reaching
from purchasing.proposing.compute import POLICIES
from purchasing.proposing.facts import Facts
from purchasing.proposing.prepare import Defaults, Prepared, prepare, supplying_of
from purchasing.whatif.scenario import Scenario, Scope
from purchasing.whatif.simulate import Ahead, Rule, reviews, simulate
from replenishment import Lines, lead_times_of
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid, NotFound

AS_IS = Scenario(name="As it is")
LINES_MAX = 2_000
# Of sums over lines, on the paths.
BAND = (0.1, 0.5, 0.9)
# What the present is, and what a scenario assumes: factors of a location's demand, (k, T), by its scenario's name.
Factors = Callable[[Scenario, Future], NDArray[np.float32] | None]


@dataclass(frozen=True)
class Asked:
    """What scenarios are computed from. futures: of the locations in the scope, read once."""

    scope: Scope
    facts: Facts
    sales: "pd.Series[Any]"
    futures: Sequence[Future]
    defaults: Defaults
    today: date


def expected_sales(connection: sa.Connection) -> "pd.Series[Any]":
    """Read what each product is expected to sell for over the horizon: for its class."""
    found = connection.execute(statement("purchasing/expected_sales")).all()
    return pd.Series({row.product: row.sales for row in found}, dtype=float)


def locations_of(facts: Facts, scope: Scope) -> set[str]:
    """Return the locations of the lines that a scope may be about."""
    return set(within(facts.pairs, scope)["location"]) if len(facts.pairs) else set()


def compare(asked: Asked, scenarios: Sequence[Scenario], factors: Factors) -> dict[str, Any]:
    """Return the figures of what is, and of each scenario. Raises NotFound without a line, Invalid for too many."""
    now = _rows(asked, AS_IS)
    if now.rows.empty:
        raise NotFound("nothing_reached", "No line with stock and a forecast is in this scope.")
    if len(now.rows) > LINES_MAX:
        raise Invalid(
            "too_many_lines", f"{len(now.rows):,} lines; narrow it to at most {LINES_MAX:,}."
        )
    pairs = list(zip(now.rows["product"], now.rows["location"], strict=True))
    figures = [
        _figures(one, _rows(asked, one, pairs), asked, factors) for one in (AS_IS, *scenarios)
    ]
    return {
        "lines": len(now.rows),
        "currency": _one(now.rows["currency"]),
        "days": [day.isoformat() for day in asked.futures[0].starts],
        "scenarios": figures,
    }


def _one(values: "pd.Series[Any]") -> str | None:
    """Return the value that all rows have, None where they differ."""
    found = values.dropna().unique()
    return str(found[0]) if len(found) == 1 else None


def within(rows: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """Return the rows of a scope, as far as they have its columns."""
    fits = pd.Series(data=True, index=rows.index)
    for name, told in scope.limits.items():
        if name in rows.columns:
            fits &= rows[name] == told
    return rows[fits]


def _rows(
    asked: Asked, scenario: Scenario, pairs: Collection[tuple[str, str]] | None = None
) -> Prepared:
    """Prepare the lines of the scope, or the pairs of it, under a scenario."""
    facts = asked.facts
    if scenario.supplier is not None:
        facts = _bought_from(facts, scenario.supplier, {product for product, _ in pairs or ()})
    made = prepare(facts, asked.sales, today=asked.today, defaults=asked.defaults, every=True)
    forecast = {(product, one.location) for one in asked.futures for product in one.products}
    rows = made.rows
    if pairs is None:
        rows = within(rows, asked.scope)
        wanted = forecast
    else:
        wanted = forecast & set(pairs)
    here = pd.MultiIndex.from_frame(rows[["product", "location"]]).isin(list(wanted))
    rows = rows[here].sort_values(["location", "product"]).reset_index(drop=True)
    if scenario.fill_rate is not None:
        rows = rows.assign(measure="fill_rate", target=scenario.fill_rate)
    if scenario.price_percent is not None:
        rows = rows.assign(price=rows["price"] * (1 + scenario.price_percent / 100))
    leads = dict(made.leads)
    if scenario.lead_days is not None:
        sure = np.eye(scenario.lead_days + 1)[scenario.lead_days]
        supplying = supplying_of(facts)
        for supplier, product in set(zip(rows["supplier"], rows["product"], strict=True)):
            of = supplying.get(supplier)
            leads[supplier, product] = sure if of is None else of.delivered(sure, asked.today)
    return Prepared(rows, leads)


def _bought_from(facts: Facts, supplier: str, products: set[str]) -> Facts:
    """Return facts in which a supplier is asked first for what it sells of some products. Raises Invalid."""
    sold = facts.terms["supplier_products"]
    chosen = (sold["supplier"] == supplier) & sold["product"].isin(products)
    if not chosen.any():
        raise Invalid(
            "not_sold",
            f"Nobody said that {supplier!r} sells any of these products: see /v1/terms/supplier-products.",
        )
    terms = {**facts.terms, "supplier_products": sold.assign(rank=sold["rank"].mask(chosen, 0))}
    return replace(facts, terms=terms)


def _figures(
    scenario: Scenario, prepared: Prepared, asked: Asked, factors: Factors
) -> dict[str, Any]:
    """Walk the lines ahead, all that have one measure together, and add them up."""
    moved = [_moved(future, scenario, factors) for future in asked.futures]
    parts = [
        _walk(str(measure), group, moved, prepared, asked)
        for measure, group in prepared.rows.groupby("measure", sort=True)
    ]
    return {"name": scenario.name, **_summed(parts, len(asked.futures[0].starts))}


def _moved(future: Future, scenario: Scenario, factors: Factors) -> Future:
    """Return a location's paths under a scenario."""
    values = future.values
    factor = factors(scenario, future)
    if factor is not None:
        values = values * factor[None]
    if scenario.demand_percent is not None:
        values = values * np.float32(1 + scenario.demand_percent / 100)
    return replace(future, values=values)


def _walk(
    measure: str, rows: pd.DataFrame, futures: Sequence[Future], prepared: Prepared, asked: Asked
) -> Ahead:
    """Walk the lines of all locations ahead in one go."""
    groups = [
        (future, rows[rows["location"] == future.location].reset_index(drop=True))
        for future in futures
    ]
    groups = [(future, here) for future, here in groups if len(here)]
    ordered = pd.concat([here for _, here in groups], ignore_index=True)
    days = groups[0][0].days
    shares = lead_shares(ordered, prepared, days)
    orders = np.concatenate([_order_periods(here, future, asked.facts) for future, here in groups])
    longest = int(shares.shape[1] - 1 + reviews(orders).max())
    reach = orders.shape[1] + longest
    demand = np.concatenate(
        [reaching(_paths_of(here, future), reach, days) for future, here in groups]
    )
    lines = _joined(
        [lines_of(here, future, asked.facts, asked.today, reach) for future, here in groups]
    )
    kind, target = POLICIES[measure]
    aims = {} if target is None else {target: ordered["target"].to_numpy(np.float64)}
    return simulate(lines, demand, lead_times_of(shares), Rule(kind, aims, orders))  # type: ignore[arg-type]  # a kind of POLICIES


def _paths_of(rows: pd.DataFrame, future: Future) -> NDArray[np.float32]:
    """Return the paths of some lines of a location, (n, B, T)."""
    place = {product: number for number, product in enumerate(future.products)}
    return future.values[:, rows["product"].map(place).to_numpy(), :].transpose(1, 0, 2)


def _joined(parts: Sequence[Lines]) -> Lines:
    """Put lines of several locations one after the other."""
    return Lines(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Lines)}
    )


def _order_periods(rows: pd.DataFrame, future: Future, facts: Facts) -> NDArray[np.bool_]:
    """Return the periods in which each line's supplier takes orders on some day, (n, H)."""
    supplying = supplying_of(facts)
    length = round(future.days)
    found = {
        name: [
            of is None or any(of.takes_orders(start + timedelta(days=n)) for n in range(length))
            for start in future.starts
        ]
        for name in rows["supplier"].unique()
        for of in (supplying.get(name),)
    }
    return np.array([found[name] for name in rows["supplier"]], dtype=np.bool_)


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
    cost = total["holding"] + total["missed"]
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
