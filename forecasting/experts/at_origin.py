"""All experts of one origin, level by level: what each of them forecasts from what is known then.

n nodes of a level, T periods known, h ahead, C experts.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.experts.cycles import Cycles
from forecasting.experts.level import AS_FITTED, level_factors
from forecasting.experts.models import (
    MULTIPLICATIVE_VARIANTS,
    OWN_VARIANTS,
    POOLED_PRIORS,
    SHAPE,
    ModelFit,
    Variant,
    fit_variant,
    handed_down,
    pooled_variant,
)
from forecasting.experts.simple import simple_forecasts
from forecasting.experts.terms import Terms
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.lattice import parent_rows

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

# From so many nodes on a level takes holidays, days of the month and trading days from its parents' shapes: they would
# cost ten times the rest of a fit, and a noisy leaf shows nothing of them.
RICH_NODES_MAX = 200
# From so many nodes on a level keeps what earned its cost most, so that a chain of 40,000 ends in time: one model a
# node, below the shape of its parent where there is one; it hands down no shape itself, and is fitted at fewer origins.
MANY_NODES = 2_000
MANY_VARIANTS = ("additive recent",)
MANY_PRIOR = 0.1
# A shape is taken from the root and from the nearest levels above.
NEAREST_PARENTS = 2
# Ends the names of experts that are fitted to what was sold, and not moved by prices and promotions.
WITHOUT_PLANS = " without plans"


@dataclass(frozen=True)
class LevelExperts:
    """names: (C,). forecasts: (C, n, h), units, >= 0, single precision: they are averaged, and there are many."""

    names: tuple[str, ...]
    forecasts: Floats

    def joined_by(self, names: Sequence[str], forecasts: Floats) -> "LevelExperts":
        """Return the experts with more of them: names (B,), forecasts (B, n, h)."""
        return LevelExperts((*self.names, *names), np.concatenate([self.forecasts, forecasts]))


@dataclass(frozen=True)
class NodeModel:
    """A model behind some experts of a level. windows: (1 + W,) and factors (1 + W, n) of the level correction.

    shape: (n, T + h) from the parent's model `above` (level, rows of each node there), None for an own model;
    shape_fit: of the parents.
    """

    name: str
    fit: ModelFit
    windows: tuple[int, ...]
    factors: Array
    shape: Array | None = None
    above: tuple[int, Rows] | None = None
    shape_fit: ModelFit | None = None

    def ahead(self, horizon: int) -> Array:
        """Return the forecast (n, h) before any level correction."""
        said = self.fit.both[:, -horizon:]
        return said if self.shape is None else said * self.shape[:, -horizon:]

    @property
    def moved(self) -> bool:
        """Return True if plans move the forecast of this model."""
        return not self.name.endswith(WITHOUT_PLANS)

    def expert(self, window: int) -> str:
        """Return the name of the expert that corrects this model's level by a window."""
        return f"{self.name} @{window}"


@dataclass(frozen=True)
class Scene:
    """Data that an origin shows to its experts.

    history: level -> units (n, T), NaN where unknown. dates: (T + h,) of history and horizon. suffix: of the names of
    all experts. rich: level -> rows and the calendar terms that they share. plain: the terms of week and year alone.
    smoothed: exponential smoothing of all nodes by name, (nodes, h), made at once.
    """

    hierarchy: Hierarchy
    cycles: Cycles
    history: Callable[[int], Array]
    dates: pd.DatetimeIndex
    horizon: int
    suffix: str
    rich: Callable[[int], Sequence[tuple[Rows, Terms]]]
    plain: Terms
    smoothed: Mapping[str, Array]


def parents_of(hierarchy: Hierarchy, level: int) -> tuple[int, ...]:
    """Return the coarser levels whose shapes reach a level: the first that it refines, and the nearest."""
    coarser = [other for other in range(level) if hierarchy.refines(level, other)]
    if len(coarser) <= 1 + NEAREST_PARENTS:
        return tuple(coarser)
    return (coarser[0], *coarser[-NEAREST_PARENTS:])


def many_levels(hierarchy: Hierarchy) -> tuple[int, ...]:
    """Return the levels of so many nodes that they are fitted at fewer origins."""
    levels = range(len(hierarchy.levels))
    return tuple(level for level in levels if hierarchy.rows(level).size > MANY_NODES)


def own_variants(nodes: int, responses: Sequence[str]) -> tuple[Variant, ...]:
    """Return the variants of a level of so many nodes: of some response forms, fewer where there are many nodes."""
    every = [v for v in (*OWN_VARIANTS, *MULTIPLICATIVE_VARIANTS) if v.response in responses]
    if nodes <= MANY_NODES:
        return tuple(every)
    return tuple(v for v in every if v.name in MANY_VARIANTS) or tuple(every[:1])


