"""The sample chain as demand in memory: what its tills tell, its prices and promotions, and the truth beside them."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from data import SampleChain, simulate
from data.demand import DISPLAY_UPLIFT
from forecasting import Demand, ForecastSpec, KnownAhead, PlannedRegressor

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MILLI = 1_000
END = date(2026, 6, 1)
# The lake takes the median price of the last year for the usual one.
USUAL_DAYS = 365
LEVELS: tuple[tuple[str, ...], ...] = (
    (),
    ("region", "location"),
    ("department",),
    ("department", "category"),
    ("product",),
    ("location", "product"),
)


@dataclass(frozen=True)
class Simulated:
    """A simulated chain of N leaves and D days: sold (N, D) units, known (N, D) False where the shelf was empty.

    promoted: (N, D), days on promotion and in the assortment. price: (N, D), micros. leaves: keys of each.
    """

    chain: SampleChain
    leaves: pd.DataFrame
    sold: Array
    known: Mask
    promoted: Mask
    price: Array

    @property
    def elasticity(self) -> dict[str, float]:
        """Return the true elasticity of each department, above 0."""
        return {d.name: d.elasticity for d in self.chain.truth.chain.departments}

    @property
    def display(self) -> float:
        """Return the true factor of a promotion beside its price."""
        return DISPLAY_UPLIFT

    def demand(self, days: int, horizon: int, *, plans: bool) -> Demand:
        """Return what is known after so many days, with the plans of the horizon or without any."""
        truth = self.chain.truth
        sold = self.sold[:, :days]
        return Demand(
            leaves=self.leaves,
            names={},
            days=pd.DatetimeIndex(truth.days[:days]),
            units=sold,
            empty=~self.known[:, :days],
            started=np.argmax(sold > 0, axis=1).astype(np.int64),
            lake_version=-1,
            ahead=self._ahead(days, horizon) if plans else KnownAhead(),
        )

    def _ahead(self, days: int, horizon: int) -> KnownAhead:
        end = days + horizon
        usual = np.median(self.price[:, max(0, days - USUAL_DAYS) : days], axis=1)[:, None]
        return KnownAhead(
            regressors={
                "price": PlannedRegressor(np.log(self.price[:, :end] / usual)),
                "promotion": PlannedRegressor(self.promoted[:, :end].astype(np.float64)),
            }
        )


def simulated(seed: int, days: int) -> Simulated:
    """Simulate a chain; a shelf that is empty at close says less than was wanted."""
    chain = simulate(seed=seed, days=days, end=END)
    truth = chain.truth
    shops, products = truth.chain.shops, truth.chain.products
    departments = truth.chain.departments
    pairs = [(product, shop) for product in products for shop in shops]
    leaves = pd.DataFrame(
        {
            "location": [shop.code for _, shop in pairs],
            "region": [shop.region for _, shop in pairs],
            "product": [product.sku for product, _ in pairs],
            "category": [product.category for product, _ in pairs],
            "department": [departments[at].name for at in truth.chain.department_of],
        }
    )
    return Simulated(
        chain=chain,
        leaves=leaves,
        sold=truth.sold / MILLI,
        known=~truth.stocked_out,
        promoted=truth.promotion & truth.sold_on,
        price=truth.price_micros.astype(np.float64),
    )


def spec_of(horizon: int) -> ForecastSpec:
    """Return the settings of the sample chain."""
    return ForecastSpec(levels=LEVELS, horizon_days=horizon, frequency="D", holidays_country="PT")
