"""Reconciliation beside a published table: Australian tourism, quarterly, AutoETS in every node, 425 nodes.

The table is hierarchicalforecast's example "AustralianDomesticTourism" (RMSE over the last eight quarters, mean over
nodes). Here the base forecasts go through our hierarchy and our `reconcile`, without the sign that a retailer wants,
for the table has none. Its "Overall" is the mean over all nodes but those of state x purpose.
Data: `--data DIR`, else STOCKTIDE_TEST_DATA, else ../shared/data beside the checkout.
"""

import argparse
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._claims import at_most, data_folder
from forecasting import (
    Hierarchy,
    Method,
    ProphetModel,
    build_hierarchy,
    fit_series,
    predict,
    reconcile,
)

Array = NDArray[np.float64]

TEST_QUARTERS = 8
GOAL = 0.001
LEVELS = [
    ["Country"],
    ["Country", "State"],
    ["Country", "Purpose"],
    ["Country", "State", "Region"],
    ["Country", "State", "Purpose"],
    ["Country", "State", "Region", "Purpose"],
]
OVERALL = (0, 1, 2, 3, 5)
PUBLISHED = {
    "Base": (1743.29, 19.37, 41.12),
    "BottomUp": (3028.62, 19.37, 49.82),
    "MinT-shrink": (2112.73, 17.80, 40.47),
    "OLS": (1818.94, 18.19, 38.75),
}
METHODS: dict[str, Method] = {"BottomUp": "BU", "MinT-shrink": "MinT-shrink", "OLS": "OLS"}


@dataclass(frozen=True)
class Base:
    """Base forecasts: y_hat (n, h) and fitted (n, T), NaN where a model has no fitted value."""

    y_hat: Array
    fitted: Array


BaseModel = Callable[[Array, pd.DatetimeIndex, int], Base]


def read_tourism(folder: Path) -> tuple[Hierarchy, Array, pd.DatetimeIndex]:
    """Read the trips: the hierarchy, Y (425, 80) in thousands of overnight trips, and the quarters."""
    frame = pd.read_csv(folder / "tourism.csv", parse_dates=["Quarter"])
    frame["Country"] = "Australia"
    wide = frame.pivot_table(index=LEVELS[-1], columns="Quarter", values="Trips", aggfunc="sum")
    hierarchy = build_hierarchy(LEVELS, wide.index.to_frame(index=False))
    leaves = wide.to_numpy(dtype=np.float64)[hierarchy.leaf_rows]
    return hierarchy, hierarchy.sum_leaves(leaves), pd.DatetimeIndex(wide.columns)


def base_auto_ets(Y: Array, _quarters: pd.DatetimeIndex, horizon: int) -> Base:
    """Fit statsforecast's AutoETS to each row, as the published table does."""
    with warnings.catch_warnings():
        # Invalid escapes in its docstrings, on the first import.
        warnings.simplefilter("ignore")
        from statsforecast.models import AutoETS
    results = [
        AutoETS(season_length=4, model="ZZA").forecast(y=y, h=horizon, fitted=True) for y in Y
    ]
    return Base(
        np.stack([result["mean"] for result in results]),
        np.stack([result["fitted"] for result in results]),
    )


def base_prophet(Y: Array, quarters: pd.DatetimeIndex, horizon: int) -> Base:
    """Fit our Prophet to each row: four quarters need no more than two yearly waves."""
    model = ProphetModel(yearly_seasonality=2, changepoint_prior_scale=0.5)
    later = pd.date_range(quarters[-1], periods=horizon + 1, freq="QS")[1:]
    both = predict(model, fit_series(model, quarters, Y), pd.DatetimeIndex(quarters.append(later)))
    return Base(both[:, -horizon:], both[:, :-horizon])


# Further base models by the name of their row, each judged by the same table: they have no published row to equal.
FURTHER_BASES: dict[str, BaseModel] = {"Prophet": base_prophet}


def rmse(forecast: Array, actual: Array) -> Array:
    """Compute the root mean squared error of each node, (n,)."""
    of: Array = np.sqrt(((forecast - actual) ** 2).mean(axis=1))
    return of


def summary(hierarchy: Hierarchy, forecast: Array, actual: Array) -> tuple[float, float, float]:
    """Summarise the RMSE as the table does: total, bottom, overall."""
    of = rmse(forecast, actual)
    rows = np.concatenate([hierarchy.rows(level) for level in OVERALL])
    return float(of[0]), float(of[-hierarchy.n_leaves :].mean()), float(of[rows].mean())


def rows_of(hierarchy: Hierarchy, Y: Array, base: Base) -> dict[str, tuple[float, float, float]]:
    """Score the base forecasts and each reconciliation of them on the last quarters."""
    actual = Y[:, -TEST_QUARTERS:]
    residuals = Y[:, :-TEST_QUARTERS] - base.fitted
    found = {"Base": summary(hierarchy, base.y_hat, actual)}
    for name, method in METHODS.items():
        coherent = reconcile(method, hierarchy, base.y_hat, residuals=residuals, nonnegative=False)
        found[name] = summary(hierarchy, coherent, actual)
    return found


def worst_gap(found: dict[str, tuple[float, float, float]]) -> float:
    """Compute the largest relative difference from the published table, after rounding to its two decimals."""
    return max(
        abs(round(ours, 2) / theirs - 1)
        for name, published in PUBLISHED.items()
        for ours, theirs in zip(found[name], published, strict=True)
    )


def main() -> None:
    """Print the table and the claim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds tourism/tourism.csv")
    parser.add_argument("--quick", action="store_true", help="the same: it takes seconds")
    hierarchy, Y, quarters = read_tourism(
        data_folder(parser.parse_args().data, "tourism/tourism.csv") / "tourism"
    )
    train, known = Y[:, :-TEST_QUARTERS], quarters[:-TEST_QUARTERS]
    found = rows_of(hierarchy, Y, base_auto_ets(train, known, TEST_QUARTERS))
    print(f"{'AutoETS':24}{'total':>10}{'bottom':>10}{'overall':>10}   published")
    for name, ours in found.items():
        theirs = " / ".join(f"{value:.2f}" for value in PUBLISHED[name])
        print(f"{name:24}" + "".join(f"{value:10.2f}" for value in ours) + f"   {theirs}")
    for base_name, model in FURTHER_BASES.items():
        for name, ours in rows_of(hierarchy, Y, model(train, known, TEST_QUARTERS)).items():
            label = f"{base_name} {name}"
            print(f"{label:24}" + "".join(f"{value:10.2f}" for value in ours))
    gap = worst_gap(found)
    at_most("tourism_worst_gap", gap, GOAL)


if __name__ == "__main__":
    main()
