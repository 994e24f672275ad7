"""A forecast under other assumptions: every leaf's forecast times what its plans do now over what they did before.

n nodes, m leaves, T periods of history, h periods ahead. Models, weights and effects stay as they were learnt;
only what is known ahead changes. Closed leaves sell nothing, leaves that open after all sell what is
usual for them.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from dataclasses import replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.assuming.assumed import Assumed, scaled_quantiles
from forecasting.assuming.event_factors import event_factors
from forecasting.nodes.demand import Demand
from forecasting.nodes.known_ahead import KnownAhead
from forecasting.nodes.origin import Origin, origin_at
from forecasting.nodes.plan_leaves import SCOPE
from forecasting.nodes.with_successions import blended
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class FinishedForecast(Protocol):
    """A forecast that was made before, such as `Forecast`. mean: (n, h), coherent; quantiles: (n, h, q)."""

    @property
    def mean(self) -> Array:
        """Return the means, (n, h)."""

    @property
    def quantiles(self) -> Array:
        """Return the quantiles, (n, h, q)."""


def assume(
    made: FinishedForecast,
    demand: Demand,
    hierarchy: Hierarchy,
    ahead: KnownAhead,
    *,
    holidays_country: str | None = None,
) -> Assumed:
    """Predict again with `ahead` in place of `demand.ahead`, keeping all that was learnt: no fit, no backtest.

    made: the forecast of `demand`. ahead: what is assumed to be known, usually `replace(demand.ahead, …)`.
    holidays_country: that of the forecast's spec. Effects of prices, promotions and other regressors are those that
    the run learnt at its last period; effects of events are learnt from their past days (`event_factors`).
    """
    T, h = demand.days.size, made.mean.shape[1]
    assert made.mean.shape[0] == hierarchy.n_nodes
    origin = origin_at(
        demand, hierarchy, days_known=T, horizon=h, holidays_country=holidays_country
    )
    without = replace(demand, ahead=replace(ahead, regressors={}))
    opened = origin_at(
        without, hierarchy, days_known=T, horizon=h, holidays_country=holidays_country
    ).open_leaves[:, T:]
    uplift, unknown = _uplift(origin, demand, ahead)
    last = origin.days[-1]
    events = event_factors(
        origin, _leaf_keys(demand, hierarchy), demand.ahead.events_at(last), ahead.events_at(last)
    )
    planned = events.planned * (1.0 if origin.uplift is None else origin.uplift[:, T:])
    leaves = made.mean[-hierarchy.n_leaves :]
    assumed = _leaves_assumed(origin, leaves, planned, events.assumed * uplift, opened)
    # what no assumption touches stays to the last digit
    mean = np.maximum(made.mean + hierarchy.sum_leaves(assumed - leaves), 0.0)
    mean[-hierarchy.n_leaves :] = assumed
    return Assumed(
        hierarchy=hierarchy,
        days=origin.grid.last_days(origin.future),
        frequency=demand.frequency,
        published=made.mean,
        mean=mean,
        quantiles=scaled_quantiles(made.mean, made.quantiles, mean),
        warnings=(*_about_regressors(unknown), *_about_events(events.unknown)),
    )


def _uplift(origin: Origin, demand: Demand, assumed: KnownAhead) -> tuple[Array, list[str]]:
    """Return the factor of the assumed regressors, (m, h), and the names that differ but have no effect learnt."""
    effects, planned = origin.effects, demand.ahead
    learnt = () if effects is None else effects.names
    unknown = [
        name
        for name in sorted({*planned.regressors, *assumed.regressors} - set(learnt))
        if not np.array_equal(
            _ahead_of(planned, name, origin, demand), _ahead_of(assumed, name, origin, demand)
        )
    ]
    if effects is None:
        return np.ones((origin.hierarchy.n_leaves, origin.horizon)), unknown
    return effects.uplift(
        np.stack([_ahead_of(assumed, name, origin, demand) for name in learnt])
    ), unknown


def _ahead_of(ahead: KnownAhead, name: str, origin: Origin, demand: Demand) -> Array:
    """Return what is planned of a regressor over the horizon, (m, h); 0 where nothing is, or no number.

    Where products replace each other ahead, plans are mixed as the run mixed them.
    """
    T, h = origin.days.size, origin.horizon
    found = np.zeros((origin.hierarchy.n_leaves, h))
    if name in ahead.regressors:
        mixed = blended(demand, ahead.regressors[name].at(T)[:, : T + h])
        told = mixed[origin.hierarchy.leaf_rows, T:]
        found[:, : told.shape[1]] = np.where(np.isfinite(told), told, 0.0)
    return found


def _leaf_keys(demand: Demand, hierarchy: Hierarchy) -> pd.DataFrame:
    """Return all keys of each leaf, in the hierarchy's order, columns SCOPE."""
    known = demand.leaves if demand.ahead.leaf_keys is None else demand.ahead.leaf_keys
    keys = known.iloc[hierarchy.leaf_rows].reindex(columns=[*SCOPE]).astype(object)
    return keys.where(keys.notna(), None).reset_index(drop=True)


def _leaves_assumed(
    origin: Origin, leaves: Array, planned: Array, assumed: Array, opened: Mask
) -> Array:
    """Move the leaves' means (m, h) from the planned factor to the assumed one, both (m, h); 0 where not open."""
    was_open = origin.open_leaves[:, origin.days.size :]
    moved = leaves * (assumed / planned)
    newly = opened & ~was_open
    if newly.any():
        usual = _usual(origin, np.where(was_open, leaves / planned, np.nan))
        moved = np.where(newly, usual * assumed, moved)
    return np.asarray(np.where(opened, moved, 0.0))


def _usual(origin: Origin, bare: Array) -> Array:
    """Return what each leaf sells without plans in each period ahead, (m, h), as if it were open.

    bare: (m, h) forecast without plans, NaN while closed. The mean of the open periods of the same weekday ahead,
    else of the last periods of history in which a leaf's rate is taken as one; 0 of a leaf without known periods.
    """
    T = origin.days.size
    season, back = origin.cycles.season, min(origin.cycles.effect_block, T)
    phase = np.arange(T - back, T + origin.horizon) % season
    past = origin.Y[-origin.hierarchy.n_leaves :, -back:]
    ahead = _phase_mean(bare, phase[back:], season)
    usual = np.where(np.isfinite(ahead), ahead, _phase_mean(past, phase[:back], season))
    return np.asarray(np.nan_to_num(usual)[:, phase[back:]])


def _phase_mean(values: Array, phase: NDArray[np.int64], season: int) -> Array:
    """Average the known values (m, P) of each phase (P,) of a season, (m, season); NaN where none is known."""
    on = (phase[:, None] == np.arange(season)).astype(np.float64)
    known = np.isfinite(values)
    count = known.astype(np.float64) @ on
    total = np.where(known, values, 0.0) @ on
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _about_regressors(unknown: list[str]) -> list[str]:
    return [
        f"No effect of {name!r} is known: it never differed in the history. What is assumed of it changes nothing."
        for name in unknown
    ]


def _about_events(unknown: tuple[str, ...]) -> list[str]:
    return [
        f"No effect of the event {name!r} is known: no day of it was sold on yet. It changes nothing; give its earlier "
        "days as events, too, or the name of an event like it."
        for name in unknown
    ]
