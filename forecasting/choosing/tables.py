"""Tables kept of one origin: its experts beside the actuals, and the facts that a finished forecast obeys.

n nodes, m leaves, T periods known, h ahead. An origin holds its whole history; this holds no history at all, so that
many origins fit into memory at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.baselines.baseline import Baseline
from forecasting.boosting.clues import Clues, clues_of
from forecasting.choosing.expert_weights import LevelTrial, change_scale
from forecasting.choosing.node_losses import NodeScales, node_scales
from forecasting.experts.at_origin import (
    WITHOUT_PLANS,
    LevelExperts,
    NodeModel,
    OriginExperts,
    Scene,
    many_levels,
)
from forecasting.experts.calendar import Calendar
from forecasting.experts.simple import smoothed_forecasts
from forecasting.experts.splits import Splits, learn_splits
from forecasting.nodes.demand import Demand
from forecasting.nodes.lifecycle import (
    COLD_START,
    DISCONTINUED,
    REPLACED,
    Starts,
    learn_starts,
    like_for_like,
    no_starts,
    wholly_young,
)
from forecasting.nodes.origin import Origin, longer_histories
from forecasting.prophet.fits import ORDINARY, odd_codes, survey
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.shares import recent_shares
from forecasting.structure.siblings import sibling_group

Array = NDArray[np.float64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Plan:
    """Plan of what a run makes at each origin.

    levels: positions of the fitted levels. responses: forms of the own models. baselines: names. split_level: whose
    nodes are split over leaves by recent shares, with this half-life in periods. insample: whether history is kept for
    methods that split by it. clues: whether those of the leaves are, for trees.
    """

    levels: tuple[int, ...]
    responses: tuple[str, ...]
    baselines: tuple[Baseline, ...]
    split_level: int
    half_life: float
    insample: bool
    clues: bool = False


@dataclass(frozen=True)
class Facts:
    """Facts that every forecast from an origin obeys, and the scales that errors are measured by.

    open_ahead: (m, h). ended: (m,). starts: young leaves. warnings: (n,) codes or None. classes: (n,). weight: (n,)
    units. scales: of errors. change: (n,) mean squared change, inf for none. shares: (m,) of each leaf at the split
    level. insample: (n, T') or None. clues: of the leaves, or None.
    """

    open_ahead: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    starts: Starts
    warnings: tuple[str | None, ...]
    classes: NDArray[np.str_]
    weight: Array
    scales: NodeScales
    change: Array
    shares: Array
    moved: Floats | None
    insample: Array | None
    clues: Clues | None = None


@dataclass(frozen=True)
class OriginTable:
    """An origin that is over. actual: (n, h), NaN where unknown. levels: the fitted ones. baselines: (n, h)."""

    periods_known: int
    cutoff: date
    actual: Array
    levels: Mapping[int, LevelTrial]
    splits: Mapping[int, tuple[Splits, ...]]
    baselines: Mapping[str, Floats]
    facts: Facts


def actuals_after(demand: Demand, hierarchy: Hierarchy, start: int, horizon: int) -> Array:
    """Return the units that every node sold in the `horizon` periods after the first `start`, (n, h).

    NaN where nothing below a node is known; a leaf without a sale on an empty shelf is unknown.
    """
    rows = hierarchy.leaf_rows
    units = demand.units[rows, start : start + horizon]
    known = ~demand.empty[rows, start : start + horizon] | (units > 0)
    told = hierarchy.S @ known.astype(np.float64) > 0
    found = np.where(told, hierarchy.sum_leaves(units), np.nan)
    for level, longer in longer_histories(demand, hierarchy).items():
        found[hierarchy.rows(level)] = longer[:, start : start + horizon]
    return found


def scene_of(origin: Origin, calendar: Calendar, Y: Array, suffix: str = "") -> Scene:
    """Return what the origin shows to its experts. Y: (n, T) units, NaN where unknown."""
    known, dates = origin.days[-1], pd.DatetimeIndex(origin.days.append(origin.future))
    return Scene(
        hierarchy=origin.hierarchy,
        cycles=origin.cycles,
        history=lambda level: Y[origin.hierarchy.rows(level)],
        dates=dates,
        horizon=origin.horizon,
        suffix=suffix,
        rich=lambda level: calendar.terms(level, dates, known),
        plain=calendar.plain(dates),
        smoothed=_smoothed(origin, Y),
    )


def _smoothed(origin: Origin, Y: Array) -> dict[str, Array]:
    """Smooth the nodes of the levels that are not of many nodes, all at once, (n, h) by name."""
    hierarchy = origin.hierarchy
    many = many_levels(hierarchy)
    rows = np.flatnonzero(~np.isin(hierarchy.nodes["level"].to_numpy(), many))
    found = {}
    for name, of in smoothed_forecasts(Y[rows], origin.cycles, origin.horizon).items():
        found[name] = np.zeros((hierarchy.n_nodes, origin.horizon))
        found[name][rows] = of
    return found


def experts_of(
    origin: Origin,
    calendar: Calendar,
    plan: Plan,
    *,
    modelled: Sequence[int] | None = None,
    models: dict[int, list[NodeModel]] | None = None,
) -> dict[int, LevelExperts]:
    """Return the experts of the fitted levels: moved by what is planned, and 0 while a node is closed.

    Above the leaves every expert is there a second time, fitted to what was sold and not moved: what one product gains
    by a promotion another may lose, so that a sum moves less, or not at all. modelled: the levels where models are
    fitted (None: all); the others have simple experts alone. models: filled with the models behind the
    experts, by level, where given.
    """
    hierarchy, T = origin.hierarchy, origin.days.size
    leaf = len(hierarchy.levels) - 1
    makers = OriginExperts(scene_of(origin, calendar, origin.Y), plan.responses, plan.levels)
    unmoved = None
    if origin.moved_ahead is not None:
        scene = scene_of(origin, calendar, origin.sold, WITHOUT_PLANS)
        unmoved = OriginExperts(scene, plan.responses, plan.levels)
    found = {}
    for level in plan.levels:
        rows = hierarchy.rows(level)
        fitted = modelled is None or level in modelled
        parts = [_of_level(makers, level, models, origin.moved_ahead, rows, fitted=fitted)]
        if unmoved is not None and level != leaf:
            parts.append(_of_level(unmoved, level, models, None, rows, fitted=fitted))
        opened = origin.is_open[rows, T:].astype(np.float32)
        found[level] = LevelExperts(
            tuple(name for part in parts for name in part.names),
            np.concatenate([part.forecasts for part in parts]) * opened,
        )
    return found


def _of_level(
    makers: OriginExperts,
    level: int,
    models: dict[int, list[NodeModel]] | None,
    moved: Array | None,
    rows: NDArray[np.int64],
    *,
    fitted: bool,
) -> LevelExperts:
    made = makers.models(level) if fitted else []
    if models is not None:
        models.setdefault(level, []).extend(made)
    experts = makers.level(level, made)
    if moved is None:
        return experts
    return LevelExperts(experts.names, experts.forecasts * moved[rows].astype(np.float32))


def table_of(
    origin: Origin,
    calendar: Calendar,
    actual: Array,
    plan: Plan,
    baselines: Mapping[str, Array],
    *,
    modelled: Sequence[int] | None = None,
) -> OriginTable:
    """Return the table of an origin. actual: (n, h), NaN where unknown. baselines: (n, h) by name.

    modelled: as of `experts_of`.
    """
    experts = experts_of(origin, calendar, plan, modelled=modelled)
    facts = facts_of(origin, plan, calendar)
    m = origin.hierarchy.n_leaves
    comparable = like_for_like(origin.hierarchy, actual, np.nan_to_num(actual[-m:]), origin.apart)
    return OriginTable(
        origin.days.size,
        origin.cutoff,
        actual,
        {
            level: _trial(origin, experts[level], comparable, facts.change, level)
            for level in plan.levels
        },
        splits_of(origin, plan),
        {name: made.astype(np.float32) for name, made in baselines.items()},
        facts,
    )


def splits_of(origin: Origin, plan: Plan) -> dict[int, tuple[Splits, ...]]:
    """Return how each fitted level splits those above it; a leaf's probable stock-outs do not count in its share."""
    hierarchy = origin.hierarchy
    leaf = len(hierarchy.levels) - 1
    found = {}
    for level in plan.levels:
        Y = origin.Y[hierarchy.rows(level)]
        if level == leaf:
            Y = np.where(origin.observed_shares & ~origin.apart[:, None], Y, np.nan)
        found[level] = learn_splits(hierarchy, level, plan.levels, Y, origin.cycles)
    return found


def facts_of(origin: Origin, plan: Plan, calendar: Calendar) -> Facts:
    """Return the facts of an origin."""
    hierarchy, T = origin.hierarchy, origin.days.size
    group = sibling_group(hierarchy)
    starts = no_starts(group, origin.horizon)
    if origin.young.any():
        starts = learn_starts(origin.units, group, origin.horizon, apart=bool(origin.apart.any()))
    year = origin.cycles.year
    return Facts(
        open_ahead=origin.open_leaves[:, T:],
        ended=origin.ended,
        starts=starts,
        warnings=_warnings(origin, starts),
        classes=origin.classes,
        weight=origin.weight,
        scales=node_scales(origin.history, season=origin.cycles.season, periods=2 * year),
        change=change_scale(origin.Y),
        shares=recent_shares(
            np.where(origin.apart[:, None], 0.0, origin.units),
            hierarchy.groups(plan.split_level),
            origin.observed_shares,
            plan.half_life,
        ),
        moved=None if origin.moved_ahead is None else origin.moved_ahead.astype(np.float32),
        insample=origin.comparable[:, -year:] if plan.insample else None,
        clues=clues_of(origin, calendar) if plan.clues else None,
    )


def _warnings(origin: Origin, starts: Starts) -> tuple[str | None, ...]:
    codes: list[str | None] = [
        None if code == ORDINARY else str(code) for code in odd_codes(survey(origin.Y))
    ]
    hierarchy = origin.hierarchy
    first = len(codes) - hierarchy.n_leaves
    if starts.leaves.size:
        for node in np.flatnonzero(wholly_young(hierarchy, origin.young)):
            codes[int(node)] = COLD_START
    waiting = np.zeros_like(origin.ended) if origin.waiting is None else origin.waiting
    for leaf in np.flatnonzero(origin.ended & ~waiting):
        codes[first + int(leaf)] = DISCONTINUED
    if origin.replaced is not None:
        for node in np.flatnonzero(hierarchy.S @ (~origin.replaced).astype(np.float64) == 0):
            codes[int(node)] = REPLACED
    return tuple(codes)


def _trial(
    origin: Origin, experts: LevelExperts, actual: Array, change: Array, level: int
) -> LevelTrial:
    rows = origin.hierarchy.rows(level)
    units = origin.weight[rows]
    total = float(units.sum())
    weight = units / total if total > 0 else np.full(rows.size, 1.0 / rows.size)
    return LevelTrial(experts.names, experts.forecasts, actual[rows], change[rows], weight)


def rows_of(hierarchy: Hierarchy, levels: Sequence[int]) -> dict[int, NDArray[np.int64]]:
    """Return the rows of S of some levels."""
    return {level: hierarchy.rows(level) for level in levels}
