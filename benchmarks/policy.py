"""Order policies replayed on the last year of one shop's food: stock saved at equal service, targets kept, least cost.

823 items of M5 (FOODS_3 in TX_3), lost sales, packs of 6, four weeks played and not counted. By days, lead time 7 and,
apart, 4 to 10 days at random (three seeds), reviewed daily and weekly: the engine on joint paths of forecasts that are
refitted weekly and learn their settings quarterly, against (s, S) from a 28-day moving average with normal safety stock
and the seasonal naive forecast with its own errors. All start at the steady state of (s, S), whose factor was found on
the year before. Stock is compared at an equal fill rate, between points of each policy's frontier. By weeks: least cost
with holding 0.1 and shortage 1 a unit and week, lead time 3 weeks, against ordering up to 5 weeks of the 13-week mean.

`--keep DIR` keeps forecasts for another run. `--weeks N`: the last N weeks alone. Data: `--data DIR`, else
STOCKTIDE_TEST_DATA/m5, else ../shared/data/m5 beside the checkout.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks._claims import at_least, at_most, data_folder, figure
from benchmarks._replay_m5 import FILE, Forecasts, demand_of_shop, read_shop
from forecasting import ForecastSpec
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
    lead_times_of,
    make_lines,
    make_policy,
    normal_min_max,
    on_paths,
    seasonal_naive,
    stock_saved,
    weeks_of_mean,
)

Array = NDArray[np.float64]

WEEK, YEAR, WARM_UP = 7, 364, 28
PACK = 6
TARGETS = (0.90, 0.95, 0.97, 0.99)
FACTORS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0)
QUANTILES = (0.7, 0.85, 0.95, 0.98)
LEADS = {
    "fixed": fixed_lead_times(7),
    "random": lead_times_of([0, 0, 0, 0, *[1 / 7] * 7]),
}
SEEDS = {"fixed": (0,), "random": (0, 1, 2)}
COSTS = ((3, 0.1), (2, 0.2))
SAVING_GOAL, OFF_TARGET_GOAL, COST_GOAL, SPEED_GOAL = 0.15, 0.015, 0.85, 120.0


def main() -> None:
    """Run as described at the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--keep", type=Path, help="folder that keeps forecasts for another run")
    parser.add_argument("--weeks", type=int, default=YEAR // WEEK)
    given = parser.parse_args()
    folder = given.data if given.data else data_folder(None, f"m5/{FILE}") / "m5"
    items, units = read_shop(folder / FILE)
    start = len(units) - WEEK * given.weeks
    demand = demand_of_shop(items, units)
    spec = ForecastSpec(levels=((), ("product",)), holidays_country="US", find_stock_outs=True)
    daily = Forecasts("daily", demand, spec, start, given.keep)
    saved, off = [], []
    for review in (WEEK, 1):
        for name in LEADS:
            one = Contest(units, start, review, name)
            found = one.play(daily)
            saved.append(found["saved"])
            off.append(found["off"])
    figure("forecasting_seconds_by_day", daily.seconds / (2 * len(LEADS)))
    at_least("stock_saving", min(saved), SAVING_GOAL)
    at_most("fill_rate_off_target", max(off), OFF_TARGET_GOAL)
    by_week = ForecastSpec(
        levels=((), ("product",)), horizon_days=13, frequency="W", holidays_country="US"
    )
    weekly = Forecasts("weekly", demand, by_week, start, given.keep)
    ratios = [least_cost(units, start, weekly, *cost) for cost in COSTS]
    figure("forecasting_seconds_by_week", weekly.seconds / len(COSTS))
    at_most("least_cost_ratio", ratios[0], COST_GOAL)
    figure("least_cost_ratio_lead_2_holding_0.2", ratios[1])


class Contest:
    """One review rhythm and one kind of lead time: the references, the engine, and what each did."""

    def __init__(self, units: Array, start: int, review: int, lead: str) -> None:
        self.units, self.start, self.review, self.lead = units, start, review, lead
        self.leads: LeadTimes = LEADS[lead]
        self.terms = ReplayTerms(self.leads, review=review, warm_up=WARM_UP)

    def known(self, period: int) -> Array:
        """Return what was sold before a period of the year."""
        return self.units[: self.start + period]

    def before(self, period: int) -> Array:
        """Return what was sold before a period of the year before."""
        return self.units[: self.start - YEAR + period]

    def play(self, forecasts: Forecasts) -> dict[str, float]:
        """Play all policies, print what they did, and return the saving at 97 % and the worst miss of a target."""
        factors = self.tuned()
        lines = self.steady_state(factors[0.97])
        outlooks = Outlooks(forecasts.outlooks(print), self.known, span=self.terms.span)
        beside = Beside(lines, self.terms, outlooks.at, self.known)
        policies = {f"ours {target}": beside.decide(target) for target in TARGETS}
        policies |= {f"(s, S) {f}": self.min_max(self.known, f) for f in FACTORS}
        policies["tuned 0.97"] = self.min_max(self.known, factors[0.97])
        policies |= {
            f"naive {q}": seasonal_naive(self.known, self.leads, self.review, q) for q in QUANTILES
        }
        started = time.perf_counter()
        found = compare(
            lines, self.units[self.start :], policies, self.terms, seeds=SEEDS[self.lead]
        )
        played = time.perf_counter() - started
        print(
            f"\nreview {self.review} d, lead time {self.lead}: {len(policies)} policies, {played:.0f} s"
        )
        measures = {name: _joined(of) for name, of in found.items()}
        _print(measures)
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
        figure(f"stock_saving_review_{self.review}_{self.lead}", saved)
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
        """Return (s, S) from the last 28 days."""
        return normal_min_max(known, self.leads, self.review, factor)

    def tuned(self) -> dict[float, float]:
        """Return the factors that reach the targets in the year before."""
        policies = {str(f): self.min_max(self.before, f) for f in FACTORS}
        past = self.units[self.start - YEAR : self.start]
        found = compare(self.first(), past, policies, self.terms)
        reached = [(_point(found[str(f)][0])[0], f) for f in FACTORS]
        return {target: at_fill_rate(reached, target) for target in TARGETS[:3]}

    def first(self) -> Lines:
        """Return the shelves of a year before: a week of the mean there, and one on its way."""
        mean = np.round(self.before(0)[-WARM_UP:].mean(axis=0))
        return make_lines(mean * WEEK, on_order=np.repeat(mean[:, None], WEEK, 1), pack=PACK)

    def steady_state(self, factor: float) -> Lines:
        """Return the shelves as (s, S) left them after the year before."""
        past = self.units[self.start - YEAR : self.start]
        played = Replay(self.first(), self.terms, draws(0, past.shape[1]))
        for one in past:
            played.step(self.min_max(self.before, factor), one)
        left = played.moment().lines
        return make_lines(left.on_hand, on_order=left.on_order, pack=PACK)


def least_cost(units: Array, start: int, forecasts: Forecasts, lead: int, holding: float) -> float:
    """Return the cost of the engine's least cost by that of ordering up to lead + 2 weeks of the 13-week mean."""
    offset = start % WEEK
    weeks = units[offset:].reshape(-1, WEEK, units.shape[1]).sum(axis=1)
    first = (start - offset) // WEEK

    def known(week: int) -> Array:
        return np.asarray(weeks[: first + week])

    usual = np.round(known(0)[-8:].mean(axis=0))
    lines = make_lines(
        usual, on_order=np.repeat(usual[:, None], lead, 1), holding=holding, shortage=1
    )
    leads = fixed_lead_times(lead)
    outlooks = Outlooks(forecasts.outlooks(print), known, season=1)
    policies = {
        "ours": on_paths(outlooks.at, leads, make_policy("least_cost", usual.size)),
        "weeks of mean": weeks_of_mean(known, lead + 2, 13),
    }
    terms = ReplayTerms(leads, warm_up=lead + WARM_UP // WEEK)
    found = compare(lines, weeks[first:], policies, terms)
    print(f"\nby weeks, lead time {lead}, holding {holding}")
    measures = {name: of[0] for name, of in found.items()}
    _print(measures)
    cost = {name: float(of.cost.sum()) for name, of in measures.items()}
    return cost["ours"] / cost["weeks of mean"]


def _joined(seeds: list[Measures]) -> Measures:
    """Return the mean over seeds, line by line."""
    fields = seeds[0].__dataclass_fields__
    return Measures(**{f: np.mean([getattr(one, f) for one in seeds], axis=0) for f in fields})


def _of(measures: dict[str, Measures], name: str) -> list[Measures]:
    return [of for one, of in measures.items() if one.startswith(f"{name} ")]


def _point(measures: Measures) -> tuple[float, float]:
    total = measures.total()
    return float(total.fill_rate[0]), float(total.mean_stock[0])


def _print(measures: dict[str, Measures]) -> None:
    print("policy          fill   cycle   stock  position  short days  orders  cost")
    for name, one in measures.items():
        t = one.total()
        print(
            f"{name:14} {t.fill_rate[0]:.4f}  {t.cycle_service[0]:.4f} {t.mean_stock[0]:7,.0f} "
            f"{t.mean_position[0]:9,.0f} {t.short[0]:11,.0f} {t.orders[0]:7,.0f} {t.cost[0]:,.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
