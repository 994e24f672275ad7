"""What each customer will be worth: purchases by BG/NBD times value by Gamma-Gamma, with an interval by simulation."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.customers.bg_nbd import BgNbdFit, expected_purchases, fit_bg_nbd, p_alive
from forecasting.customers.gamma_gamma import GammaGammaFit, expected_average, fit_gamma_gamma

Array = NDArray[np.float64]
# Of fewer a fit would tell who they are more than what customers do.
CUSTOMERS_MIN = 5
LEVEL = 0.8
DRAWS = 200
# Customers simulated at once: 200 draws of them take 30 MB a column.
CUSTOMERS_AT_ONCE = 20_000
# A mean that is certain to nearly nobody: beyond that a draw of parameters says nothing about this shop.
LOG_DRAWN_MAX = 12.0


@dataclass(frozen=True)
class ValueFit:
    """Both models of a group of customers; None where there was nothing to fit, and then why."""

    purchases: BgNbdFit | None
    spend: GammaGammaFit | None
    why: tuple[str, ...] = ()


class _Group(NamedTuple):
    """Customers as arrays of shape (n,)."""

    x: Array
    t_x: Array
    T: Array
    paid: Array
    z: Array


def fit_value(summary: pd.DataFrame) -> ValueFit:
    """Fit both models to a summary of customers, see `customer_summary`. What cannot be fitted raises nothing."""
    group = _group(summary)
    buyers, payers = int((group.x > 0).sum()), group.paid > 0
    if group.x.size < CUSTOMERS_MIN:
        return ValueFit(None, None, (f"fewer than {CUSTOMERS_MIN} customers",))
    if buyers == 0:
        return ValueFit(None, None, ("no customer bought again",))
    purchases = fit_bg_nbd(group.x, group.t_x, group.T)
    if int(payers.sum()) < CUSTOMERS_MIN:
        why = f"fewer than {CUSTOMERS_MIN} customers bought again and paid"
        return ValueFit(purchases, None, (why,))
    return ValueFit(purchases, fit_gamma_gamma(group.paid[payers], group.z[payers]))


def predict_value(
    summary: pd.DataFrame,
    fit: ValueFit,
    *,
    t: float,
    rng: np.random.Generator,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> pd.DataFrame:
    """Predict the time t from now, in the summary's unit, for each customer of a summary.

    Returns unique_id, p_alive, purchases, average (value of one), value, and `low` and `high`, which hold the value
    with probability `level`: what is drawn are the parameters, as sure as the fit is of them, each customer's own rate
    and habits, and what then happens. draws 0: without interval. NaN where the fit says nothing.
    """
    everybody = np.zeros(len(summary), dtype=np.int64)
    return predict_groups(summary, fit, everybody, t=t, rng=rng, draws=draws, level=level)[0]


def predict_groups(
    summary: pd.DataFrame,
    fit: ValueFit,
    groups: NDArray[np.int64],
    *,
    t: float,
    rng: np.random.Generator,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predict each customer, as `predict_value`, and what each group of customers buys together.

    groups: shape (n,), the number of each customer's group, from 0. Returns the customers, and by group customers,
    value, low and high, with all groups together in the last row: a draw of the parameters is the same for all
    customers, so their mistake does not average out.
    """
    group = _group(summary)
    columns: dict[str, Array] = {}
    nothing = np.full(group.x.size, np.nan)
    bought, spend = fit.purchases, fit.spend
    columns["p_alive"] = nothing if bought is None else p_alive(bought, *group[:3])
    columns["purchases"] = nothing if bought is None else expected_purchases(bought, *group[:3], t)
    columns["average"] = nothing if spend is None else expected_average(spend, *group[3:])
    columns["value"] = columns["purchases"] * columns["average"]
    columns["low"] = columns["high"] = nothing
    if bought is not None and spend is not None and draws > 0:
        drawn = _Drawn.of(bought, spend, rng, draws)
        columns["low"], columns["high"], sums = _interval(group, drawn, t, rng, level, groups)
    else:
        sums = np.full((2, _count(groups) + 1), np.nan)
    customers = pd.DataFrame({"unique_id": summary["unique_id"].to_numpy(), **columns})
    together = pd.DataFrame(
        {
            "customers": [*np.bincount(groups, minlength=_count(groups)), groups.size],
            "value": _sums(groups, columns["value"]),
            "low": sums[0],
            "high": sums[1],
        }
    )
    return customers, together


