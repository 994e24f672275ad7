"""Policies of one set beside each other: the engine, (s, S) and the seasonal naive. No benchmark itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._claims import figure
from benchmarks._replay_m5 import Forecasts
from replenishment import (
    Beside,
    LeadTimes,
    Lines,
    Measures,
    Outlooks,
    Replay,
    ReplayTerms,
    at_fill_rate,
    compare,
    draws,
    fixed_lead_times,
    make_lines,
    make_policy,
    normal_min_max,
    on_paths,
    seasonal_naive,
    stock_saved,
    weeks_of_mean,
)

Array = NDArray[np.float64]

TARGETS = (0.90, 0.95, 0.97, 0.99)
FACTORS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
QUANTILES = (0.7, 0.85, 0.95, 0.98)


@dataclass(frozen=True)
class Rhythm:
    """How a set counts time, in its own periods.

    season: in which sales repeat themselves, for what the engine learns; naive: the same for the seasonal naive.
    window: of the moving average. year: that the factor of (s, S) is found on, before the judged one. warm_up: played
    and not counted.
    """

    season: int
    naive: int
    window: int
    year: int
    warm_up: int
    pack: int


DAYS = Rhythm(season=7, naive=7, window=28, year=364, warm_up=28, pack=6)


class Contest:
    """One review rhythm and one kind of lead time: the references, the engine, and what each did."""

    def __init__(
        self,
        units: Array,
        start: int,
        review: int,
        leads: LeadTimes,
        name: str,
        *,
        rhythm: Rhythm = DAYS,
        seeds: tuple[int, ...] = (0,),
    ) -> None:
        self.units, self.start, self.review, self.name = units, start, review, name
        self.leads, self.rhythm, self.seeds = leads, rhythm, seeds
        self.terms = ReplayTerms(leads, review=review, warm_up=rhythm.warm_up)

    def known(self, period: int) -> Array:
        """Return what was sold before a judged period."""
        return self.units[: self.start + period]

    def before(self, period: int) -> Array:
        """Return what was sold before a period of the year before."""
        return self.units[: self.start - self.rhythm.year + period]

    def play(self, forecasts: Forecasts) -> dict[str, float]:
        """Play all policies, print what they did, and return the saving at 97 % and the worst miss of a target."""
        factors = self.tuned()
        lines = self.steady_state(factors[0.97])
        season = self.rhythm.season
        outlooks = Outlooks(
            forecasts.outlooks(print), self.known, season=season, span=self.terms.span
        )
        beside = Beside(lines, self.terms, outlooks.at, self.known, season=season)
        policies = {f"ours {target}": beside.decide(target) for target in TARGETS}
        policies |= {f"(s, S) {f}": self.min_max(self.known, f) for f in FACTORS}
        policies["tuned 0.97"] = self.min_max(self.known, factors[0.97])
        policies |= {f"naive {q}": self.naive(q) for q in QUANTILES}
        started = time.perf_counter()
        found = compare(lines, self.units[self.start :], policies, self.terms, seeds=self.seeds)
        played = time.perf_counter() - started
        print(f"\n{self.name}, review {self.review}: {len(policies)} policies, {played:.0f} s")
        measures = {name: joined(of) for name, of in found.items()}
        print_measures(measures)
        return self.judged(measures)

    def judged(self, measures: dict[str, Measures]) -> dict[str, float]:
        """Compare stock at an equal fill rate, and targets with what was reached."""
        ours = _of(measures, "ours")
        best, name = self.better(measures)
        saved, low, high = stock_saved(ours, best, 0.97)
        print(
            f"at 97 %: {saved:.3f} of the stock of {name} saved, 90 % of items drawn: {low:.3f} to {high:.3f}"
        )
        tuned = measures["tuned 0.97"].total()
        reached = float(tuned.fill_rate[0])
        equal = at_fill_rate([_point(one) for one in ours], reached)
        print(
            f"at the {reached:.4f} of (s, S) as tuned: {1 - equal / tuned.mean_stock[0]:.3f} saved"
        )
        off = max(abs(_point(one)[0] - target) for one, target in zip(ours, TARGETS, strict=True))
        figure(f"stock_saving_review_{self.review}_{self.name}", saved)
        return {"saved": saved, "off": off}

    def better(self, measures: dict[str, Measures]) -> tuple[list[Measures], str]:
        """Return the reference that needs less stock at 97 %."""
        of = {name: _of(measures, name) for name in ("(s, S)", "naive")}
        stock = {
            name: at_fill_rate([_point(one) for one in some], 0.97) for name, some in of.items()
        }
        name = min(stock, key=lambda one: np.nan_to_num(stock[one], nan=np.inf))
        return of[name], name

    def min_max(self, known: Callable[[int], Array], factor: float) -> Any:
        """Return (s, S) from the last periods."""
        return normal_min_max(known, self.leads, self.review, factor, window=self.rhythm.window)

    def naive(self, quantile: float) -> Any:
        """Return the seasonal naive forecast with its own errors."""
        return seasonal_naive(
            self.known, self.leads, self.review, quantile, season=self.rhythm.naive
        )

    def tuned(self) -> dict[float, float]:
        """Return the factors that reach the targets in the year before."""
        policies = {str(f): self.min_max(self.before, f) for f in FACTORS}
        found = compare(self.first(), self.past(), policies, self.terms)
        reached = [(_point(found[str(f)][0])[0], f) for f in FACTORS]
        return {target: at_fill_rate(reached, target) for target in TARGETS[:3]}

    def past(self) -> Array:
        """Return what was sold in the year before."""
        return self.units[self.start - self.rhythm.year : self.start]

    def first(self) -> Lines:
        """Return the shelves of a year before: a season of the mean there, and the lead time's on its way."""
        mean = np.round(self.before(0)[-self.rhythm.window :].mean(axis=0))
        lead = int(np.rint(self.leads.mean.max()))
        coming = np.repeat(mean[:, None], lead, 1)
        return make_lines(mean * self.rhythm.season, on_order=coming, pack=self.rhythm.pack)

    def steady_state(self, factor: float) -> Lines:
        """Return the shelves as (s, S) left them after the year before."""
        past = self.past()
        played = Replay(self.first(), self.terms, draws(0, past.shape[1]))
        for one in past:
            played.step(self.min_max(self.before, factor), one)
        left = played.moment().lines
        return make_lines(left.on_hand, on_order=left.on_order, pack=self.rhythm.pack)


