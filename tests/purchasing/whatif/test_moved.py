"""What a scenario moves of a location's paths."""

from datetime import date

import numpy as np
import pandas as pd

from purchasing.proposing.arrays import Future
from purchasing.whatif.compare import _moved
from purchasing.whatif.scenario import Scenario


def test_a_place_whose_products_are_not_asked_for_stays() -> None:
    """A warehouse is read for what it supplies, though it may sell none of it."""
    future = Future("WH", [], [date(2026, 3, 2)], 1.0, np.zeros((5, 0, 1), np.float32))
    scenario = Scenario(name="Dear", price_percent=5)
    assert (
        _moved(future, scenario, lambda *_: np.zeros((1, 0), np.float32), pd.DataFrame()) is future
    )
