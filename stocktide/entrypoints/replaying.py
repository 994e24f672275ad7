"""The chain's own history through order policies: forecasts of the past, terms of buying, and the replay of both."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from forecasting.nodes.demand import Demand
from forecasting.rolling import rolling_forecasts
from forecasting.run import read_chain
from forecasting.sampling import sample_paths
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import Hierarchy
from purchasing.proposing.facts import read_facts
from purchasing.proposing.money import in_one_currency, usual
from purchasing.proposing.prepare import Defaults, prepare
from replenishment import (
    Beside,
    Lines,
    Measures,
    Outlook,
    Outlooks,
    ReplayTerms,
    at_fill_rate,
    compare,
    completed_demand,
    fixed_lead_times,
    lead_times_of,
    make_lines,
    normal_min_max,
    seasonal_naive,
    whole_units,
)
from stocktide.foundation.errors import Invalid
from stocktide.foundation.lake import Lake
from stocktide.foundation.runs import Run

Array = NDArray[np.float64]

DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Q": 365.25 / 4}
PATHS = 200
FACTORS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
QUANTILES = (0.7, 0.85, 0.95, 0.98)
WARM_UP_DAYS = 28
# Of them the first four warm up and are not counted.
WEEKS_MIN = 5
WORST = 50
FACTS = ("pack", "minimum", "multiple", "unit_cost", "price", "holding", "shortage", "shelf_life")


@dataclass(frozen=True)
class ReplayOptions:
    """Settings of a replay. lead_spread: days by which the lead time varies to both sides, at random."""

    weeks: int = 26
    targets: tuple[float, ...] = (0.90, 0.95, 0.97, 0.99)
    lead_days: int = 7
    lead_spread: int = 0
    review_days: int = 7
    seeds: int = 3


def replay_chain(
    engine: sa.Engine,
    lake: Lake,
    spec: ForecastSpec,
    options: ReplayOptions,
    *,
    defaults: Defaults,
    now: datetime,
    run: Run,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Play the last weeks of the lake's history through the engine and two references; return plain data.

    Raises Invalid (`replay_short`) where the history or the forecast's horizon is too short.
    """
    demand, hierarchy, spec = read_chain(engine, lake, spec, now, run)
    chain = _Chain(demand, hierarchy, spec, options)
    with engine.connect() as connection:
        facts = read_facts(connection, today=now.date())
    sales = pd.Series(chain.units.sum(axis=0), index=chain.keys["product"]).groupby(level=0).sum()
    rows = prepare(facts, sales, today=now.date(), defaults=defaults).rows
    currency = usual(rows["currency"]) if len(rows) else None
    if len(rows):
        rows = in_one_currency(rows, currency, facts.rates)
    lines = chain.lines(rows)
    # the first forecasts are made here already
    started = time.perf_counter()
    outlooks = Outlooks(
        chain.outlooks(tell),
        chain.known,
        season=chain.season,
        span=chain.terms.span,
        since_alone=True,
    )
    beside = Beside(lines, chain.terms, outlooks.at, chain.known)
    policies = {f"stocktide {target:g}": beside.decide(target) for target in options.targets}
    policies |= {
        f"(s, S) {factor:g}": normal_min_max(
            chain.known, chain.terms.leads, chain.review, factor, window=chain.window
        )
        for factor in FACTORS
    }
    policies |= {
        f"naive {q:g}": seasonal_naive(
            chain.known, chain.terms.leads, chain.review, q, season=chain.season
        )
        for q in QUANTILES
    }
    seeds = range(options.seeds if options.lead_spread else 1)
    found = compare(lines, chain.demand[chain.start :], policies, chain.terms, seeds=seeds)
    seconds = time.perf_counter() - started - chain.seconds
    return {
        "options": asdict(options),
        "as_of": demand.cutoff.isoformat(),
        "first_day": str(demand.days[chain.start].date()),
        "rhythm": demand.frequency,
        "items": len(lines),
        "currency": currency,
        "censored": chain.censored,
        "seconds": {"forecasting": round(chain.seconds, 1), "replay": round(seconds, 1)},
        "policies": [_policy(name, of) for name, of in found.items()],
        "saved": _saved(found, options.targets),
        "worst": _worst(found[f"stocktide {options.targets[-1]:g}"], chain.keys),
        "terms_known": int(rows["supplier_from"].eq("terms").sum()) if len(rows) else 0,
    }


def _too_short(horizon: int, reach: int, weeks_max: int) -> str:
    """Say what would do instead of a replay for which history or forecast is too short."""
    if reach > horizon:
        return (
            f"These lead times and reviews need a forecast of {reach} periods, and there are {horizon}. Take shorter "
            "ones, or a longer horizon_days."
        )
    if weeks_max < WEEKS_MIN:
        before = 2 * WARM_UP_DAYS // 7
        return f"The history is too short for a replay: it takes {WEEKS_MIN} weeks, and {before} before them."
    return f"The history is long enough for at most {weeks_max} weeks. Take fewer weeks."


