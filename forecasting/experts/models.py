"""Prophet models of the nodes of one level: a few tightly held variants each, and fits below a shape from above.

n nodes, T periods of history, h ahead. Targets are relative (y over the mean of the last year) or logarithms, so that
every prior is a share of a node's own size and none belongs to a data set.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.experts.cycles import Cycles
from forecasting.experts.terms import KINDS, Priors, Terms
from forecasting.prophet.columns import Columns
from forecasting.prophet.fit import fit_series
from forecasting.prophet.fits import TOO_SHORT, Fits
from forecasting.prophet.model import ProphetModel
from forecasting.prophet.predict import forecast

Array = NDArray[np.float64]
Rows = NDArray[np.int64]

# Looser than the library's 0.05, for the target is relative; which level holds is learnt by windows.
CHANGEPOINT_PRIOR = 0.3
# One day in the past counts half as much as one a year later, in the variants that prefer recent history.
HALF_LIFE_DAYS = 365.25
# No forecast is above so many times the largest value that was seen: a logarithm's trend can run away.
RUNAWAY_FACTOR = 10.0
# A year's shape needs a year; on less, the trend and the year explain each other.
YEAR_DAYS_MIN = 365
# One sale says how much is sold when something is, not how often: it is spread over so many short seasons.
SINGLE_OVER_SEASONS = 4


USUAL = Priors()


@dataclass(frozen=True)
class Variant:
    """One way to fit a node. name: in tables and settings. recent: later history counts more."""

    name: str
    response: str
    recent: bool
    priors: Priors = USUAL
    kinds: tuple[str, ...] = KINDS


@dataclass(frozen=True)
class FittedGroup:
    """Nodes that share a model. rows: of the level. dates, columns: over history and horizon."""

    rows: Rows
    model: ProphetModel
    fits: Fits
    dates: pd.DatetimeIndex
    columns: Columns


@dataclass(frozen=True)
class ModelFit:
    """Forecast of one variant. both: (n, kept + h), >= 0, before any level correction. groups: the models behind it.

    highest: (n,) no forecast is above it. single: (n,) what a row with one observation is forecast, NaN for others.
    """

    both: Array
    groups: tuple[FittedGroup, ...]
    highest: Array
    single: Array

    def over(self, periods: slice) -> Array:
        """Evaluate the models in some of the periods of history and horizon, (n, D)."""
        return _said(self.groups, self.highest, self.single, periods)


OWN_VARIANTS: tuple[Variant, ...] = (
    Variant("additive recent", "additive", True),
    Variant("additive whole", "additive", False),
    Variant("log1p recent", "log1p", True),
    Variant("log1p whole", "log1p", False),
)
MULTIPLICATIVE_VARIANTS: tuple[Variant, ...] = (
    Variant("multiplicative recent", "multiplicative", True),
    Variant("multiplicative whole", "multiplicative", False),
)
# What a node hands down: its seasons are held less tightly, for many children will be shrunk towards them.
SHAPE = Variant("shape", "log1p", True, replace(USUAL, year=0.15, month=0.15))
# How far a child may leave its parent's shape: hardly (plain transfer), or by a tenth.
POOLED_PRIORS = (0.01, 0.1)
# A shape is within e^-3 and e^3: a fit of few days may say anything.
LOG_SHAPE_MAX = 3.0


def pooled_variant(prior: float) -> Variant:
    """Return the variant that is fitted below a shape: its own week and year are held by `prior`."""
    priors = Priors(week=prior, year=prior)
    return Variant("pooled", "additive", True, priors, ("week", "year"))


def fit_variant(
    variant: Variant,
    Y: Array,
    dates: pd.DatetimeIndex,
    cycles: Cycles,
    terms: Sequence[tuple[Rows, Terms]],
    *,
    kept: int | None = None,
) -> ModelFit:
    """Fit every row of Y (n, T; NaN is unknown) and predict history and horizon, (n, T + h) over `dates`.

    terms: rows and the terms that they share; the rows cover all n. A row without any value is 0. kept: how many of the
    last periods of history to say (None: all).
    """
    n, T = Y.shape
    single = np.full(n, np.nan)
    groups = []
    for rows, of in terms:
        for part, model, kinds in _groups(variant, Y[rows], dates[:T], cycles):
            at = rows[part]
            columns = _varying(of.columns(variant.priors, kinds), T)
            fits = fit_series(model, dates[:T], Y[at], columns=columns.over(slice(T)))
            single[at] = _single(fits, Y[at], cycles)
            groups.append(FittedGroup(at, model, fits, dates, columns))
    highest = RUNAWAY_FACTOR * np.fmax.reduce(Y, axis=1, initial=0.0)
    periods = slice(0 if kept is None else T - kept, dates.size)
    return ModelFit(_said(groups, highest, single, periods), tuple(groups), highest, single)


def _said(groups: Sequence[FittedGroup], highest: Array, single: Array, periods: slice) -> Array:
    both = np.zeros((highest.size, periods.stop - periods.start))
    for group in groups:
        columns = group.columns.over(periods)
        both[group.rows] = forecast(group.model, group.fits, group.dates[periods], columns=columns)
    at = np.flatnonzero(np.isfinite(single))
    both[at] = single[at, None]
    return np.asarray(np.clip(both, 0.0, highest[:, None], out=both))


def handed_down(fit: ModelFit, periods: int) -> Array:
    """Return the factor by period that a logarithmic fit's seasons and holidays make, (n, T + h); 1 without a model.

    periods: T + h.
    """
    shape = np.ones((fit.highest.size, periods))
    for group in fit.groups:
        effect = group.fits.beta @ group.columns.values.T
        shape[group.rows] = np.exp(np.clip(effect, -LOG_SHAPE_MAX, LOG_SHAPE_MAX))
    return shape


def _varying(columns: Columns, T: int) -> Columns:
    """Leave out columns that are 0 throughout history: their priors would keep them at 0."""
    at = np.flatnonzero((columns.values[:T] != 0.0).any(axis=0))
    if at.size == columns.size:
        return columns
    return replace(
        columns,
        values=columns.values[:, at],
        component=tuple(columns.component[k] for k in at),
        key=tuple(columns.key[k] for k in at),
        scale=columns.scale[at],
        multiplicative=columns.multiplicative[at],
        given=columns.given[at],
    )


def _groups(
    variant: Variant, Y: Array, past: pd.DatetimeIndex, cycles: Cycles
) -> list[tuple[Rows, ProphetModel, tuple[str, ...]]]:
    """Sort the rows by what their history can carry: a trend, a year."""
    seen = np.isfinite(Y)
    first = np.argmax(seen, axis=1)
    last = Y.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1)
    span_days = (past[last] - past[first]).days.to_numpy() + cycles.days
    growing = (last - first + 1 >= cycles.trend_periods_min) & seen.any(axis=1)
    yearly = growing & (span_days >= YEAR_DAYS_MIN)
    found = []
    for has_year, has_trend in ((False, False), (False, True), (True, True)):
        rows = np.flatnonzero((yearly == has_year) & (growing == has_trend) & seen.any(axis=1))
        if rows.size:
            kinds = tuple(kind for kind in variant.kinds if has_year or kind != "year")
            found.append((rows, _model(variant, growing=has_trend), kinds))
    return found


def _model(variant: Variant, *, growing: bool) -> ProphetModel:
    log = variant.response == "log1p"
    return ProphetModel(
        growth="linear" if growing else "flat",
        yearly_seasonality=False,
        weekly_seasonality=False,
        daily_seasonality=False,
        changepoint_prior_scale=CHANGEPOINT_PRIOR,
        target="log1p" if log else "identity",
        scaling="none" if log else "mean",
        seasonality_mode="multiplicative" if variant.response == "multiplicative" else "additive",
        recency_half_life_days=HALF_LIFE_DAYS if variant.recent else None,
    )


def _single(fits: Fits, Y: Array, cycles: Cycles) -> Array:
    """Spread the one value of a row with a single observation over a few seasons, (n,); NaN for other rows."""
    rows = np.flatnonzero(fits.code == TOO_SHORT)
    single = np.full(fits.size, np.nan)
    single[rows] = np.nansum(Y[rows], axis=1) / (SINGLE_OVER_SEASONS * cycles.season)
    return single
