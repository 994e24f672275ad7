"""Prices and promotions: are their effects learnt as they are, and do planned ones make the forecast better?

First the simulator, which knows the truth: per department the elasticity that was learnt beside the true one, and the
uplift of the display beside the price. Then the error in promotion periods with plans over that without, for adjoining
hold-outs of the simulator and of three real sets (`--data DIR`, else STOCKTIDE_TEST_DATA, else ../shared/data beside
the checkout; `--sets none` for the simulator alone). `--out FILE` writes all figures as JSON.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np

from benchmarks._claims import at_most, data_folder
from benchmarks._shelf import LOADERS
from benchmarks._shelf_ours import measure
from benchmarks._shelf_scores import test_at, wape
from benchmarks._simulated import LEVELS, Simulated, simulated, spec_of
from forecasting import build_hierarchy, make_forecast, plan_effects

SETS = ("breakfast_frat", "orange_juice", "rossmann_100")
SEEDS = (7, 8, 9)
DAYS, HORIZON = 730, 28
# How far an effect may lie from the truth, as a share of it; and the error with plans by that without.
MISSED_MAX, RATIO_MAX = 0.15, 0.80


def effects_of(chain: Simulated) -> dict[str, Any]:
    """Learn the effects of a simulated chain: elasticity, true and learnt, and display by department."""
    demand = chain.demand(chain.sold.shape[1], 0, plans=True)
    learnt = plan_effects(demand, build_hierarchy(LEVELS, chain.leaves), holidays_country="PT")
    price = learnt.groupby("department")["price"].mean().to_dict()
    promotion = learnt.groupby("department")["promotion"].mean().to_dict()
    elasticity = {
        name: {"true": true, "learnt": -float(price[name])}
        for name, true in chain.elasticity.items()
    }
    return {
        "elasticity": elasticity,
        "display": {
            "true": chain.display,
            "learnt": {name: float(np.exp(promotion[name])) for name in elasticity},
        },
    }


def simulated_ratio(chain: Simulated, origins: int) -> dict[str, float]:
    """Forecast hold-outs of a simulated chain with and without plans: WAPE on promotion days with stock."""
    found: dict[bool, list[float]] = {True: [], False: []}
    hierarchy = build_hierarchy(LEVELS, chain.leaves)
    rows = hierarchy.leaf_rows
    for known in (chain.sold.shape[1] - HORIZON * (back + 1) for back in range(origins)):
        ahead = slice(known, known + HORIZON)
        told = chain.promoted[rows, ahead] & chain.known[rows, ahead]
        came = np.where(told, chain.sold[rows, ahead], np.nan)
        for plans, errors in found.items():
            made = make_forecast(
                chain.demand(known, HORIZON, plans=plans), hierarchy, spec_of(HORIZON)
            )
            errors.append(wape(came, made.mean[-rows.size :]))
    return _ratio(found)


def shelf_ratio(name: str, folder: Path, origins: int) -> dict[str, float]:
    """Do the same for a real set."""
    shelf = LOADERS[name](folder)
    hierarchy = build_hierarchy(shelf.levels, shelf.leaves)
    found: dict[bool, list[float]] = {True: [], False: []}
    for known in shelf.known_periods(min(origins, shelf.origins)):
        test = test_at(shelf, hierarchy, known)
        for plans, errors in found.items():
            errors.append(measure(test, plans=plans)["promoted"])
    return _ratio(found)


def _ratio(found: dict[bool, list[float]]) -> dict[str, float]:
    told, untold = (float(np.mean(found[plans])) for plans in (True, False))
    return {"with": told, "without": untold, "ratio": told / untold}


def print_effects(found: dict[str, Any], seed: int) -> None:
    """Print a table of one chain, and how far the worst effect lies from the truth."""
    print(f"simulator, seed {seed}: elasticity true, learnt, ratio; display true, learnt")
    display = found["display"]
    worst = worst_display = 0.0
    for name, pair in found["elasticity"].items():
        ratio, shown = pair["learnt"] / pair["true"], display["learnt"][name]
        worst = max(worst, abs(ratio - 1.0))
        worst_display = max(worst_display, abs(shown / display["true"] - 1.0))
        print(
            f"  {name:20} {pair['true']:5.2f} {pair['learnt']:6.3f} {ratio:6.3f}   {display['true']:.2f} {shown:6.3f}"
        )
    at_most(f"elasticity_missed_seed_{seed}", worst, MISSED_MAX)
    at_most(f"display_missed_seed_{seed}", worst_display, MISSED_MAX)


def print_ratio(name: str, found: dict[str, float]) -> None:
    """Print the errors in promotion periods, and the claim."""
    print(
        f"{name}: WAPE in promotion periods {found['with']:.4f} with plans, {found['without']:.4f} without"
    )
    at_most(f"promotion_ratio_{name}", found["ratio"], RATIO_MAX)
    sys.stdout.flush()


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds the sets' folders")
    parser.add_argument("--sets", default=",".join(SETS), help="names with commas between, or none")
    parser.add_argument("--origins", type=int, default=3, help="hold-outs a set, 0: effects alone")
    parser.add_argument("--days", type=int, default=DAYS, help="days of the simulated chain")
    parser.add_argument("--out", type=Path, help="JSON to write")
    given = parser.parse_args()
    given.names = () if given.sets == "none" or not given.origins else given.sets.split(",")
    unknown = [name for name in given.names if name not in SETS]
    if unknown:
        parser.error(f"no set with promotions is named {unknown[0]}; there are {', '.join(SETS)}")
    return given


def main() -> None:
    """Run as described at the head of this file."""
    given = arguments()
    folders = {name: data_folder(given.data, f"{name}/sales.parquet") for name in given.names}
    effects: dict[str, Any] = {}
    for seed in SEEDS:
        effects[str(seed)] = effects_of(simulated(seed, given.days))
        print_effects(effects[str(seed)], seed)
    ratios: dict[str, dict[str, float]] = {}
    if given.origins:
        ratios["simulator"] = simulated_ratio(simulated(SEEDS[0], given.days), given.origins)
        print_ratio("simulator", ratios["simulator"])
    for name, folder in folders.items():
        ratios[name] = shelf_ratio(name, folder, given.origins)
        print_ratio(name, ratios[name])
    if given.out:
        given.out.write_text(json.dumps({"effects": effects, "promotions": ratios}, indent=1))


if __name__ == "__main__":
    main()