class _Chain:
    """The chain's demand as a replay sees it. units, demand: (T, n); start: the first period that is played."""

    def __init__(
        self, demand: Demand, hierarchy: Hierarchy, spec: ForecastSpec, options: ReplayOptions
    ) -> None:
        self.seen, self.hierarchy, self.spec = demand, hierarchy, spec
        days = DAYS[demand.frequency]
        self.season = 7 if demand.frequency == "D" else 1
        self.window = max(round(WARM_UP_DAYS / days), 4)
        self.step = self.season
        self.review = max(1, round(options.review_days / days))
        self.start = demand.days.size - round(options.weeks * 7 / days)
        self.terms = _terms(options, days, self.review)
        reach = int(self.terms.leads.longest.max()) + self.review + self.step - 1
        if self.start < 2 * self.window or reach > spec.horizon_days:
            most = int((demand.days.size - 2 * self.window) * days // 7)
            raise Invalid("replay_short", _too_short(spec.horizon_days, reach, most))
        self.keys = demand.leaves.iloc[hierarchy.leaf_rows].reset_index(drop=True)
        self.units = demand.units[hierarchy.leaf_rows].T
        empty = demand.empty[hierarchy.leaf_rows].T
        made = completed_demand(self.units, empty, season=self.season)
        if (self.units == np.rint(self.units)).all():
            made = whole_units(made, np.random.default_rng(0)).astype(np.float64)
        self.demand = np.where(empty, made, self.units)
        played, sold = self.demand[self.start :].sum(), self.units[self.start :].sum()
        self.censored = {
            "periods": float(empty[self.start :].mean()),
            "units": float((played - sold) / played) if played else 0.0,
        }
        self.seconds = 0.0

    def known(self, period: int) -> Array:
        """Return the demand before a period that is played."""
        return np.asarray(self.demand[: self.start + period])

    def outlooks(self, tell: Callable[[str], None]) -> Iterator[Outlook]:
        """Yield the joint paths of each week's forecast."""
        rolled = rolling_forecasts(
            self.seen, self.hierarchy, self.spec, first=self.start, step=self.step
        )
        whole = bool((self.units == np.rint(self.units)).all())
        for number, one in enumerate(rolled, 1):
            started = time.perf_counter()
            paths = sample_paths(one.made, one.days, count=PATHS).values
            values = np.ascontiguousarray(paths.transpose(2, 1, 0)).transpose(1, 2, 0)
            self.seconds += one.seconds + time.perf_counter() - started
            what = "settings chosen" if one.chosen else "refitted"
            tell(f"week {number}: {what} in {one.seconds:.1f} s")
            before = one.made.past.expected.T
            yield Outlook(one.periods_known - self.start, values, whole, before)

    def lines(self, rows: pd.DataFrame) -> Lines:
        """Return the lines by the terms in force, stocked for lead time and review."""
        facts: dict[str, Array] = {}
        keys = ["product", "location"]
        if len(rows) and "location" in self.keys:
            found = self.keys[keys].merge(rows.drop_duplicates(keys), on=keys, how="left")
            for name in FACTS:
                given = pd.to_numeric(found[name], errors="coerce").to_numpy(np.float64)
                usual = {"pack": 1.0, "multiple": 0.001, "shelf_life": np.inf}.get(name, 0.0)
                facts[name] = np.where(np.isnan(given), usual, given)
            days = DAYS[self.seen.frequency]
            facts["holding"] = facts["holding"] * days
            facts["shelf_life"] = np.maximum(np.floor(facts["shelf_life"] / days), 1.0)
        mean = self.known(0)[-self.window :].mean(axis=0)
        lead = round(float(self.terms.leads.mean.max()))
        pack = facts.get("pack", np.ones(mean.size))
        on_hand = np.ceil(mean * (self.review + 1) / pack) * pack
        return make_lines(on_hand, on_order=np.repeat(mean[:, None], lead, 1), **facts)


def _terms(options: ReplayOptions, days: float, review: int) -> ReplayTerms:
    lead, spread = options.lead_days, options.lead_spread
    leads = fixed_lead_times(int(np.ceil(lead / days)))
    if spread:
        lengths = np.ceil(np.arange(max(lead - spread, 0), lead + spread + 1) / days).astype(int)
        leads = lead_times_of(np.bincount(lengths) / lengths.size)
    return ReplayTerms(leads, review=review, warm_up=round(WARM_UP_DAYS / days))


def _policy(name: str, seeds: list[Measures]) -> dict[str, Any]:
    """Return a policy's measures: means over seeds, and the least and the most of fill rate and stock."""
    totals = [one.total() for one in seeds]
    kind, _, knob = name.rpartition(" ")
    made: dict[str, Any] = {"name": kind, "knob": float(knob)}
    for measure in (
        "fill_rate", "cycle_service", "mean_stock", "mean_position", "missed", "short", "empty", "wasted", "orders",
        "deliveries", "holding", "shortage", "waste", "cost", "demand",
    ):  # fmt: skip
        values = [float(getattr(total, measure)[0]) for total in totals]
        made[measure] = float(np.mean(values))
        if measure in ("fill_rate", "mean_stock"):
            made[f"{measure}_low"], made[f"{measure}_high"] = min(values), max(values)
    return made


def _saved(found: dict[str, list[Measures]], targets: tuple[float, ...]) -> list[dict[str, Any]]:
    """Return the stock that each kind needs for a fill rate, read off its frontier; None beyond its ends."""
    frontiers: dict[str, list[tuple[float, float]]] = {}
    for name, seeds in found.items():
        one = _policy(name, seeds)
        frontiers.setdefault(one["name"], []).append((one["fill_rate"], one["mean_stock"]))
    made = []
    for target in targets:
        stock = {kind: at_fill_rate(points, target) for kind, points in frontiers.items()}
        made.append(
            {"target": target, **{k: v if np.isfinite(v) else None for k, v in stock.items()}}
        )
    return made


def _worst(seeds: list[Measures], keys: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the lines that missed most, at the highest target."""
    one = seeds[0]
    chosen = np.argsort(-one.missed, kind="stable")[:WORST]
    return [
        {
            **{str(key): str(keys[key].iloc[row]) for key in keys},
            "demand": float(one.demand[row]),
            "missed": float(one.missed[row]),
            "fill_rate": float(one.fill_rate[row]),
            "mean_stock": float(one.mean_stock[row]),
            "wasted": float(one.wasted[row]),
        }
        for row in chosen.tolist()
        if one.missed[row] > 0
    ]