class OriginExperts:
    """Make the experts of an origin, a level at a time, coarse to fine: a level's shapes are kept for those below."""

    def __init__(self, scene: Scene, responses: Sequence[str], levels: Sequence[int]) -> None:
        """Prepare an origin. responses: forms of the own models. levels: the fitted ones; they may hand down shapes."""
        self._scene, self._responses, self._levels = scene, responses, levels
        self._shapes: dict[int, Array] = {}
        self._shape_fits: dict[int, ModelFit] = {}

    def models(self, level: int) -> list[NodeModel]:
        """Fit all models of a level."""
        scene = self._scene
        Y = scene.history(level)
        terms = self._terms(level, Y.shape[0])
        T = Y.shape[1]
        windows = scene.cycles.windows_within(T)
        kept = max(windows, default=0)
        made = list(self._below(level, Y, windows))
        many = Y.shape[0] > MANY_NODES
        for variant in () if many and made else own_variants(Y.shape[0], self._responses):
            fit = fit_variant(variant, Y, scene.dates, scene.cycles, terms, kept=kept)
            factors = level_factors(Y[:, T - kept :], fit.both[:, :kept], windows)
            made.append(NodeModel(variant.name + scene.suffix, fit, (AS_FITTED, *windows), factors))
        if not many:
            self._hand_down(level, Y, terms)
        return made

    def level(self, level: int, models: Sequence[NodeModel]) -> LevelExperts:
        """Return all experts of a level, given its models."""
        scene = self._scene
        Y = scene.history(level)
        names: list[str] = []
        parts: list[Array] = []
        for model in models:
            ahead = model.ahead(scene.horizon)
            for window, factor in zip(model.windows, model.factors, strict=True):
                names.append(model.expert(window))
                parts.append(ahead * factor[:, None])
        simple = simple_forecasts(Y, scene.cycles, scene.horizon)
        if Y.shape[0] <= MANY_NODES:
            rows = scene.hierarchy.rows(level)
            simple |= {name: of[rows] for name, of in scene.smoothed.items()}
        for name, forecast in simple.items():
            kind, _, of = name.partition(" @")
            names.append(f"{kind}{scene.suffix} @{of}" if of else kind + scene.suffix)
            parts.append(forecast)
        stacked = np.stack([part.astype(np.float32) for part in parts])
        return LevelExperts(tuple(names), np.nan_to_num(stacked))

    def _terms(self, level: int, nodes: int) -> Sequence[tuple[Rows, Terms]]:
        if nodes > RICH_NODES_MAX:
            return [(np.arange(nodes), self._scene.plain)]
        return self._scene.rich(level)

    def _below(self, level: int, Y: Array, windows: tuple[int, ...]) -> Iterator[NodeModel]:
        """Fit the nodes below the shapes of their parents, by two strengths of pooling."""
        scene, every = self._scene, np.arange(Y.shape[0])
        T, many = Y.shape[1], Y.shape[0] > MANY_NODES
        kept = max(windows, default=0)
        recent = slice(T - kept, T)
        coarser = [p for p in parents_of(scene.hierarchy, level) if p in self._shapes]
        for coarse in coarser[-1:] if many else coarser:
            rows = parent_rows(scene.hierarchy, level, coarse)
            shape = self._shapes[coarse][rows]
            for prior in (MANY_PRIOR,) if many else POOLED_PRIORS:
                fit = fit_variant(
                    pooled_variant(prior),
                    Y / shape[:, :T],
                    scene.dates,
                    scene.cycles,
                    [(every, scene.plain)],
                    kept=kept,
                )
                yield NodeModel(
                    f"shape of level {coarse}, own {prior:g}{scene.suffix}",
                    fit,
                    (AS_FITTED, *windows),
                    level_factors(Y[:, recent], fit.both[:, :kept] * shape[:, recent], windows),
                    shape,
                    (coarse, rows),
                    self._shape_fits[coarse],
                )

    def _hand_down(self, level: int, Y: Array, terms: Sequence[tuple[Rows, Terms]]) -> None:
        hierarchy = self._scene.hierarchy
        finer = [other for other in self._levels if other > level]
        if not any(level in parents_of(hierarchy, other) for other in finer):
            return
        fit = fit_variant(SHAPE, Y, self._scene.dates, self._scene.cycles, terms, kept=0)
        self._shape_fits[level] = fit
        self._shapes[level] = handed_down(fit, self._scene.dates.size)
