"""Base forecasts: Prophet in the fitted levels of one origin, made once and shared by all ways to reconcile."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from forecasting.intervals.stretch import ERROR_DAYS, error_shape
from forecasting.nodes.lifecycle import COLD_START, DISCONTINUED, cold_start, young
from forecasting.nodes.origin import Origin
from forecasting.nodes.prophet_fit import FittedGroup, NodeForecasts, fit_nodes
from forecasting.nodes.recent_level import recent_level
from forecasting.nodes.stockout import with_hidden_demand
from forecasting.prophet.predict import forecast
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.min_trace import SHRINK_NODES_MAX

Array = NDArray[np.float64]

# A response form: how Prophet's terms make the demand. One line each.
RESPONSES: dict[str, Callable[..., NodeForecasts]] = {
    "additive": partial(fit_nodes, seasonality_mode="additive"),
    "multiplicative": partial(fit_nodes, seasonality_mode="multiplicative"),
    "log1p": partial(fit_nodes, target="log1p"),
}
# Siblings are leaves of one node with at least so many leaves on average.
SIBLINGS_MIN = 5
_SIBLING_KEYS = ("category", "department")


@dataclass(frozen=True)
class BaseFit:
    """Base forecasts of the fitted nodes, NaN in the rows of others.

    yhat: (n, h), level corrected, 0 on closed days and for leaves that ended. shape: (n, q) error quantiles. variance:
    (n,) of in-sample errors. warnings: (n,) codes or None. residuals: (n, T) for MinT-shrink, None where there are more
    nodes than that takes: they would be most of the memory. groups: the models, with the nodes as their rows.
    """

    yhat: Array
    shape: Array
    variance: Array
    warnings: tuple[str | None, ...]
    residuals: Array | None
    groups: tuple[FittedGroup, ...] = ()


class BaseFits:
    """The base fits of an origin by response form, each made when first asked for and kept as long as the origin."""

    def __init__(self, fitted_levels: tuple[int, ...] | None = None) -> None:
        """fitted_levels: positions of the levels that get a model (None: all)."""
        self.fitted_levels = fitted_levels
        self._kept: weakref.WeakKeyDictionary[Origin, dict[str, BaseFit]] = (
            weakref.WeakKeyDictionary()
        )

    def of(self, origin: Origin, response: str) -> BaseFit:
        """Take the base fit of an origin, fitted now if it is the first time."""
        kept = self._kept.setdefault(origin, {})
        if response not in kept:
            kept[response] = fit_origin(origin, response, fitted_levels=self.fitted_levels)
        return kept[response]


def fit_origin(
    origin: Origin, response: str, *, fitted_levels: tuple[int, ...] | None = None
) -> BaseFit:
    """Fit the nodes of the fitted levels (None: all) in one response form, and correct them by what is known."""
    hierarchy, T = origin.hierarchy, origin.days.size
    n = hierarchy.n_nodes
    levels = range(len(hierarchy.levels)) if fitted_levels is None else fitted_levels
    rows = np.concatenate([hierarchy.rows(level) for level in levels])
    Y, fits = _fit(origin, response, rows)
    yhat, fitted = np.full((n, origin.horizon), np.nan), np.full((n, T), np.nan)
    yhat[rows] = fits.yhat * recent_level(Y, fits.fitted)[:, None]
    yhat *= origin.is_open[:, T:]
    fitted[rows] = fits.fitted
    warnings: list[str | None] = [None] * n
    for row, code in zip(rows, fits.warnings, strict=True):
        warnings[row] = code
    started = young(origin.units, sibling_group(hierarchy))
    ended = origin.ended
    leaves = slice(n - hierarchy.n_leaves, n)
    if np.isfinite(yhat[leaves]).all():
        yhat[leaves], _ = cold_start(yhat[leaves], origin.units, sibling_group(hierarchy))
        yhat[leaves][ended] = 0.0
    for leaf in np.flatnonzero(ended | started):
        warnings[n - hierarchy.n_leaves + leaf] = DISCONTINUED if ended[leaf] else COLD_START
    residuals = origin.Y - fitted
    return BaseFit(
        yhat=yhat,
        shape=error_shape(origin.Y, fitted),
        variance=_variance(residuals),
        warnings=tuple(warnings),
        residuals=residuals if n <= SHRINK_NODES_MAX else None,
        groups=tuple(replace(group, rows=rows[group.rows]) for group in fits.groups),
    )


def _fit(origin: Origin, response: str, rows: NDArray[np.int64]) -> tuple[Array, NodeForecasts]:
    """Fit some nodes; returns what was fitted (rows, T) and the fits.

    Days that sold a shelf empty are first taken as they are; what they hid is then expected from the fit, and fitted.
    """
    fit = partial(
        RESPONSES[response],
        days=origin.days,
        horizon=origin.horizon,
        holiday_names=origin.holiday_names,
    )
    Y = origin.Y[rows]
    made = fit(Y)
    leaf = rows - (origin.hierarchy.n_nodes - origin.hierarchy.n_leaves)
    cut = np.zeros(Y.shape, dtype=np.bool_)
    cut[leaf >= 0] = origin.cut_leaves[leaf[leaf >= 0]]
    if not cut.any():
        return Y, made
    whole = with_hidden_demand(Y, made.fitted, cut)
    return whole, fit(whole)


def fitted_leaves(origin: Origin, base: BaseFit) -> Array:
    """Evaluate the leaves' models on the past, (m, T); 0 for a leaf without a model."""
    hierarchy = origin.hierarchy
    fitted = np.zeros((hierarchy.n_leaves, origin.days.size))
    for group in base.groups:
        leaf = group.rows - (hierarchy.n_nodes - hierarchy.n_leaves)
        here = np.flatnonzero(leaf >= 0)
        if here.size:
            fitted[leaf[here]] = forecast(group.model, group.fits.take(here), origin.days)
    return fitted


def sibling_group(hierarchy: Hierarchy) -> NDArray[np.int64]:
    """Number the group of siblings of each leaf, (m,): its category if a level has it, else its department, else any.

    Of several such levels the finest with SIBLINGS_MIN leaves a node; all leaves are siblings where there is none.
    """
    best: tuple[int, int] | None = None
    group = np.zeros(hierarchy.n_leaves, dtype=np.int64)
    for level, keys in enumerate(hierarchy.levels[:-1]):
        nodes = hierarchy.rows(level).size
        if hierarchy.n_leaves < SIBLINGS_MIN * nodes:
            continue
        named = [rank for rank, key in enumerate(_SIBLING_KEYS) if key in keys]
        rank = (min(named, default=len(_SIBLING_KEYS)), -nodes)
        if best is None or rank < best:
            best, group = rank, hierarchy.groups(level)
    return group


def _variance(residuals: Array) -> Array:
    """Mean squared in-sample error of the last year, (n,); NaN for a node without any."""
    squared = residuals[:, -ERROR_DAYS:] ** 2
    known = np.isfinite(squared)
    days = known.sum(axis=1)
    total = np.where(known, squared, 0.0).sum(axis=1)
    return np.where(days > 0, total / np.maximum(days, 1), np.nan)
