"""Scenarios are compared: buying computes, and the forecast says what an assumed price or promotion does to demand."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from ingest.calendar import put_plans
from ingest.calendar.shapes import PriceIn, PromotionIn
from purchasing.proposing.arrays import Future
from purchasing.proposing.facts import Facts, read_facts
from purchasing.proposing.run import expected_sales
from purchasing.whatif.assumed import Asked, needs_classes, within
from purchasing.whatif.compare import Factors, compare, plan
from purchasing.whatif.scenario import Scenario, Scope
from stocktide.entrypoints.ordering import defaults_of, futures_of
from stocktide.foundation.errors import Invalid
from stocktide.foundation.lake import Lake
from stocktide.foundation.local_days import business_day
from stocktide.foundation.settings import Settings

ASSUMED = "what-if"


def compare_scenarios(
    engine: sa.Engine,
    settings: Settings,
    scope: Scope,
    scenarios: list[Scenario],
    *,
    today: date | None = None,
) -> dict[str, Any]:
    """Compare scenarios with what is, of one moment. Raises as `compare`, `futures_of` and `assume_published`."""
    isolated = engine.execution_options(isolation_level="REPEATABLE READ")
    with isolated.connect() as connection:
        now = None if today else datetime.now(UTC)
        today = today or business_day(connection, now)
        facts = read_facts(connection, today=today)
        as_of: datetime = connection.execute(sa.text("SELECT now()")).scalar_one()
    lake = Lake(settings.lake_root)
    sales = pd.Series(dtype=float)
    if needs_classes(facts):
        sales = expected_sales(futures_of(engine, lake, today=today), facts)[1]
    comparison = plan(Asked(scope, facts, sales, defaults_of(settings), today, now), scenarios)
    read = futures_of(engine, lake, today=today, within=comparison.locations)
    factors = factors_of(engine, settings, lake, facts, scope, today)
    return {"as_of": as_of.isoformat(), **compare(comparison, read()[1], factors)}


def factors_of(
    engine: sa.Engine, settings: Settings, lake: Lake, facts: Facts, scope: Scope, today: date
) -> Factors:
    """Return what tells by how much a scenario's price or promotion moves demand: computed once a scenario."""
    known: dict[str, Mapping[tuple[str, str], NDArray[np.float64]]] = {}

    def factors(scenario: Scenario, future: Future) -> NDArray[np.float32] | None:
        if not scenario.changes_demand_by_plan:
            return None
        if scenario.name not in known:
            plans = plans_of(facts, scope, scenario, today, last_day(future))
            known[scenario.name] = _assumed(engine, settings, lake, plans)
        found = known[scenario.name]
        periods = len(future.starts)
        one = np.ones(periods)
        rows = [
            found.get((product, future.location), one)[-periods:] for product in future.products
        ]
        return np.array(rows, dtype=np.float32)

    return factors


def last_day(future: Future) -> date:
    """Return the last day of the forecast."""
    return future.starts[-1] + timedelta(days=round(future.days) - 1)


def plans_of(
    facts: Facts, scope: Scope, scenario: Scenario, today: date, last: date
) -> dict[str, list[Any]]:
    """Return the plans that a scenario's price and promotion are, by their kind. Raises Invalid."""
    limits = {name: told for name, told in scope.limits.items() if name != "supplier"}
    if not limits:
        raise Invalid(
            "bad_scope",
            f"{scenario.name!r}: a price or promotion is of a product, a category or a shop, not of a supplier.",
        )
    plans: dict[str, list[Any]] = {}
    if scenario.discount is not None:
        first, until = scenario.promotion_from or today, scenario.promotion_to or last
        told = {
            **limits,
            "from": first,
            "to": until,
            "kind": ASSUMED,
            "discount": scenario.discount,
        }
        plans["promotions"] = [msgspec.convert(told, PromotionIn)]
    if scenario.price_percent is not None:
        priced = facts.pairs[within(facts.pairs, scope)].dropna(subset=["price"])
        plans["prices"] = [
            PriceIn(
                product=row["product"],
                location=row["location"],
                from_=today,
                price=f"{row['price'] * (1 + scenario.price_percent / 100):.4f}",
            )
            for row in priced.to_dict("records")
        ]
    return plans


def _assumed(
    engine: sa.Engine, settings: Settings, lake: Lake, plans: Mapping[str, list[Any]]
) -> Mapping[tuple[str, str], NDArray[np.float64]]:
    """Return the factor of each product and location by period, under assumed plans."""
    # imported when it is asked for: the forecasting libraries take seconds that a start need not
    import forecasting
    from stocktide.entrypoints.cli.context import load_config

    def change(connection: sa.Connection) -> None:
        for kind, rows in plans.items():
            put_plans(connection, kind, rows, by=ASSUMED)

    spec = forecasting.spec_from_toml(load_config(settings))
    made = forecasting.assume_published(engine, lake, spec, change)
    m = made.hierarchy.n_leaves
    was, now = made.published[-m:], made.mean[-m:]
    factor = np.divide(now, was, out=np.ones_like(now), where=was > 0)
    leaves = made.hierarchy.nodes.iloc[-m:]
    return dict(zip(zip(leaves["product"], leaves["location"], strict=True), factor, strict=True))
