"""What is known ahead of a chain: events, prices, promotions and closures, each with the day from which it was known.

m leaves, T periods of history, H periods of future that are told of. All arrays run over the T + H periods.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Columns of an events frame beside the keys that limit it: name, its day, the days around it, the day it became known.
EVENT_COLUMNS = ("name", "day", "days_before", "days_after", "recorded")


@dataclass(frozen=True)
class PlannedRegressor:
    """One thing that is planned for leaves.

    values: (m, T + H), 0 where nothing is planned: a promotion is 1 or its share of the period, a price is
    log(price / usual price). recorded: (m, T + H) position of the last period before which the value was not known
    (None: always known). A future value is used at a cutoff only if it was recorded by then.
    """

    values: Array
    recorded: NDArray[np.int64] | None = None

    def at(self, periods_known: int) -> Array:
        """Give the values as they were known after so many periods: later plans count as no plan."""
        if self.recorded is None:
            return self.values
        ahead = np.arange(self.values.shape[1]) >= periods_known
        unknown = ahead[None, :] & (self.recorded >= periods_known)
        return np.where(unknown, 0.0, self.values)


@dataclass(frozen=True)
class KnownAhead:
    """events: EVENT_COLUMNS and a column per key that limits them (missing: everywhere), dates as Timestamps.

    regressors: by name. closed: (m, T + H), True where a leaf is known to be shut in the whole period. countries: (m,)
    ISO code of each leaf's location, "" for none.
    """

    events: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[*EVENT_COLUMNS]))
    regressors: Mapping[str, PlannedRegressor] = field(default_factory=dict)
    closed: Mask | None = None
    countries: NDArray[np.str_] | None = None


NOTHING = KnownAhead()
