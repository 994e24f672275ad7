"""Candidates: the ways to forecast an origin that a backtest compares. All give coherent forecasts, or say that not."""

import zlib
from dataclasses import dataclass, field
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from forecasting.choosing.baselines import BASELINES, SLOW, Baseline, affordable, baseline
from forecasting.intervals.stretch import ERROR_DAYS
from forecasting.nodes.base_fit import RESPONSES, BaseFit, BaseFits
from forecasting.nodes.origin import Origin
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.reconcile import (
    METHODS,
    TREE_METHODS,
    Method,
    finest_above,
    reconcile,
    split_down,
)
from forecasting.structure.shares import HALF_LIFE_DAYS, recent_shares
from stocktide.errors import Invalid

Array = NDArray[np.float64]
Split = Literal["recent_shares", "FP"]
SPLITS: tuple[Split, ...] = get_args(Split)

_GRID: tuple[Method, ...] = ("BU", "AHP", "WLSS", "WLSV", "OLS")


@dataclass(frozen=True)
class CandidateForecast:
    """mean: (n, h); rows of NaN where a slow baseline took a sample of the nodes. shape: (n, q) error quantiles.

    coherent: whether every node is the sum of its leaves; what is not can be compared, not published.
    """

    mean: Array
    shape: Array
    warnings: tuple[str | None, ...]
    coherent: bool


class Candidate(Protocol):
    """A way to forecast an origin."""

    @property
    def name(self) -> str:
        """Its name in scores and settings."""

    def forecast(self, origin: Origin) -> CandidateForecast:
        """Forecast all nodes from what is known at the origin."""


@dataclass(frozen=True)
class ProphetCandidate:
    """Prophet in the fitted levels in one response form, reconciled by one method, split over leaves not fitted."""

    method: Method
    response: str
    fits: BaseFits = field(repr=False)
    half_life_days: float = HALF_LIFE_DAYS

    @property
    def name(self) -> str:
        """Method and response form, e.g. "WLSS additive"."""
        return f"{self.method} {self.response}"

    def forecast(self, origin: Origin) -> CandidateForecast:
        """Reconcile the shared base fit. Raises Invalid as `reconcile` and `fitted_hierarchy` do."""
        base = self.fits.of(origin, self.response)
        mean = _coherent(origin, base, self)
        return CandidateForecast(obey_lives(origin, mean), base.shape, base.warnings, True)


@dataclass(frozen=True)
class BaselineCandidate:
    """A baseline in every node (the slow ones: of small levels and a sample of the large), reconciled if it has all.

    The naive ones are sums of their leaves anyway; Croston and TSB are meant for leaves and are summed up.
    """

    name: Baseline
    seed: int = 0

    def forecast(self, origin: Origin) -> CandidateForecast:
        """Forecast by the baseline."""
        hierarchy = origin.hierarchy
        rows = np.ones(hierarchy.n_nodes, dtype=np.bool_)
        if self.name in SLOW:
            rng = np.random.default_rng((self.seed, zlib.crc32(self.name.encode())))
            rows = affordable(hierarchy.nodes["level"].to_numpy(), rng=rng)
        elif self.name in ("Croston", "TSB"):
            rows[: -hierarchy.n_leaves] = False
        known = self.name in ("naive", "seasonal_naive")
        made = baseline(self.name, origin.history if known else origin.Y, origin.horizon, rows=rows)
        mean, coherent = made.mean, True
        if self.name in SLOW and rows.all():
            mean = reconcile("WLSS", hierarchy, mean)
        elif self.name in SLOW:
            coherent = False
        else:
            mean = hierarchy.sum_leaves(mean[-hierarchy.n_leaves :])
        return CandidateForecast(mean, origin.weekly_shape, (None,) * rows.size, coherent)