def least_cost(
    units: Array,
    start: int,
    forecasts: Forecasts,
    lead: int,
    holding: float,
    *,
    window: int = 13,
    warm_up: int = 4,
) -> float:
    """Return the cost of the engine's least cost by that of ordering up to lead + 2 periods of the mean of `window`.

    units: (T, n) by week or month; the judged ones begin with `start`. A unit missed costs 1.
    """

    def known(period: int) -> Array:
        return np.asarray(units[: start + period])

    usual = np.round(known(0)[-8:].mean(axis=0))
    lines = make_lines(
        usual, on_order=np.repeat(usual[:, None], lead, 1), holding=holding, shortage=1
    )
    leads = fixed_lead_times(lead)
    outlooks = Outlooks(forecasts.outlooks(print), known, season=1)
    policies = {
        "ours": on_paths(outlooks.at, leads, make_policy("least_cost", usual.size)),
        "periods of mean": weeks_of_mean(known, lead + 2, window),
    }
    found = compare(lines, units[start:], policies, ReplayTerms(leads, warm_up=lead + warm_up))
    print(f"\nlead time {lead}, holding {holding}")
    measures = {name: of[0] for name, of in found.items()}
    print_measures(measures)
    cost = {name: float(of.cost.sum()) for name, of in measures.items()}
    return cost["ours"] / cost["periods of mean"]


def joined(seeds: list[Measures]) -> Measures:
    """Return the mean over seeds, line by line."""
    fields = seeds[0].__dataclass_fields__
    return Measures(**{f: np.mean([getattr(one, f) for one in seeds], axis=0) for f in fields})


def _of(measures: dict[str, Measures], name: str) -> list[Measures]:
    return [of for one, of in measures.items() if one.startswith(f"{name} ")]


def _point(measures: Measures) -> tuple[float, float]:
    total = measures.total()
    return float(total.fill_rate[0]), float(total.mean_stock[0])


def print_measures(measures: dict[str, Measures]) -> None:
    """Print a row for each policy."""
    print("policy          fill   cycle   stock  position  short days  orders  cost")
    for name, one in measures.items():
        t = one.total()
        print(
            f"{name:14} {t.fill_rate[0]:.4f}  {t.cycle_service[0]:.4f} {t.mean_stock[0]:7,.0f} "
            f"{t.mean_position[0]:9,.0f} {t.short[0]:11,.0f} {t.orders[0]:7,.0f} {t.cost[0]:,.0f}",
            flush=True,
        )
