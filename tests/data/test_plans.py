"""What the chain plans is what came, and was known before it came."""

from datetime import date, datetime, timedelta

import msgspec
import numpy as np
import sqlalchemy as sa

from data import SampleChain
from data.demand import DISPLAY_UPLIFT, price_effect
from data.plans import PLANNED_DAYS
from ingest.calendar import KINDS, put_plans
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products


def test_plans_of_promotions_are_those_that_came(sample: SampleChain) -> None:
    truth = sample.truth
    shops = {shop.region: shop.code for shop in truth.chain.shops}
    planned = np.zeros_like(truth.promotion)
    first = truth.days[0].item()
    for plan in sample.promotions:
        start, end = date.fromisoformat(plan["from"]), date.fromisoformat(plan["to"])
        pair = truth.pair(plan["product"], shops[plan["region"]])
        assert not planned[pair, (start - first).days : (end - first).days + 1].any()
        planned[pair, (start - first).days : (end - first).days + 1] = True
    pairs = [truth.pair(p.sku, code) for p in truth.chain.products for code in shops.values()]
    came = (truth.promotion & truth.sold_on)[pairs]
    assert came.any()
    np.testing.assert_array_equal(planned[pairs], came)


def test_promotions_are_known_before_they_start_and_some_lie_ahead(sample: SampleChain) -> None:
    end = sample.truth.days[-1].item() + timedelta(days=1)
    starts = [date.fromisoformat(plan["from"]) for plan in sample.promotions]
    known = [datetime.fromisoformat(plan["known_since"]).date() for plan in sample.promotions]
    assert all((s - k).days == PLANNED_DAYS for s, k in zip(starts, known, strict=True))
    assert max(known) < end
    assert sum(start >= end for start in starts) > 10
    assert len({plan["id"] for plan in sample.promotions}) == len(starts)


def test_plans_are_taken_as_they_are(sample: SampleChain, database: sa.Engine) -> None:
    with database.begin() as connection:
        put_products(connection, msgspec.convert(sample.products, list[ProductIn]))
        put_locations(connection, msgspec.convert(sample.locations, list[LocationIn]))
        for kind, plans in (("promotions", sample.promotions), ("closures", sample.closures)):
            typed = [msgspec.convert(plan, KINDS[kind].shape) for plan in plans]
            assert put_plans(connection, kind, typed, by="x").recorded == len(plans)


def test_closed_days_are_planned(sample: SampleChain) -> None:
    truth = sample.truth
    shut = {f"{day.item()}" for day in truth.days[~truth.is_open.any(axis=0)]}
    assert shut <= {plan["from"] for plan in sample.closures}


def test_price_effect_is_the_one_that_demand_was_drawn_with(sample: SampleChain) -> None:
    """A price 20 % off at elasticity e sells 0.8 ** -e as much, on display 1.35 times that."""
    truth = sample.truth
    chain = truth.chain
    listed = np.array([p.price_micros for p in chain.products])[chain.product_of, None]
    reduced = (listed * 8) // 10
    effect = price_effect(chain, reduced, np.array([[False, True]]))
    elasticity = chain.per_department(lambda d: d.elasticity)
    np.testing.assert_allclose(effect[:, 0], 0.8**-elasticity)
    np.testing.assert_allclose(effect[:, 1], 0.8**-elasticity * DISPLAY_UPLIFT)