def _coherent(origin: Origin, base: BaseFit, of: ProphetCandidate) -> Array:
    hierarchy = origin.hierarchy
    leaf = len(hierarchy.levels) - 1
    level, (upper, rows) = fitted_hierarchy(hierarchy, of.fits.fitted_levels)
    method, middle, shares = of.method, None, None
    if method in ("MO", "TDRS") and level == leaf:
        at = finest_above(upper)
        middle = list(upper.tags)[at]
        shares = _shares(origin, upper.groups(at), of.half_life_days)
    elif method in ("MO", "TDRS"):
        # The leaves have no model: what is left of the method is the levels above, and the split below.
        method = "WLSS"
    y_upper = reconcile(
        method,
        upper,
        base.yhat[rows],
        y_insample=origin.history[rows, -ERROR_DAYS:],
        variance=base.variance[rows],
        residuals=None if base.residuals is None else base.residuals[rows],
        shares=shares,
        middle=middle,
    )[-upper.n_leaves :]
    if level == leaf:
        return hierarchy.sum_leaves(y_upper)
    share = _shares(origin, hierarchy.groups(level), of.half_life_days)
    return hierarchy.sum_leaves(split_down(hierarchy, level, y_upper, share))


def _shares(origin: Origin, group: NDArray[np.int64], half_life_days: float) -> Array:
    return recent_shares(origin.units, group, origin.observed_shares, half_life_days)


def fitted_hierarchy(
    hierarchy: Hierarchy, fitted_levels: tuple[int, ...] | None
) -> tuple[int, tuple[Hierarchy, NDArray[np.int64]]]:
    """Find the finest fitted level, and the hierarchy of the fitted levels over its nodes.

    Raises Invalid (`fit_levels_cross`): the nodes of every fitted level must be unions of nodes of the finest one.
    """
    leaf = len(hierarchy.levels) - 1
    positions = tuple(range(leaf + 1)) if fitted_levels is None else fitted_levels
    level = leaf if leaf in positions else max(positions, key=lambda p: hierarchy.rows(p).size)
    for position in positions:
        if not hierarchy.refines(level, position):
            names = list(hierarchy.tags)
            raise Invalid(
                "fit_levels_cross",
                f"fit_levels: {names[level]} is the finest, and does not split {names[position]}; add a level that "
                f"splits both to the hierarchy and to fit_levels, or leave one out.",
            )
    return level, hierarchy.above(level, keep=positions)


def obey_lives(origin: Origin, mean: Array) -> Array:
    """Hold closed days and ended leaves at 0 after reconciling, and sum up again. mean: (n, h), coherent."""
    hierarchy = origin.hierarchy
    leaves = mean[-hierarchy.n_leaves :] * origin.open_leaves[:, origin.days.size :]
    leaves[origin.ended] = 0.0
    return hierarchy.sum_leaves(leaves)


def known_names() -> list[str]:
    """List every candidate that a setting may name."""
    return [f"{method} {response}" for method in METHODS for response in RESPONSES] + list(
        BASELINES
    )


def auto_names(hierarchy: Hierarchy, *, split: Split = "recent_shares") -> list[str]:
    """List the candidates of "auto": the reference's grid, ours, and the baselines, as far as they fit the levels."""
    below: Method = "TDRS" if split == "recent_shares" else "MO"
    methods = [m for m in _GRID if hierarchy.is_tree or m not in TREE_METHODS]
    if len(hierarchy.levels) > 1:
        methods.append(below)
    return [f"{m} {response}" for response in RESPONSES for m in methods] + list(BASELINES)


def make_candidates(
    names: list[str], fits: BaseFits, *, half_life_days: float = HALF_LIFE_DAYS
) -> list[Candidate]:
    """Make candidates by name; those of Prophet share the fits. Raises Invalid (`candidate_unknown`)."""
    by_name: dict[str, Candidate] = {name: BaselineCandidate(name) for name in BASELINES}
    for method in METHODS:
        for response in RESPONSES:
            made = ProphetCandidate(method, response, fits, half_life_days)
            by_name[made.name] = made
    for name in names:
        if name not in by_name:
            raise Invalid(
                "candidate_unknown",
                f"There is no candidate {name!r}; there are {', '.join(by_name)}.",
                candidate=name,
            )
    return [by_name[name] for name in names]
