"""Effects of other products' plans on a product: buyers of one shop choose among the goods of a category.

m leaves, J regressors, T periods of history, D any periods. A leaf's rivals are the other leaves of its pool. What
their plans make of their demand together, in logarithms, is one more regressor of the leaf: its effect is learnt like
that of a price, and is near 0 where buyers do not change over.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.nodes.effects import Effects, bounded_factor, learn_effects
from forecasting.structure.siblings import KIND_KEYS

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

# The name of the effect in tables and explanations.
RIVALS = "plans of other products"
# A pool moves its leaves where their rivals' demand is planned to change by more than a rounding error.
MOVED_MIN = 1e-9
# A chain's buyers change over if the effect is below none by so many standard deviations; else every plan would reach
# all products of its shop by a chance of the past.
SURE_SD = 2.0
# Rivals win no more than the product loses: -1 is a category that sells the same in all, shared out by plans.
CHANGE_OVER_MIN = -1.0


@dataclass(frozen=True)
class Rivals:
    """pool: (m,) 0 .. k-1, leaves that buyers choose among. rate: (m,) what each lately sold without any plan."""

    pool: Codes
    rate: Array

    def moved(self, own: Array) -> Array:
        """Return how much plans move a leaf's rivals together, (m, D), in logarithms; 0 for a leaf without any.

        own: (m, D) factor by which its own plans move each leaf. Rivals count by their rates.
        """
        assert own.shape[0] == self.rate.size == self.pool.size
        demand = self.rate[:, None] * own
        planned = _summed(demand, self.pool) - demand
        usual = _summed(self.rate, self.pool) - self.rate
        known = usual > MOVED_MIN * max(float(usual.max(initial=0.0)), MOVED_MIN)
        ratio = np.ones_like(own)
        np.divide(planned, usual[:, None], out=ratio, where=known[:, None])
        return np.asarray(np.log(np.maximum(ratio, MOVED_MIN)))


def _summed(values: Array, pool: Codes) -> Array:
    """Sum over each leaf's pool, as (m, …)."""
    total = np.zeros((int(pool.max(initial=-1)) + 1, *values.shape[1:]))
    np.add.at(total, pool, values)
    return total[pool]


def pools(leaves: pd.DataFrame) -> Codes:
    """Return the number of each leaf's pool, (m,): leaves of one location and category, as far as they have such keys.

    A shop's departments, then its whole range, replace categories that leaves do not have.
    """
    within = [key for key in KIND_KEYS if key in leaves][:1]
    keys = [key for key in ("location", *within) if key in leaves]
    if not keys:
        return np.zeros(len(leaves), dtype=np.int64)
    return np.asarray(leaves.groupby(keys, sort=False, dropna=False).ngroup(), dtype=np.int64)


@dataclass(frozen=True)
class PlanEffects:
    """own: effects of each leaf's plans. rivals, change_over: who competes with it and its (m,) effect; None for none.

    What a plan does to a leaf's own demand, and what the plans of its rivals do to it.
    """

    own: Effects
    rivals: Rivals | None = None
    change_over: Array | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the regressors, (J,)."""
        return self.own.names

    def logs(self, X: Array) -> dict[str, Array]:
        """Return what each regressor of X (J, m, D), and the rivals' ones, add to the logarithm of demand, (m, D)."""
        found = {name: self.own.leaf[:, j, None] * X[j] for j, name in enumerate(self.names)}
        if self.rivals is not None and self.change_over is not None:
            found[RIVALS] = self.change_over[:, None] * self.rivals.moved(self.own.uplift(X))
        return found

    def uplift(self, X: Array) -> Array:
        """Return the factor by which regressors X (J, m, D) of all leaves move each leaf, (m, D)."""
        return bounded_factor(sum(self.logs(X).values(), np.zeros(X.shape[1:])))


def learn_plan_effects(
    units: Array,
    known: Mask,
    X: Array,
    names: tuple[str, ...],
    *,
    group: Codes,
    pool: Codes,
    lately: int,
    block: int,
    season: int,
) -> PlanEffects:
    """Learn what plans X (J, m, T) do to units (m, T): first each leaf's own, then with what they do to its rivals.

    known, group, block, season: as `learn_effects` takes them. pool: (m,) leaves that buyers choose among. lately: the
    last so many periods tell how much each leaf sells. Nobody changes over unless the chain as a whole says so.
    """
    own = learn_effects(units, known, X, names, group, block=block, season=season)
    uplift = own.uplift(X)
    rivals = Rivals(pool, (units / uplift)[:, -lately:].mean(axis=1))
    moved = rivals.moved(uplift)
    if np.abs(moved).max(initial=0.0) < MOVED_MIN:
        return PlanEffects(own)
    both = np.concatenate([X, moved[None]])
    of_all = learn_effects(units, known, both, (*names, RIVALS), group, block=block, season=season)
    J = len(names)
    if of_all.whole[J] > -SURE_SD * of_all.whole_sd[J]:
        return PlanEffects(own)
    own = Effects(
        names, of_all.whole[:J], of_all.whole_sd[:J], of_all.group[:, :J], of_all.leaf[:, :J]
    )
    return PlanEffects(own, rivals, np.clip(of_all.leaf[:, J], CHANGE_OVER_MIN, 0.0))
