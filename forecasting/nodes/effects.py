"""Effects of prices and promotions: learnt from every leaf, pooled by group, each leaf held to its group.

m leaves, T periods, J regressors, k groups, b blocks. Demand is y_it ~ rate_i,block * exp(x_it' beta_i): within a
block of some weeks a leaf's own rate is unknown and drops out, so that levels, trends and seasons do not pass for
effects (fixed-effects Poisson regression, Hausman, Hall & Griliches 1984). Counts that vary more than Poisson's weigh
less. How far a group may differ from all, and a leaf from its group, is estimated from how they do (empirical Bayes
by moments).
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

# An effect of the whole chain is of this size, give or take: e^1 is 2.7 times, or an elasticity of 1.
PRIOR_SD = 1.0
# No plan moves demand by more than these factors: outside what was seen, a line in the logarithm runs away.
FACTOR_MIN, FACTOR_MAX = 0.1, 8.0
NEWTON_STEPS = 8
STEP_MAX = 1.0
CONVERGED = 1e-6
TINY = 1e-12


@dataclass(frozen=True)
class Effects:
    """whole, whole_sd: (J,) of all leaves together. group: (k, J). leaf: (m, J), what is used. names: (J,)."""

    names: tuple[str, ...]
    whole: Array
    whole_sd: Array
    group: Array
    leaf: Array

    def uplift(self, X: Array) -> Array:
        """Return the factor by which regressors X (J, m, D) move each leaf, (m, D)."""
        return bounded_factor(np.einsum("mj,jmd->md", self.leaf, X))


def bounded_factor(logs: Array) -> Array:
    """Return the factors of what plans add to the logarithm of demand, within FACTOR_MIN and FACTOR_MAX."""
    return np.asarray(np.exp(np.clip(logs, np.log(FACTOR_MIN), np.log(FACTOR_MAX))))


def learn_effects(
    units: Array,
    known: Mask,
    X: Array,
    names: tuple[str, ...],
    group: Codes,
    *,
    block: int,
    season: int = 1,
) -> Effects:
    """Learn the effects of X (J, m, T) on units (m, T), over the periods that are known (m, T).

    group: (m,) 0 .. k-1. block: periods in which a leaf's rate is taken as one. season: its phases (weekdays) get
    effects of their own, which are not returned.
    """
    J, m, T = X.shape
    assert units.shape == known.shape == (m, T)
    k = int(group.max(initial=-1)) + 1
    every = np.concatenate([X, _phases(m, T, season)])
    data = _Blocks(np.where(known, units, 0.0), known, every, block)
    columns = every.shape[0]
    whole = data.climb(np.zeros((m, columns)), np.zeros(m, dtype=np.int64), PRIOR_SD)[0]
    data = data.weighed(np.broadcast_to(whole, (m, columns)))
    whole = data.climb(np.zeros((m, columns)), np.zeros(m, dtype=np.int64), PRIOR_SD)[0]
    start = np.broadcast_to(whole, (m, columns)).copy()
    of_group = data.climb(start, group, data.spread(start, group))
    start = of_group[group] if k else start
    own = np.arange(m)
    of_leaf = data.step(start, own, data.spread(start, own))
    return Effects(names, whole[:J], data.uncertainty(whole)[:J], of_group[:, :J], of_leaf[:, :J])


def _phases(m: int, T: int, season: int) -> Array:
    """Return the indicators of all phases of a short season but one, (season - 1, m, T)."""
    phase = np.arange(T) % season
    on = np.stack([phase == p for p in range(1, season)]) if season > 1 else np.zeros((0, T))
    return np.broadcast_to(on[:, None, :], (season - 1, m, T)).astype(np.float64)


class _Blocks:
    """Sums over blocks of one leaf. Counts from the last period, so that the newest block is whole."""

    def __init__(
        self, units: Array, known: Mask, X: Array, block: int, weight: Array | None = None
    ) -> None:
        m, T = units.shape
        first = T % block
        self._starts = np.array([0, *range(first, T, block)] if first else [*range(0, T, block)])
        self._units, self._known, self._X, self._block = units, known, X, block
        self._weight = np.ones(m) if weight is None else weight

    def weighed(self, beta: Array) -> "_Blocks":
        """Weigh each leaf by the inverse of its variance over Poisson's, at least 1, at these effects (m, columns)."""
        expected = self._expected(beta)[0]
        squared = np.where(self._known, (self._units - expected) ** 2, 0.0).sum(axis=1)
        usual = expected.sum(axis=1)
        ratio = np.divide(squared, usual, out=np.ones_like(usual), where=usual > TINY)
        return _Blocks(self._units, self._known, self._X, self._block, 1.0 / np.maximum(ratio, 1.0))

    def _expected(self, beta: Array) -> tuple[Array, Array]:
        """Split each block's total over its periods: the expected units, (m, T), and their shares, (m, T)."""
        log = np.einsum("mj,jmt->mt", beta, self._X)
        raw = np.where(self._known, np.exp(np.clip(log, -5.0, 5.0)), 0.0)
        below = self._spread(np.add.reduceat(raw, self._starts, axis=1))
        share = np.divide(raw, below, out=np.zeros_like(raw), where=below > TINY)
        total = self._spread(np.add.reduceat(self._units, self._starts, axis=1))
        return share * total, share

    def _spread(self, sums: Array) -> Array:
        lengths = np.diff(np.append(self._starts, self._units.shape[1]))
        return np.asarray(np.repeat(sums, lengths, axis=1))

    def _moments(self, beta: Array) -> tuple[Array, Array]:
        """Compute the gradient (m, columns) and the information (m, columns, columns) of each leaf."""
        expected, share = self._expected(beta)
        missed = (self._units - expected) * self._weight[:, None]
        gradient = np.einsum("jmt,mt->mj", self._X, missed)
        heavy = expected * self._weight[:, None]
        second = np.einsum("jmt,kmt,mt->mjk", self._X, self._X, heavy, optimize=True)
        mean = np.stack([np.add.reduceat(x * share, self._starts, axis=1) for x in self._X])
        total = np.add.reduceat(self._units, self._starts, axis=1) * self._weight[:, None]
        second -= np.einsum("jmb,kmb,mb->mjk", mean, mean, total, optimize=True)
        return gradient, second

    def climb(self, start: Array, group: Codes, sd: "Array | float") -> Array:
        """Find the most probable effects of each group, (k, columns), held to `start` (m, columns) by sd."""
        k = int(group.max(initial=-1)) + 1
        first = np.zeros((k, start.shape[1]))
        first[group] = start
        beta = first.copy()
        for _ in range(NEWTON_STEPS):
            moved = self._newton(beta[group], group, k, beta - first, sd)
            beta += moved
            if np.abs(moved).max(initial=0.0) < CONVERGED:
                break
        return beta

    def uncertainty(self, whole: Array) -> Array:
        """Return the standard deviation of effects of all leaves together, (columns,), were leaves independent."""
        beta = np.broadcast_to(whole, (self._units.shape[0], whole.size))
        information = self._moments(beta)[1].sum(axis=0)
        held = information + np.eye(whole.size) / PRIOR_SD**2
        return np.asarray(np.sqrt(np.diag(np.linalg.inv(held))))

    def step(self, start: Array, group: Codes, sd: "Array | float") -> Array:
        """Take one step from `start`, (k, columns): enough where each group is small and held tight."""
        k = int(group.max(initial=-1)) + 1
        return start + self._newton(start, group, k, np.zeros((k, start.shape[1])), sd)

    def _newton(self, beta: Array, group: Codes, k: int, away: Array, sd: "Array | float") -> Array:
        gradient, information = self._moments(beta)
        G, H = _summed(gradient, group, k), _summed(information, group, k)
        precision = 1.0 / np.maximum(np.broadcast_to(sd, (start_columns := G.shape[1],)), 1e-4) ** 2
        at = np.arange(start_columns)
        H[:, at, at] += precision
        found = np.linalg.solve(H, (G - precision * away)[:, :, None])[:, :, 0]
        return np.asarray(np.clip(found, -STEP_MAX, STEP_MAX))

    def spread(self, beta: Array, group: Codes) -> Array:
        """Estimate how far groups differ from `beta` (m, columns), as a standard deviation (columns,).

        A group's gradient g has variance H + sd^2 H^2, H its information: sd^2 = sum(g^2 - H) / sum(H^2).
        """
        gradient, information = self._moments(beta)
        k = int(group.max(initial=-1)) + 1
        g = _summed(gradient, group, k)
        H = np.einsum("kjj->kj", _summed(information, group, k))
        # in units of its own information, so that one large group does not rule
        told = H > 1.0
        unit = np.where(told, (g**2 - H) / np.maximum(H, 1.0) ** 2, 0.0)
        weight = np.where(told, H**2 / (1.0 + H) ** 2, 0.0)
        below = np.maximum(weight.sum(axis=0), TINY)
        return np.asarray(np.sqrt(np.clip((weight * unit).sum(axis=0) / below, 0.0, PRIOR_SD**2)))


def _summed(values: Array, group: Codes, k: int) -> Array:
    summed = np.zeros((k, *values.shape[1:]))
    np.add.at(summed, group, values)
    return summed