def _sums(groups: NDArray[np.int64], values: Array) -> Array:
    """Return the sum of each group, and of all, shape (groups + 1,)."""
    by_group = np.bincount(groups, weights=values, minlength=_count(groups))
    return np.append(by_group, by_group.sum())


def _count(groups: NDArray[np.int64]) -> int:
    return int(groups.max()) + 1 if groups.size else 0


def _group(summary: pd.DataFrame) -> _Group:
    names = ("frequency", "recency", "T", "paid", "monetary")
    x, t_x, T, paid, z = (summary[name].to_numpy(dtype=np.float64) for name in names)
    return _Group(x, t_x, T, paid, np.where(paid > 0, z, 0.0))


@dataclass(frozen=True)
class _Drawn:
    """Parameters of both models, drawn as sure as the fits are of them: as many of each."""

    buying: list[BgNbdFit]
    spending: list[GammaGammaFit]

    @classmethod
    def of(
        cls, bought: BgNbdFit, spend: GammaGammaFit, rng: np.random.Generator, draws: int
    ) -> "_Drawn":
        fitted = [bought.r, bought.alpha, bought.a, bought.b]
        buying = [
            replace(bought, r=r, alpha=alpha, a=a, b=b)
            for r, alpha, a, b in _drawn(fitted, bought.covariance, rng, draws)
        ]
        fitted = [spend.p, spend.q, spend.gamma]
        spending = [
            replace(spend, p=p, q=q, gamma=gamma)
            for p, q, gamma in _drawn(fitted, spend.covariance, rng, draws)
        ]
        return cls(buying, spending)


def _interval(
    group: _Group,
    drawn: _Drawn,
    t: float,
    rng: np.random.Generator,
    level: float,
    groups: NDArray[np.int64],
) -> tuple[Array, Array, Array]:
    """Return the quantiles of simulated values, shape (n,) each, and those of the sums of groups, (2, groups + 1)."""
    low, high = np.empty(group.x.size), np.empty(group.x.size)
    sums = np.zeros((len(drawn.buying), _count(groups) + 1))
    edges = [(1 - level) / 2, (1 + level) / 2]
    for first in range(0, group.x.size, CUSTOMERS_AT_ONCE):
        some = slice(first, first + CUSTOMERS_AT_ONCE)
        part = _Group(*(column[some] for column in group))
        pairs = zip(drawn.buying, drawn.spending, strict=True)
        values = np.array([_simulated(part, *fits, t, rng) for fits in pairs])
        low[some], high[some] = np.quantile(values, edges, axis=0)
        by_group = np.array([np.bincount(groups[some], one, _count(groups)) for one in values])
        sums += np.column_stack([by_group, by_group.sum(axis=1)])
    return low, high, np.quantile(sums, edges, axis=0)


def _drawn(
    parameters: list[float], covariance: Array | None, rng: np.random.Generator, draws: int
) -> list[list[float]]:
    """Draw parameters as sure as the fit is of them; those of the fit where it does not know."""
    if covariance is None:
        return [parameters] * draws
    drawn = rng.multivariate_normal(np.log(parameters), covariance, size=draws, method="eigh")
    bounded: list[list[float]] = np.exp(np.clip(drawn, -LOG_DRAWN_MAX, LOG_DRAWN_MAX)).tolist()
    return bounded


def _simulated(
    group: _Group, bought: BgNbdFit, spend: GammaGammaFit, t: float, rng: np.random.Generator
) -> Array:
    """Simulate one future of each customer; returns what each spends, shape (n,)."""
    n = group.x.size
    is_alive = rng.random(n) < p_alive(bought, *group[:3])
    rate = rng.gamma(bought.r + group.x, 1 / (bought.alpha + group.T))
    leaves = np.maximum(rng.beta(bought.a, bought.b + group.x), np.finfo(np.float64).tiny)
    purchases = rng.poisson(rate * t)
    # purchases until the one after which the customer leaves, at least one
    until = np.ceil(np.log1p(-rng.random(n)) / np.log1p(-np.minimum(leaves, 1 - 1e-16)))
    purchases = np.where(is_alive, np.minimum(purchases, np.maximum(until, 1)), 0)
    per_money = rng.gamma(spend.p * group.paid + spend.q, 1 / (spend.gamma + group.paid * group.z))
    shape = spend.p * purchases
    spent = rng.gamma(np.where(shape > 0, shape, 1.0)) / per_money
    return np.where(shape > 0, spent, 0.0)
