import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from forecasting.baselines.intermittent import croston_sba, tsb
from tests.forecasting.libraries import library

SERIES = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 4), st.integers(1, 50)),
    elements=st.sampled_from([0.0, 0.0, 0.0, np.nan, 1.0, 2.5, 40.0]),
)


@settings(max_examples=80, deadline=None)
@given(SERIES, st.sampled_from([0.05, 0.1, 0.4]))
def test_croston_and_tsb_equal_statsforecasts_on_the_known_periods(
    Y: NDArray[np.float64], alpha: float
) -> None:
    models = library("statsforecast.models")
    croston, fading = croston_sba(Y, 3), tsb(Y, 3, size_alpha=alpha, rate_alpha=0.1)
    for row, y in enumerate(Y):
        known = y[np.isfinite(y)]
        if not known.any():
            np.testing.assert_array_equal([croston[row], fading[row]], 0.0)
            continue
        theirs = models.CrostonSBA().forecast(y=known, h=3)["mean"]
        np.testing.assert_allclose(croston[row], theirs, rtol=1e-8)
        theirs = models.TSB(alpha_d=alpha, alpha_p=0.1).forecast(y=known, h=3)["mean"]
        np.testing.assert_allclose(fading[row], theirs, rtol=1e-8)


def test_a_series_that_stops_fades_by_tsb_and_stays_by_croston() -> None:
    sold = np.tile([0.0, 3.0], 20)[None, :]
    stopped = np.concatenate([sold, np.zeros((1, 40))], axis=1)
    assert croston_sba(stopped, 1) == croston_sba(sold, 1)
    np.testing.assert_allclose(tsb(stopped, 1), tsb(sold, 1) * 0.9**40)
