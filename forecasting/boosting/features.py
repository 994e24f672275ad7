"""Features of leaves: what each expert says beside the mixture, what the levels above say, and the clues of the origin.

m leaves, k of them, h ahead, C experts, F features. A feature that an origin lacks is NaN, which trees can take.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from forecasting.boosting.clues import Clues
from forecasting.experts.at_origin import LevelExperts, parents_of
from forecasting.experts.level import AS_FITTED
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.lattice import parent_rows

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

# Ratios are told as logarithms between these, and a hundredth of a leaf's usual forecast counts as nothing.
LOG_RATIO_MAX = 3.0
NOTHING = 0.01
TINY = 1e-9
_MODELS = ("additive", "log1p", "multiplicative", "shape of")
_GROWTH = "last year x growth"


def leaf_features(
    hierarchy: Hierarchy,
    levels: Mapping[int, LevelExperts],
    base: Array,
    moved: Floats | None,
    clues: Clues,
    leaves: Rows,
) -> dict[str, Floats]:
    """Return the features of some leaves by name, (k, h) each or as `Clues.rows` shapes them.

    levels: experts of the fitted levels, the leaves' among them. base: (n, h), the mixture before it is reconciled.
    moved: (n, h) what plans make of each node, or None.
    """
    last = len(hierarchy.levels) - 1
    first = hierarchy.n_nodes - hierarchy.n_leaves
    start = base[first + leaves]
    found = expert_features(levels[last], start, leaves)
    for number, parent in enumerate(parents_of(hierarchy, last)):
        if parent in levels:
            rows = parent_rows(hierarchy, last, parent)
            for name, values in _parent_features(hierarchy, parent, levels[parent], base).items():
                found[f"{name} of parent {number}"] = values[rows[leaves]]
    if moved is not None:
        found["plans"] = np.log(np.maximum(moved[first + leaves], TINY))
    return found | clues.rows(leaves)


def expert_features(experts: LevelExperts, start: Array, leaves: Rows) -> dict[str, Floats]:
    """Return what the experts of some leaves say beside the mixture's `start` (k, h), and how far they are apart."""
    floor = np.maximum(NOTHING * start.mean(axis=1, keepdims=True), TINY)
    groups = _grouped(experts.names)
    mean = {name: experts.forecasts[at][:, leaves].mean(axis=0) for name, at in groups.items()}
    as_fitted = mean.pop(f"models @{AS_FITTED}", None)
    found = {
        name: _log_ratio(of, start, floor)
        for name, of in mean.items()
        if not name.startswith("models")
    }
    if as_fitted is not None:
        found["models"] = _log_ratio(as_fitted, start, floor)
        found |= _levels_missed(mean, as_fitted, floor)
    of = experts.forecasts[:, leaves]
    found["spread"] = np.log(of.std(axis=0) + floor).astype(np.float32)
    found["spread"] -= np.log(start + floor).astype(np.float32)
    return found


def _levels_missed(
    mean: Mapping[str, Floats], as_fitted: Floats, floor: Array
) -> dict[str, Floats]:
    """Return by window what was sold lately over what the models fitted there, (k, 1) logarithms."""
    whole = as_fitted.mean(axis=1, keepdims=True)
    return {
        name.replace("models", "missed"): _log_ratio(of.mean(axis=1, keepdims=True), whole, floor)
        for name, of in mean.items()
        if name.startswith("models")
    }


def _grouped(names: Sequence[str]) -> dict[str, list[int]]:
    """Group the positions of experts whose mean is one feature."""
    groups: dict[str, list[int]] = {}
    for position, name in enumerate(names):
        kind, _, window = name.partition(" @")
        if kind.startswith(_MODELS):
            groups.setdefault(f"models @{window}", []).append(position)
        else:
            groups.setdefault(_GROWTH if kind == _GROWTH else name, []).append(position)
    return groups


def _parent_features(
    hierarchy: Hierarchy, parent: int, experts: LevelExperts, base: Array
) -> dict[str, Floats]:
    """Return by window what a parent level's models missed lately, and its own forecast beside its leaves' sum."""
    mine = base[hierarchy.rows(parent)]
    below = np.zeros_like(mine)
    np.add.at(below, hierarchy.groups(parent), np.nan_to_num(base[-hierarchy.n_leaves :]))
    floor = np.maximum(NOTHING * mine.mean(axis=1, keepdims=True), TINY)
    found = {"beside its leaves": _log_ratio(mine, below, floor)}
    mean = {
        name: experts.forecasts[at].mean(axis=0) for name, at in _grouped(experts.names).items()
    }
    as_fitted = mean.pop(f"models @{AS_FITTED}", None)
    return found if as_fitted is None else found | _levels_missed(mean, as_fitted, floor)


def _log_ratio(above: NDArray[np.floating], below: NDArray[np.floating], floor: Array) -> Floats:
    ratio = np.log((above + floor) / (below + floor))
    return np.clip(ratio, -LOG_RATIO_MAX, LOG_RATIO_MAX).astype(np.float32)


def stacked(features: Mapping[str, Floats], names: Sequence[str], shape: tuple[int, int]) -> Floats:
    """Stack features of k leaves and h steps, (k h, F), in the order of `names`; NaN where one is missing."""
    X = np.full((*shape, len(names)), np.nan, dtype=np.float32)
    for at, name in enumerate(names):
        if name in features:
            X[:, :, at] = features[name]
    return X.reshape(-1, len(names))
