"""All experts of one origin, level by level: what each of them forecasts from what is known then.

n nodes of a level, T periods known, h ahead, C experts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
from forecasting.experts.rhythm import Rhythm
from forecasting.experts.simple import simple_forecasts, smoothed_forecasts
from forecasting.experts.terms import Terms
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Rows = NDArray[np.int64]

# From so many nodes on a level takes holidays, days of the month and trading days from its parents' shapes: they would
# cost ten times the rest of a fit, and a noisy leaf tells nothing of them.
RICH_NODES_MAX = 200
# From so many nodes on a level keeps the variants that earned their cost most, so that a chain of 40,000 ends in time.
MANY_NODES = 2_000
MANY_VARIANTS = ("additive recent",)
# A shape is taken from the root and from the nearest levels above.
NEAREST_PARENTS = 2


@dataclass(frozen=True)
class LevelExperts:
    """names: (C,). forecasts: (C, n, h), units, >= 0, single precision: they are averaged, and there are many."""

    names: tuple[str, ...]
    forecasts: Floats


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

    def expert(self, window: int) -> str:
        """Name the expert that corrects this model's level by a window."""
        return f"{self.name} @{window}"


@dataclass(frozen=True)
class Scene:
    """What an origin shows to its experts.

    history: level -> dates (T,) and units (n, T), NaN where unknown; a coarse level may reach further back. future:
    (h,). rich: level and dates (T + h,) -> rows and the calendar terms that they share. plain: the terms of week and
    year.
    """

    hierarchy: Hierarchy
    rhythm: Rhythm
    history: Callable[[int], tuple[pd.DatetimeIndex, Array]]
    future: pd.DatetimeIndex
    rich: Callable[[int, pd.DatetimeIndex], Sequence[tuple[Rows, Terms]]]
    plain: Callable[[pd.DatetimeIndex], Terms]

    def dates(self, level: int) -> pd.DatetimeIndex:
        """Return the dates of history and horizon of one level, (T + h,)."""
        return pd.DatetimeIndex(self.history(level)[0].append(self.future))


def parents_of(hierarchy: Hierarchy, level: int) -> tuple[int, ...]:
    """Return the coarser levels whose shapes reach a level: the first that it refines, and the nearest."""
    coarser = [other for other in range(level) if hierarchy.refines(level, other)]
    if len(coarser) <= 1 + NEAREST_PARENTS:
        return tuple(coarser)
    return (coarser[0], *coarser[-NEAREST_PARENTS:])


def parent_rows(hierarchy: Hierarchy, level: int, coarse: int) -> Rows:
    """Return the position in level `coarse` of each node of `level`, which refines it."""
    _, first = np.unique(hierarchy.groups(level), return_index=True)
    return np.asarray(hierarchy.groups(coarse)[first], dtype=np.int64)


def own_variants(nodes: int, responses: Sequence[str]) -> tuple[Variant, ...]:
    """Return the variants of a level of so many nodes: of some response forms, fewer where there are many nodes."""
    every = [v for v in (*OWN_VARIANTS, *MULTIPLICATIVE_VARIANTS) if v.response in responses]
    if nodes <= MANY_NODES:
        return tuple(every)
    return tuple(v for v in every if v.name in MANY_VARIANTS) or tuple(every[:1])


class OriginExperts:
    """Make the experts of an origin, a level at a time, coarse to fine: a level's shapes are kept for those below."""

    def __init__(self, scene: Scene, responses: Sequence[str], levels: Sequence[int]) -> None:
        """responses: forms of the own models. levels: those that are fitted, and may hand down shapes."""
        self._scene, self._responses, self._levels = scene, responses, levels
        self._shapes: dict[int, Array] = {}
        self._shape_fits: dict[int, ModelFit] = {}

    def models(self, level: int) -> list[NodeModel]:
        """Fit all models of a level."""
        scene = self._scene
        past, Y = scene.history(level)
        dates = scene.dates(level)
        terms = self._terms(level, Y.shape[0], dates)
        windows = scene.rhythm.windows_within(len(past))
        made = []
        for variant in own_variants(Y.shape[0], self._responses):
            fit = fit_variant(variant, Y, dates, scene.rhythm, terms)
            factors = level_factors(Y, fit.both[:, : len(past)], windows)
            made.append(NodeModel(variant.name, fit, (AS_FITTED, *windows), factors))
        made.extend(self._below(level, Y, dates, windows))
        self._hand_down(level, Y, dates, terms)
        return made

    def level(self, level: int, models: Sequence[NodeModel]) -> LevelExperts:
        """Return all experts of a level, given its models."""
        scene = self._scene
        Y = scene.history(level)[1]
        names: list[str] = []
        parts: list[Array] = []
        for model in models:
            ahead = model.ahead(len(scene.future))
            for window, factor in zip(model.windows, model.factors, strict=True):
                names.append(model.expert(window))
                parts.append(ahead * factor[:, None])
        simple = simple_forecasts(Y, scene.rhythm, len(scene.future))
        if Y.shape[0] <= MANY_NODES:
            simple |= smoothed_forecasts(Y, scene.rhythm, len(scene.future))
        for name, forecast in simple.items():
            names.append(name)
            parts.append(forecast)
        stacked = np.stack([part.astype(np.float32) for part in parts])
        return LevelExperts(tuple(names), np.nan_to_num(stacked))

    def _terms(
        self, level: int, nodes: int, dates: pd.DatetimeIndex
    ) -> Sequence[tuple[Rows, Terms]]:
        if nodes > RICH_NODES_MAX:
            return [(np.arange(nodes), self._scene.plain(dates))]
        return self._scene.rich(level, dates)

    def _below(
        self, level: int, Y: Array, dates: pd.DatetimeIndex, windows: tuple[int, ...]
    ) -> Iterator[NodeModel]:
        """Fit the nodes below the shapes of their parents, by two strengths of pooling."""
        scene, every = self._scene, np.arange(Y.shape[0])
        T = Y.shape[1]
        coarser = [p for p in parents_of(scene.hierarchy, level) if p in self._shapes]
        for coarse in coarser[-1:] if Y.shape[0] > MANY_NODES else coarser:
            rows = parent_rows(scene.hierarchy, level, coarse)
            # a parent may reach further back
            shape = self._shapes[coarse][rows][:, -len(dates) :]
            for prior in POOLED_PRIORS:
                fit = fit_variant(
                    pooled_variant(prior),
                    Y / shape[:, :T],
                    dates,
                    scene.rhythm,
                    [(every, scene.plain(dates))],
                )
                factors = level_factors(Y, fit.both[:, :T] * shape[:, :T], windows)
                name = f"shape of level {coarse}, own {prior:g}"
                yield NodeModel(
                    name,
                    fit,
                    (AS_FITTED, *windows),
                    factors,
                    shape,
                    (coarse, rows),
                    self._shape_fits[coarse],
                )

    def _hand_down(
        self, level: int, Y: Array, dates: pd.DatetimeIndex, terms: Sequence[tuple[Rows, Terms]]
    ) -> None:
        hierarchy = self._scene.hierarchy
        finer = [other for other in self._levels if other > level]
        if not any(level in parents_of(hierarchy, other) for other in finer):
            return
        fit = fit_variant(SHAPE, Y, dates, self._scene.rhythm, terms)
        self._shape_fits[level] = fit
        self._shapes[level] = handed_down(fit, Y.shape[0])
