"""BG/NBD and Gamma-Gamma against the papers' own numbers, against integrals, and against customers of their making."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import beta

from forecasting.customers import bg_nbd, gamma_gamma
from forecasting.customers.bg_nbd import BgNbdFit, expected_purchases, fit_bg_nbd, p_alive
from forecasting.customers.gamma_gamma import GammaGammaFit, expected_average, fit_gamma_gamma

Array = NDArray[np.float64]


def bought(r: float, alpha: float, a: float, b: float) -> BgNbdFit:
    return BgNbdFit(r, alpha, a, b, 0.0, 0, None, 0, "converged")


# Fader, Hardie, Lee 2005, table 2; and "Implementing the BG/NBD Model in Excel" for the customer.
CDNOW = bought(0.243, 4.414, 0.793, 2.426)


def one(x: float, t_x: float, age: float) -> tuple[Array, Array, Array]:
    return np.array([x]), np.array([t_x]), np.array([age])


def test_expected_purchases_are_those_of_the_paper() -> None:
    assert expected_purchases(CDNOW, *one(2, 30.43, 38.86), 39.0) == pytest.approx(1.226, abs=5e-4)


parameters = st.floats(0.05, 20)


@settings(max_examples=40)
@given(
    r=parameters,
    alpha=parameters,
    a=st.one_of(parameters, st.floats(0.999, 1.001), st.just(1.0)),
    b=parameters,
    x=st.one_of(st.just(0), st.integers(0, 30), st.integers(500, 20_000)),
    weeks=st.floats(0.1, 2_000),
    when=st.floats(0, 1),
    t=st.floats(0.01, 500),
)
def test_expected_purchases_equal_the_integral_over_who_the_customer_may_be(
    r: float, alpha: float, a: float, b: float, x: int, weeks: float, when: float, t: float
) -> None:
    fit = bought(r, alpha, a, b)
    customer = one(x, weeks * when if x else 0.0, weeks)

    def if_leaving(u: float) -> float:
        p = float(beta.ppf(u, a, b + x))
        of_rate = -np.expm1(-(r + x) * np.log1p(p * t / (alpha + weeks)))
        return float(of_rate / p) if p > 1e-290 else (r + x) * t / (alpha + weeks)

    expected = quad(if_leaving, 0, 1, limit=200, epsabs=1e-9)[0] * p_alive(fit, *customer)[0]
    assert expected_purchases(fit, *customer, t)[0] == pytest.approx(expected, rel=2e-4, abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.floats(-3, 3), min_size=4, max_size=4), st.integers(0, 2**32 - 1))
def test_gradients_are_those_of_the_likelihoods(theta: list[float], seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, weeks = rng.integers(0, 40, 8).astype(float), rng.uniform(0.5, 3, 8)
    last = np.where(x > 0, weeks * rng.random(8), 0.0)
    ones = np.ones(8, dtype=np.int64)
    for likelihood, size in (
        (bg_nbd._likelihood(x, last, weeks, ones), 4),
        (gamma_gamma._likelihood(x + 1, rng.uniform(0.1, 5, 8)), 3),
    ):
        at = np.array(theta[:size])
        steps = 1e-6 * np.eye(size)
        numeric = [(likelihood(at + s)[0] - likelihood(at - s)[0]) / 2e-6 for s in steps]
        assert likelihood(at)[1] == pytest.approx(numeric, rel=1e-4, abs=1e-5)


def simulated(rng: np.random.Generator, n: int, weeks: float) -> tuple[Array, Array, Array]:
    """Frequency, recency and age of customers who behave as the model says, purchase by purchase."""
    rate, leaves = rng.gamma(CDNOW.r, 1 / CDNOW.alpha, n), rng.beta(CDNOW.a, CDNOW.b, n)
    x, last, at = np.zeros(n), np.zeros(n), np.zeros(n)
    is_there = np.ones(n, dtype=bool)
    while is_there.any():
        at = at + rng.exponential(1 / np.maximum(rate, 1e-12))
        is_there &= at <= weeks
        x, last = x + is_there, np.where(is_there, at, last)
        is_there &= rng.random(n) >= leaves
    return x, last, np.full(n, weeks)


def test_fits_find_the_parameters_that_customers_were_made_with() -> None:
    rng = np.random.default_rng(20)
    found = fit_bg_nbd(*simulated(rng, 20_000, 78.0))
    assert found.status == "converged"
    assert found.covariance is not None
    # as far off as the fit itself says, at most three times
    for number, name in enumerate(("r", "alpha", "a", "b")):
        off = abs(np.log(getattr(found, name) / getattr(CDNOW, name)))
        assert off < 3 * np.sqrt(found.covariance[number, number]), name
    p, q, gamma, n = 6.25, 3.74, 15.44, 5_000
    x = rng.integers(1, 12, n).astype(float)
    z = rng.gamma(p * x) / rng.gamma(q, 1 / gamma, n) / x
    spend = fit_gamma_gamma(x, z)
    assert spend.covariance is not None
    for number, (name, made) in enumerate((("p", p), ("q", q), ("gamma", gamma))):
        off = abs(np.log(getattr(spend, name) / made))
        assert off < 3 * np.sqrt(spend.covariance[number, number]), name


def test_the_unit_of_time_and_the_currency_change_nothing_else() -> None:
    x, last, age = simulated(np.random.default_rng(3), 2_000, 39.0)
    weeks, days = fit_bg_nbd(x, last, age), fit_bg_nbd(x, 7 * last, 7 * age)
    assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-4)
    assert days.alpha == pytest.approx(7 * weeks.alpha, rel=1e-4)
    in_weeks, in_days = p_alive(weeks, x, last, age), p_alive(days, x, 7 * last, 7 * age)
    assert in_days == pytest.approx(in_weeks, abs=1e-4)


def test_expected_average_lies_between_the_customers_own_and_that_of_all() -> None:
    fit = GammaGammaFit(6.25, 3.74, 15.44, 0.0, 946, None, 0, "converged")
    assert fit.mean == pytest.approx(6.25 * 15.44 / 2.74)
    own = np.array([0.0, 10.0, 10.0, 200.0])
    told = expected_average(fit, np.array([0.0, 1.0, 100.0, 1.0]), own)
    assert told[0] == pytest.approx(fit.mean)
    assert 10 < told[2] < told[1] < fit.mean < told[3] < 200


def test_millions_of_purchases_and_ages_stay_finite() -> None:
    x, age = np.array([0.0, 1e6, 1e6, 1e6]), np.full(4, 1e6)
    last = np.array([0.0, 1e6, 1e6 - 1, 1.0])
    alive = p_alive(CDNOW, x, last, age)
    assert np.isfinite(alive).all()
    assert ((alive >= 0) & (alive <= 1)).all()
    assert alive[3] < 1e-12
    told = expected_purchases(CDNOW, x, last, age, 1e4)
    assert np.isfinite(told).all()
    assert (told >= 0).all()
