"""A chain whose promotions are known: 3 locations, 4 products, daily, in a lake and in the tables."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import sqlalchemy as sa

from forecasting import ForecastSpec
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from tests.forecasting.lakes import FIRST, LOCATIONS, PRODUCTS, demand_row

DAYS, H = 150, 14
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SPEC = ForecastSpec(
    levels=((), ("location",), ("location", "product")),
    horizon_days=H,
    candidates=("WLSS additive",),
    backtest_origins=1,
)
# The effect that the lake is drawn from: a promotion takes 20 % off and sells 1.9 times as much.
UPLIFT = 1.9
# Weeks in which a product was on promotion at a location.
PROMOTED = {(1, 1): (3, 9, 15), (1, 2): (5, 12), (2, 1): (7, 18), (2, 3): (10, 16), (3, 2): (4, 13)}


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def promoted_rows() -> list[dict[str, object]]:
    rng = np.random.default_rng(11)
    rows = []
    for product, mean in ((1, 30.0), (2, 20.0), (3, 12.0), (4, 8.0)):
        for location in (1, 2, 3):
            weeks = PROMOTED.get((product, location), ())
            for number in range(DAYS):
                on = number // 7 in weeks
                sold = rng.poisson(mean * (UPLIFT if on else 1.0))
                priced = {"price_micros": 8_000_000 if on else 10_000_000, "promotion": on}
                rows.append(demand_row(product, location, number, float(sold), **priced))
    return rows


def put_chain(engine: sa.Engine) -> None:
    """Make the lake's products and locations known; list prices of 10."""
    with engine.begin() as connection:
        products = PRODUCTS[["sku", "department", "category"]].to_dict("records")
        locations = LOCATIONS[["code", "region", "country"]].to_dict("records")
        put_products(
            connection,
            [ProductIn(**{str(k): v for k, v in row.items()}, price=10) for row in products],
        )
        put_locations(
            connection, [LocationIn(**{str(k): v for k, v in row.items()}) for row in locations]
        )
