"""Customer value beside the published figures for CDNOW, and how long a million customers take.

BG/NBD: Fader, Hardie, Lee (2005), 2,357 customers over 39 weeks. Gamma-Gamma: Fader, Hardie (2013), the 946 of them who
bought again. A claim's value is the largest difference from a published figure, in units of its last printed digit:
half of one is what rounding does. Data: `--data DIR`, else STOCKTIDE_TEST_DATA, else ../shared/data
beside the checkout.
"""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd

from benchmarks._claims import at_most, data_folder, figure
from forecasting.customers import ValueFit, customer_summary, fit_value, predict_value

NEEDED = "cdnow/sample.parquet"
CALIBRATION_END, WEEKS_AHEAD = "1997-09-30", 39.0
# Name: value, and one unit of the last digit that is printed.
BG_NBD = {
    "r": (0.243, 1e-3),
    "alpha": (4.414, 1e-3),
    "a": (0.793, 1e-3),
    "b": (2.426, 1e-3),
    "log_likelihood": (-9582.4, 0.1),
}
GAMMA_GAMMA = {"p": (6.25, 0.01), "q": (3.74, 0.01), "gamma": (15.44, 0.01)}
ROUNDED = 0.5
SCORED, SCORED_S_MAX = 1_000_000, 10.0


def main() -> None:
    """Fit, compare and print the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with cdnow/sample.parquet")
    folder = data_folder(parser.parse_args().data, NEEDED)
    names = {"customer": "unique_id", "date": "ds", "amount": "value"}
    purchases = pd.read_parquet(folder / NEEDED).rename(columns=names)
    end = pd.Timestamp(CALIBRATION_END)
    summary = customer_summary(purchases, end=end)
    started = time.perf_counter()
    fit = fit_value(summary)
    assert fit.purchases is not None
    assert fit.spend is not None
    figure("fit_s", time.perf_counter() - started)
    at_most("bgnbd_parameters", _digits_off(fit.purchases, BG_NBD), ROUNDED)
    at_most("gamma_gamma_parameters", _digits_off(fit.spend, GAMMA_GAMMA), ROUNDED)
    _compare_with_what_came(purchases, summary, fit, end)
    many = pd.concat([summary] * -(-SCORED // len(summary)), ignore_index=True)[:SCORED]
    started = time.perf_counter()
    predict_value(many, fit, t=WEEKS_AHEAD, rng=np.random.default_rng(1), draws=0)
    at_most("million_customers_s", time.perf_counter() - started, SCORED_S_MAX)


def _digits_off(fit: object, published: Mapping[str, tuple[float, float]]) -> float:
    """Return the largest difference from what is published, in units of the last digit."""
    off = []
    for name, (value, digit) in published.items():
        ours = getattr(fit, name)
        print(f"{name:>16}: {ours:.6g}, published {value:g}")
        off.append(abs(ours - value) / digit)
    return float(max(off))


def _compare_with_what_came(
    purchases: pd.DataFrame, summary: pd.DataFrame, fit: ValueFit, end: pd.Timestamp
) -> None:
    """Print how well the weeks after the calibration were predicted."""
    later = purchases[purchases["ds"] > end]
    spent = later.groupby("unique_id")["value"].sum()
    days = later.drop_duplicates(["unique_id", "ds"]).groupby("unique_id").size()
    ids = summary["unique_id"]
    came, bought = (series.reindex(ids, fill_value=0).to_numpy() for series in (spent, days))
    told = predict_value(summary, fit, t=WEEKS_AHEAD, rng=np.random.default_rng(1))
    inside = (came >= told["low"]) & (came <= told["high"])
    figure("purchases_predicted_to_actual", told["purchases"].sum() / bought.sum())
    figure("value_predicted_to_actual", told["value"].sum() / came.sum())
    figure("interval_80_coverage", float(inside.mean()))


if __name__ == "__main__":
    main()
