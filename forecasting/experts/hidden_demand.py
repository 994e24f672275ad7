"""Expected sales of a shelf that sold out: estimated by a first fit, and put in before anything else is fitted."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.experts.cycles import Cycles
from forecasting.experts.models import OWN_VARIANTS, fit_variant
from forecasting.experts.terms import build_terms
from forecasting.nodes.stockout import with_hidden_demand

Array = NDArray[np.float64]


def expected_demand(
    Y: Array, cut: NDArray[np.bool_], dates: pd.DatetimeIndex, cycles: Cycles
) -> Array:
    """Return Y (m, T) with the expected demand E[D | D >= sold] where a leaf sold out, cut (m, T)."""
    rows = np.flatnonzero((cut & np.isfinite(Y)).any(axis=1))
    if rows.size == 0:
        return Y
    terms = build_terms(cycles, dates)
    first = fit_variant(OWN_VARIANTS[0], Y[rows], dates, cycles, [(np.arange(rows.size), terms)])
    out = Y.copy()
    out[rows] = with_hidden_demand(Y[rows], first.both, cut[rows])
    return out
