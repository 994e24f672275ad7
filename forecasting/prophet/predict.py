"""Predictions of fitted models for dates: forecast, trend and every part of it.

n series, D dates, K columns. Parts are given in the units of y and add up to the forecast, whatever the model's form:
where parts multiply, or the target is a logarithm, they are shared out by logarithmic means (Ang 2004, LMDI), which
leaves no remainder.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.prophet.columns import Columns, build_columns, day_numbers
from forecasting.prophet.fits import Fits
from forecasting.prophet.model import ProphetModel
from forecasting.row_blocks import ROWS_AT_ONCE, in_threads, row_slices

Array = NDArray[np.float64]

TREND = "trend"
LOG_MAX = 700.0


def forecast(
    model: ProphetModel,
    fits: Fits,
    ds: pd.DatetimeIndex,
    *,
    shared: pd.DataFrame | None = None,
    own: Mapping[str, Array] | None = None,
    columns: Columns | None = None,
) -> Array:
    """Evaluate the models on any dates, past or future. Returns (n, D) in the units of y.

    shared, own, columns: of these dates, as `fit_series` takes them. Raises what `build_columns` raises.
    """
    built = build_columns(model, ds, shared=shared, own=own) if columns is None else columns
    X, days = built.matching(fits.keys), day_numbers(ds)
    out = np.empty((fits.size, days.size))

    def fill(rows: slice) -> None:
        part = fits if fits.size <= ROWS_AT_ONCE else fits.take(np.arange(fits.size)[rows])
        factor, added = _effects(part, X, {name: of[rows] for name, of in (own or {}).items()})
        out[rows] = _back(model, part, trend_of(part, days) * factor + added)

    for _ in in_threads([partial(fill, rows) for rows in row_slices(fits.size)]):
        pass
    return out


def trend_of(fits: Fits, days: Array) -> Array:
    """Evaluate the trends in scaled units on `days` (D,), days since 1970, in any order. Returns (n, D)."""
    if (np.diff(days) < 0).any():
        ordered, index = np.unique(days, return_inverse=True)
        return trend_of(fits, ordered)[:, index]
    time = (days[None, :] - fits.start[:, None]) / fits.span[:, None]
    trend = fits.m[:, None] + fits.k[:, None] * time
    if fits.knots.shape[1] == 0:
        return trend
    if time.min(initial=np.inf) >= 1.0:
        # beyond the last change of slope the trend is a line
        offset = -(fits.delta * fits.knots).sum(axis=1)
        return np.asarray(trend + offset[:, None] + fits.delta.sum(axis=1)[:, None] * time)
    if _same_axes(fits):
        hinge = np.maximum(time[:1, :].T - fits.knots[:1], 0.0)
        return np.asarray(trend + fits.delta @ hinge.T)
    trend += _summed_from(fits, days, fits.delta) * time
    trend -= _summed_from(fits, days, fits.delta * fits.knots)
    return trend


def _summed_from(fits: Fits, days: Array, at_knots: Array) -> Array:
    """Sum values (n, S) of each series' knots over the knots before each day, (n, D). days: ascending."""
    n, D = fits.size, days.size
    at = np.searchsorted(days, fits.start[:, None] + fits.knots * fits.span[:, None])
    index = (np.arange(n)[:, None] * (D + 1) + at).ravel()
    steps = np.bincount(index, weights=at_knots.ravel(), minlength=n * (D + 1))
    return np.asarray(np.cumsum(steps.reshape(n, D + 1)[:, :D], axis=1))


def _same_axes(fits: Fits) -> bool:
    """Return True if all series change their slopes on the same days."""
    axes = (fits.start, fits.span, fits.knots)
    return fits.size > 0 and all(bool((of == of[:1]).all()) for of in axes)


def components(
    model: ProphetModel,
    fits: Fits,
    ds: pd.DatetimeIndex,
    *,
    shared: pd.DataFrame | None = None,
    own: Mapping[str, Array] | None = None,
    columns: Columns | None = None,
) -> dict[str, Array]:
    """Split the forecast into parts that add up to it: part name -> (n, D) in the units of y, "trend" first.

    A part that is 0 everywhere (a season that no history was long enough for) is left out.
    """
    built = build_columns(model, ds, shared=shared, own=own) if columns is None else columns
    X = built.matching(fits.keys)
    trend = trend_of(fits, day_numbers(ds))
    parts = {name: np.zeros_like(trend) for name in dict.fromkeys(fits.component)}
    # several parts multiply the trend by 1 + their sum: each has its own share of what is added
    for position, name in enumerate(fits.component):
        effect = fits.beta[:, position : position + 1] * _column(fits, X, position, own or {})
        parts[name] += effect * trend if fits.multiplicative[position] else effect
    parts = {name: values for name, values in parts.items() if values.any()}
    if model.target == "log1p":
        return _logarithmic(model, fits, trend, parts)
    scale = fits.scale[:, None]
    return {TREND: trend * scale + fits.floor[:, None], **{n: v * scale for n, v in parts.items()}}


def _logarithmic(
    model: ProphetModel, fits: Fits, trend: Array, parts: Mapping[str, Array]
) -> dict[str, Array]:
    """Split exp(total) - exp(trend) by the logarithmic mean of the two: what each part adds, exactly."""
    scale = fits.scale[:, None]
    moved = np.sum(list(parts.values()), axis=0) if parts else np.zeros_like(trend)
    low, high = _back(model, fits, trend), _back(model, fits, trend + moved)
    with np.errstate(divide="ignore", invalid="ignore"):
        per_unit = np.where(np.abs(moved) > 1e-12, (high - low) / (moved * scale), low + 1.0)
    return {TREND: low, **{name: value * scale * per_unit for name, value in parts.items()}}


def _effects(fits: Fits, X: Array, own: Mapping[str, Array]) -> tuple[Array, Array]:
    """Sum the columns into 1 + the multiplying part and the added part, both (n, D); the first (n, 1) without any."""
    apart = np.array([component in own for component in fits.component], dtype=np.bool_)
    raw = np.where(apart, 0.0, fits.beta / fits.sd)
    many = fits.multiplicative
    shift = raw * fits.mean
    factor = np.ones((fits.size, 1))
    if many.any():
        factor = 1.0 + (raw * many) @ X.T - (shift * many).sum(axis=1)[:, None]
    added = (raw * ~many) @ X.T - (shift * ~many).sum(axis=1)[:, None]
    for position in np.flatnonzero(apart):
        effect = fits.beta[:, position : position + 1] * _column(fits, X, int(position), own)
        if many[position]:
            factor += effect
        else:
            added += effect
    return factor, added


def _column(fits: Fits, X: Array, position: int, own: Mapping[str, Array]) -> Array:
    """Return one standardised column, (n, D) or (1, D)."""
    values = own.get(fits.component[position], X[None, :, position])
    mean, sd = fits.mean[:, position : position + 1], fits.sd[:, position : position + 1]
    return np.asarray((values - mean) / sd)


def _back(model: ProphetModel, fits: Fits, scaled: Array) -> Array:
    """Convert scaled values back to the units of y."""
    values = scaled * fits.scale[:, None] + fits.floor[:, None]
    if model.target != "log1p":
        return np.asarray(values)
    # beyond this a float is infinite
    return np.asarray(np.expm1(np.minimum(values, LOG_MAX)))
