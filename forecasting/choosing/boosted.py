"""The boosted mixture: the mixture's leaves corrected by trees that learn from what it missed at earlier origins.

n nodes, m leaves, h ahead, O origins. The trees start from the mixture's own left-out forecasts, before they are
reconciled, and see nothing that was not known at each origin. How many trees help is counted on origins left out; none
may. An origin's own correction is learnt from a mixture and trees that never met it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.boosting.features import leaf_features, stacked
from forecasting.boosting.trees import Rows, factors, grow, losses
from forecasting.choosing.learnt import Mixture, Present, learn_mixture
from forecasting.choosing.tables import Facts, OriginTable, rows_of
from forecasting.experts.at_origin import LevelExperts
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]

# Two origins teach and a third one tells whether that helps.
TAUGHT_MIN = 3
# One more is left out of all that, so that no correction is published which could not be tested.
ORIGINS_MIN = TAUGHT_MIN + 1
# Of larger chains leaves are drawn to learn from and corrected block by block, so that a fit stays at some seconds.
ROWS_MAX = 100_000
SEED = 0
TINY = 1e-9


@dataclass(frozen=True)
class Corrector:
    """text: the trees, as LightGBM writes them. trees: how many of them. names: (F,) of their features.

    curves: (O, 1 + trees) by how much each number of trees lowered the loss at each origin left out (`losses`).
    """

    text: str
    trees: int
    names: tuple[str, ...]
    curves: Array


@dataclass(frozen=True)
class Boost:
    """corrector: what moves the leaves. unmoved: (n, h), the forecast without it."""

    corrector: Corrector
    unmoved: Array


@dataclass(frozen=True)
class Boosted:
    """base, left_out: base forecasts (n, h) with corrected leaves, None where no tree helps. corrector: of `base`."""

    base: Array | None
    left_out: tuple[Array | None, ...]
    corrector: Corrector | None


def boosted(
    hierarchy: Hierarchy,
    levels: Sequence[int],
    tables: Sequence[OriginTable],
    now: Present,
    facts: Facts,
    mixture: Mixture,
) -> Boosted:
    """Correct the mixture's base forecasts of the present, and of each origin by what the others teach.

    levels: the fitted ones. Where the leaves are not, or too few origins teach, nothing is corrected.
    """
    leaf = len(hierarchy.levels) - 1
    if leaf not in levels or len(tables) < ORIGINS_MIN:
        return Boosted(None, (None,) * len(tables), None)
    corrector = learn(hierarchy, tables, mixture.left_out)
    base = corrected(hierarchy, now.levels, facts, mixture.base, corrector)
    left_out = []
    for table, of in zip(tables, mixture.left_out, strict=True):
        without = _without(hierarchy, levels, tables, table)
        left_out.append(corrected(hierarchy, table.levels, table.facts, of, without))
    return Boosted(base, tuple(left_out), corrector)


def _without(
    hierarchy: Hierarchy,
    levels: Sequence[int],
    tables: Sequence[OriginTable],
    table: OriginTable,
) -> Corrector | None:
    """Learn a correction from a mixture and trees that never met an origin, nor a period that came after it."""
    rest = [other for other in tables if apart(table, other)]
    if len(rest) < TAUGHT_MIN:
        return None
    experts = {
        level: LevelExperts(trial.names, trial.forecasts) for level, trial in table.levels.items()
    }
    there = Present(experts, table.splits, table.facts.moved)
    mixture = learn_mixture(rest, there, rows_of(hierarchy, levels), lambda _expert: True)
    return learn(hierarchy, rest, mixture.left_out)


def apart(one: OriginTable, other: OriginTable) -> bool:
    """Return True if the horizons of two origins have no period in common."""
    horizon: int = one.actual.shape[1]
    return abs(one.periods_known - other.periods_known) >= horizon


def learn(
    hierarchy: Hierarchy, tables: Sequence[OriginTable], starts: Sequence[Array]
) -> Corrector | None:
    """Learn a correction from origins and their left-out forecasts (n, h); None where no tree helps."""
    names, rows = _rows(hierarchy, tables, starts)
    curves = []
    for position, table in enumerate(tables):
        others = [at for at, other in enumerate(tables) if apart(table, other)]
        taught, tested = np.isin(rows.origin, others), rows.origin == position
        if taught.any() and tested.any():
            curves.append(losses(rows.of(taught), rows.of(tested)))
    trees = helpful(np.array(curves)) if len(curves) >= TAUGHT_MIN else 0
    if not trees:
        return None
    return Corrector(grow(rows, trees), trees, names, np.array(curves))


def helpful(curves: Array) -> int:
    """Return how many trees lowered the loss most, origins alike; 0 unless by more than a standard error over them."""
    mean = curves.mean(axis=0)
    best = int(np.argmin(mean))
    error = curves[:, best].std(ddof=1) / np.sqrt(len(curves))
    return best if -mean[best] > error else 0


def corrected(
    hierarchy: Hierarchy,
    levels: Mapping[int, LevelExperts],
    facts: Facts,
    base: Array,
    corrector: Corrector | None,
) -> Array | None:
    """Return base forecasts (n, h) whose leaves are moved by a correction; None without one."""
    if corrector is None or facts.clues is None:
        return None
    m, h = hierarchy.n_leaves, base.shape[1]
    moved = base.copy()
    for leaves in np.array_split(np.arange(m), -(-m * h // ROWS_MAX)):
        of = leaf_features(hierarchy, levels, base, facts.moved, facts.clues, leaves)
        X = stacked(of, corrector.names, (leaves.size, h))
        factor = factors(corrector.text, X).reshape(leaves.size, h)
        moved[hierarchy.n_nodes - m + leaves] *= factor
    return moved


def _rows(
    hierarchy: Hierarchy, tables: Sequence[OriginTable], starts: Sequence[Array]
) -> tuple[tuple[str, ...], Rows]:
    """Stack what all origins teach; of too many leaves, some are drawn."""
    m, h = hierarchy.n_leaves, starts[0].shape[1]
    leaves = _drawn(m, ROWS_MAX // (len(tables) * h))
    each = [
        leaf_features(hierarchy, table.levels, start, table.facts.moved, table.facts.clues, leaves)
        for table, start in zip(tables, starts, strict=True)
        if table.facts.clues is not None
    ]
    names = tuple(dict.fromkeys(name for of in each for name in of))
    parts = [
        _rows_of(hierarchy, table, start, stacked(of, names, (leaves.size, h)), leaves, at)
        for at, (table, start, of) in enumerate(zip(tables, starts, each, strict=True))
    ]
    columns = zip(*(vars(part).values() for part in parts), strict=True)
    return names, Rows(*(np.concatenate(column) for column in columns))


def _drawn(leaves: int, most: int) -> NDArray[np.int64]:
    if leaves <= most:
        return np.arange(leaves)
    return np.sort(np.random.default_rng(SEED).choice(leaves, max(most, 1), replace=False))


def _rows_of(
    hierarchy: Hierarchy,
    table: OriginTable,
    start: Array,
    X: NDArray[np.float32],
    leaves: NDArray[np.int64],
    origin: int,
) -> Rows:
    """Return the rows of an origin that teach: open, known, not ended, and expected to sell."""
    first = hierarchy.n_nodes - hierarchy.n_leaves
    came, began = table.actual[first + leaves], start[first + leaves]
    use = np.isfinite(came) & table.facts.open_ahead[leaves] & (began > TINY)
    use &= ~table.facts.ended[leaves][:, None]
    change = table.levels[len(hierarchy.levels) - 1].scale[leaves]
    weight = np.minimum(1.0, 2.0 * began.mean(axis=1) / np.maximum(change, TINY))
    use &= (weight > 0)[:, None]
    which = use.ravel()
    return Rows(
        X[which],
        began.ravel()[which],
        np.maximum(came.ravel()[which], 0.0),
        np.repeat(weight, came.shape[1])[which],
        np.full(int(which.sum()), origin, dtype=np.int64),
    )
