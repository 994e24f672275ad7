"""Setup that all steps of a forecast share: demand and calendar, candidates, and what is made at each origin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.candidates import (
    BaselineCandidate,
    Candidate,
    Lesson,
    auto_names,
    fits_hierarchy,
    make_candidates,
    needs_clues,
    needs_history,
    refuse_unfit,
    responses_of,
)
from forecasting.choosing.coherence import fitted_hierarchy
from forecasting.choosing.learnt import Present
from forecasting.choosing.origin_baselines import baselines_of
from forecasting.choosing.origins import teaching_origins
from forecasting.choosing.tables import (
    OriginTable,
    Plan,
    actuals_after,
    table_of,
)
from forecasting.experts.at_origin import many_levels
from forecasting.experts.calendar import Calendar, make_calendar
from forecasting.experts.cycles import CYCLES, Cycles
from forecasting.forecast_origins import full_origins
from forecasting.nodes.demand import Demand, with_probable_stock_outs
from forecasting.nodes.origin import Origin, origin_at
from forecasting.spec import AUTO, ForecastSpec
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.reconcile import finest_above, refuse_method

Array = NDArray[np.float64]
# Takes a step's name and the function that makes it; returns the result, made now or kept from a killed run.
Keep = Callable[[str, Callable[[], Any]], Any]


def keep_nothing(_step: str, make: Callable[[], Any]) -> Any:
    """Make every step without storing it."""
    return make()


@dataclass(frozen=True)
class ForecastSetup:
    """Setup that all steps of a forecast share.

    plan: what is made at each origin. calendar: columns of all dates, history and horizon. load_or_make: returns a step
    that an earlier, killed run finished, or makes it.
    """

    demand: Demand
    hierarchy: Hierarchy
    spec: ForecastSpec
    plan: Plan
    calendar: Calendar
    candidates: tuple[Candidate, ...]
    load_or_make: Keep

    @property
    def cycles(self) -> Cycles:
        """Return the cycles of the demand."""
        return CYCLES[self.demand.frequency]

    def origin(self, periods_known: int) -> Origin:
        """Return what is known after the first `periods_known` periods, and nothing that came later."""
        return origin_at(
            self.demand,
            self.hierarchy,
            days_known=periods_known,
            horizon=self.spec.horizon_days,
            holidays_country=self.spec.holidays_country,
        )

    def table(self, periods_known: int) -> OriginTable:
        """Return the table of an origin whose horizon is over: its experts beside the actual units."""
        origin = self.origin(periods_known)
        actual = actuals_after(self.demand, self.hierarchy, periods_known, self.spec.horizon_days)
        baselines = baselines_of(origin, self.plan.baselines)
        modelled = [level for level in self.plan.levels if self._is_fitted(level, periods_known)]
        return table_of(origin, self.calendar, actual, self.plan, baselines, modelled=modelled)

    def _is_fitted(self, level: int, periods_known: int) -> bool:
        """Return True if a level's models are fitted at an origin; levels of many nodes are at a few origins only."""
        if level not in many_levels(self.hierarchy):
            return True
        return periods_known in full_origins(self.demand, self.spec)

    def lesson(self, periods: int, tables: Mapping[int, OriginTable], now: OriginTable) -> Lesson:
        """Return what a forecast after `periods` may learn from.

        tables: by periods known, the teaching origins among them. now: the table of the origin that is forecast.
        """
        return Lesson(
            self.hierarchy,
            self.plan,
            [tables[known] for known in self.teachers(periods)],
            Present(now.levels, now.splits, now.facts.moved),
            now.baselines,
            now.facts,
        )

    def teachers(self, periods: int) -> list[int]:
        """List the origins that teach a forecast after `periods`, each as its periods known, oldest first."""
        return teaching_origins(
            self.cycles, self.spec.horizon_days, periods, recent=self.spec.backtest_origins
        )


def make_setup(
    demand: Demand, hierarchy: Hierarchy, spec: ForecastSpec, load_or_make: Keep = keep_nothing
) -> ForecastSetup:
    """Refuse settings that do not fit the hierarchy, and build what all origins share.

    Raises Invalid: a method or candidate that does not fit the levels, and those of `fitted_hierarchy`.
    """
    refuse_method(spec.method, hierarchy)
    if spec.find_stock_outs:
        demand = with_probable_stock_outs(demand)
    fitted = fitted_positions(hierarchy, spec)
    level, (upper, _) = fitted_hierarchy(hierarchy, fitted)
    candidates = named_candidates(hierarchy, spec)
    refuse_unfit(candidates, hierarchy)
    leaf = len(hierarchy.levels) - 1
    split_level = level if level != leaf else finest_above(upper)
    plan = Plan(
        levels=tuple(range(leaf + 1)) if fitted is None else fitted,
        responses=responses_of(candidates),
        baselines=tuple(c.name for c in candidates if isinstance(c, BaselineCandidate)),
        split_level=split_level,
        half_life=spec.split_half_life_days,
        insample=needs_history(candidates),
        clues=needs_clues(candidates),
    )
    dates = pd.DatetimeIndex(demand.days.append(demand.following(spec.horizon_days)))
    calendar = make_calendar(
        hierarchy,
        demand.leaves,
        CYCLES[demand.frequency],
        dates,
        demand.ahead,
        country=spec.holidays_country,
    )
    return ForecastSetup(demand, hierarchy, spec, plan, calendar, tuple(candidates), load_or_make)


def fitted_positions(hierarchy: Hierarchy, spec: ForecastSpec) -> tuple[int, ...] | None:
    """Find the positions of the spec's fit_levels; None for all."""
    if spec.fit_levels is None:
        return None
    wanted = {frozenset(level) for level in spec.fit_levels}
    return tuple(p for p, keys in enumerate(hierarchy.levels) if frozenset(keys) in wanted)


def named_candidates(hierarchy: Hierarchy, spec: ForecastSpec) -> list[Candidate]:
    """Build the candidates that the spec names; for "auto" those of `auto_names` and the untested default."""
    if spec.candidates != AUTO:
        return make_candidates(spec.candidates)
    by_forecasts = ("MO additive", "MO log1p") if spec.split == "FP" else ()
    names = dict.fromkeys([*auto_names(hierarchy), *by_forecasts, spec.default_candidate])
    return [c for c in make_candidates(list(names)) if fits_hierarchy(c, hierarchy)]
