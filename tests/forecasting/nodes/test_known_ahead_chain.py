"""The simulated chain's plans, recorded ahead, against what then came."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import msgspec
import numpy as np
import sqlalchemy as sa

from data import simulate
from etl import run_etl
from forecasting.known_ahead_tables import read_known_ahead
from forecasting.lake_demand import read_demand
from ingest.calendar import put_plans
from ingest.calendar.shapes import PromotionIn
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings

END = date(2026, 2, 1)
DAYS, AHEAD = 75, 21


def test_plans_tell_the_promotions_and_prices_that_then_came(
    database: sa.Engine, tmp_path: Path
) -> None:
    chain = simulate(seed=11, days=DAYS, end=END)
    truth = chain.truth
    with database.begin() as connection:
        put_products(connection, msgspec.convert(chain.products, list[ProductIn]))
        put_locations(connection, msgspec.convert(chain.locations, list[LocationIn]))
        typed = msgspec.convert(chain.promotions, list[PromotionIn])
        put_plans(connection, "promotions", typed, by="x")
    recorder = Recorder(database, Settings())
    for body in chain.batches(5_000):
        recorder.record("till", "application/x-ndjson", body.splitlines())
    lake = Lake(str(tmp_path / "lake"))
    run_etl(database, lake)
    now = datetime.combine(END - timedelta(days=AHEAD), time(12), UTC)
    demand = read_demand(lake, (("location", "product"),), now=now)
    ahead = read_known_ahead(database, lake, demand, horizon=AHEAD, now=now)
    first: date = truth.days[0].item()
    start = (demand.days[0].date() - first).days
    days = slice(start, start + demand.days.size + AHEAD)
    leaves = zip(demand.leaves["product"], demand.leaves["location"], strict=True)
    pairs = [truth.pair(product, location) for product, location in leaves]
    stays = truth.sold_on[pairs][:, days].all(axis=1)
    came = truth.promotion[pairs][:, days][stays]
    n_history = demand.days.size
    told = ahead.regressors["promotion"].values[stays]
    assert came[:, n_history:].mean() > 0.05
    # a shop that is closed on the first day puts its prices up on the next one
    assert (told != came).mean() < 0.005
    np.testing.assert_array_equal(told[:, n_history:], came[:, n_history:])
    price = ahead.regressors["price"].values[stays]
    was = np.log(truth.price_micros[pairs][:, days][stays])
    # from the last day of a promotion that goes on, the price cannot be compared
    calm = ~came[:, n_history - 1]
    moved = price[calm, n_history:] - price[calm, n_history - 1 : n_history]
    came_to = was[calm, n_history:] - was[calm, n_history - 1 : n_history]
    assert came_to.min() < -0.2
    # prices end in 9 cents, and a few list prices change in three weeks, which nobody planned
    assert np.quantile(np.abs(moved - came_to), [0.5, 0.95]).max() < 0.05
