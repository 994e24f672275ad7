"""Order policies replayed on real sales: stock saved at equal service, targets kept, least cost.

M5's food of one shop, 823 items (FOODS_3 in TX_3), lost sales, packs of 6, four weeks played and not counted. By days,
lead time 7 and, apart, 4 to 10 at random (three seeds), reviewed daily and weekly: the engine on forecasts that are
refitted weekly and learn their settings quarterly, against (s, S) from a 28-day moving average with normal safety stock
and the seasonal naive forecast with its own errors. All start at the steady state of (s, S), whose factor was found on
the year before. Stock is compared at an equal fill rate, between points of each policy's frontier. By weeks: least cost
with holding 0.1 and shortage 1 a unit and week, lead time 3 weeks, against ordering up to 5 weeks of the 13-week mean.

Then sets that nobody tuned for: groceries of ten shops by weeks, with promotions that the buyer knows ahead, and spare
parts by months, against the same references, each forecast before each period.

`--keep DIR` keeps forecasts for another run. `--weeks N`: the last N weeks of M5 alone. `--sets`: m5 and others of
benchmarks/_policy_sets.py, all unless said. Data: `--data DIR`, that of m5 or the one above, else STOCKTIDE_TEST_DATA,
else ../shared/data beside the checkout.
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._claims import at_least, at_most, data_folder, figure
from benchmarks._policy_contest import DAYS, Contest, Rhythm, least_cost
from benchmarks._policy_sets import SETS, PolicySet, forecasts_of, read_set
from benchmarks._replay_m5 import FILE, Forecasts, demand_of_shop, read_shop
from forecasting import ForecastSpec
from replenishment import fixed_lead_times, lead_times_of

Array = NDArray[np.float64]

WEEK = 7
LEADS = {
    "fixed": fixed_lead_times(7),
    "random": lead_times_of([0, 0, 0, 0, *[1 / 7] * 7]),
}
SEEDS = {"fixed": (0,), "random": (0, 1, 2)}
COSTS = ((3, 0.1), (2, 0.2))
SAVING_GOAL, OFF_TARGET_GOAL, COST_GOAL = 0.15, 0.015, 0.85


def main() -> None:
    """Run as described at the head of this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--keep", type=Path, help="folder that keeps forecasts for another run")
    parser.add_argument("--weeks", type=int, default=DAYS.year // WEEK)
    parser.add_argument("--sets", default=",".join(("m5", *(one.name for one in SETS))))
    given = parser.parse_args()
    names, folder = given.sets.split(","), given.data
    if folder is not None and (folder / FILE).exists():
        folder = folder.parent
    if unknown := set(names) - {"m5", *(one.name for one in SETS)}:
        parser.error(f"no set is named {unknown.pop()}")
    if "m5" in names:
        play_m5(data_folder(folder, f"m5/{FILE}") / "m5" / FILE, given.weeks, given.keep)
    for one in SETS:
        if one.name in names:
            play_set(one, data_folder(folder, one.name), given.keep)


def play_m5(file: Path, weeks: int, keep: Path | None) -> None:
    """Play the last year of M5's shop by days and by weeks, and print the claims."""
    items, units = read_shop(file)
    start = len(units) - WEEK * weeks
    demand = demand_of_shop(items, units)
    levels = ((), ("product",))
    spec = ForecastSpec(levels=levels, holidays_country="US", find_stock_outs=True)
    daily = Forecasts("daily", demand, spec, start, keep)
    found = [
        Contest(units, start, review, leads, name, seeds=SEEDS[name]).play(daily)
        for review in (WEEK, 1)
        for name, leads in LEADS.items()
    ]
    figure("forecasting_seconds_by_day", daily.seconds / len(found))
    at_least("stock_saving", min(one["saved"] for one in found), SAVING_GOAL)
    at_most("fill_rate_off_target", max(one["off"] for one in found), OFF_TARGET_GOAL)
    by_week = ForecastSpec(levels=levels, horizon_days=13, frequency="W", holidays_country="US")
    weekly = Forecasts("weekly", demand, by_week, start, keep)
    offset = start % WEEK
    sold = units[offset:].reshape(-1, WEEK, units.shape[1]).sum(axis=1)
    first = (start - offset) // WEEK
    ratios = [least_cost(sold, first, weekly, *cost) for cost in COSTS]
    figure("forecasting_seconds_by_week", weekly.seconds / len(COSTS))
    at_most("least_cost_ratio", ratios[0], COST_GOAL)
    figure("least_cost_ratio_lead_2_holding_0.2", ratios[1])


def play_set(one: PolicySet, folder: Path, keep: Path | None) -> None:
    """Play a set that nobody tuned for, and print its figures."""
    shelf = read_set(one, folder)
    forecasts = forecasts_of(one, shelf, keep)
    units, start = np.ascontiguousarray(shelf.Y.T), shelf.days.size - one.judged
    rhythm = Rhythm(1, one.year, one.window, one.year, one.warm_up, one.pack)
    leads = fixed_lead_times(one.lead)
    found = Contest(units, start, 1, leads, one.name, rhythm=rhythm).play(forecasts)
    figure(f"fill_rate_off_target_{one.name}", found["off"])
    for lead, holding in one.costs:
        ratio = least_cost(
            units, start, forecasts, lead, holding, window=one.window, warm_up=one.warm_up
        )
        figure(f"least_cost_ratio_{one.name}_lead_{lead}_holding_{holding}", ratio)
    figure(f"forecasting_seconds_{one.name}", forecasts.seconds / (1 + len(one.costs)))


if __name__ == "__main__":
    main()
