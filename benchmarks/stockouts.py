"""Sales are not demand: forecasts that know which shelves were empty beside ones that do not, against true demand.

The sample chain's simulator knows what customers wanted and did not get. From twelve origins, 28 days ahead, the chain
is forecast by `make_forecast` twice: aware (days on which the shelf was empty for a time are marked: without a sale
they say nothing, with one at least so much was wanted) and naive (sales are taken for demand). Both are compared with
the true demand on the days on which the shelf ran out, and on all days.
"""

import argparse
import sys
from datetime import date
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._claims import at_most
from data import simulate
from data.truth import Truth
from forecasting import Demand, ForecastSpec, build_hierarchy, make_forecast

Array = NDArray[np.float64]

HORIZON = 28
END = date(2026, 1, 5)
LEVELS: tuple[tuple[str, ...], ...] = ((), ("location",), ("product",), ("location", "product"))
# What empty shelves hide is asked of one method, without a choice among several.
SPEC = ForecastSpec(levels=LEVELS, horizon_days=HORIZON, candidates=("mixture",))
NO_LAKE_VERSION = -1


def shelf_empty(truth: Truth) -> NDArray[np.bool_]:
    """Return True on days on which the books show an empty shelf, at close or since the close before. (N, D)."""
    closed = truth.book <= 0
    before = np.concatenate(
        [np.zeros((closed.shape[0], 1), dtype=np.bool_), closed[:, :-1]], axis=1
    )
    still = before & (truth.received <= 0)
    return np.asarray(closed | still)


def leaves_of(truth: Truth) -> pd.DataFrame:
    """Return product and location of each pair, (N,) rows in the order of its arrays."""
    shops = [shop.code for shop in truth.chain.shops]
    products = [product.sku for product in truth.chain.products]
    return pd.DataFrame(
        {"product": np.repeat(products, len(shops)), "location": np.tile(shops, len(products))}
    )


def forecasts(
    leaves: pd.DataFrame, sold: Array, empty: NDArray[np.bool_], days: pd.DatetimeIndex
) -> dict[str, Array]:
    """Forecast the horizon from sold (N, T) with empty shelves marked and without, (N, 28) each."""
    hierarchy = build_hierarchy([list(keys) for keys in LEVELS], leaves)
    made = {}
    for kind, marked in (("aware", empty), ("naive", np.zeros_like(empty))):
        demand = Demand(
            leaves=leaves,
            names={},
            days=days,
            units=sold,
            empty=marked,
            started=np.argmax(sold > 0, axis=1).astype(np.int64),
            lake_version=NO_LAKE_VERSION,
        )
        made[kind] = np.empty((len(leaves), HORIZON))
        made[kind][hierarchy.leaf_rows] = make_forecast(demand, hierarchy, SPEC).mean[
            -len(leaves) :
        ]
    return made


def compare(days: int, origins: int, seed: int = 7) -> pd.DataFrame:
    """Score each way: mean absolute error and bias in units a day, on days that ran out and on all open days."""
    truth = simulate(seed=seed, days=days, end=END).truth
    sold, demand = truth.sold / 1000.0, truth.demand / 1000.0
    empty = shelf_empty(truth)
    leaves = leaves_of(truth)
    dates = pd.DatetimeIndex(truth.days.astype("datetime64[ns]"))
    errors: dict[tuple[str, str], list[Array]] = {}
    for back in range(origins, 0, -1):
        T = days - back * HORIZON
        ahead = slice(T, T + HORIZON)
        open_days = truth.sold_on[:, ahead] & truth.is_open[:, ahead]
        short = open_days & (truth.lost[:, ahead] > 0)
        for kind, yhat in forecasts(leaves, sold[:, :T], empty[:, :T], dates[:T]).items():
            for name, rows in (("ran out", short), ("all days", open_days)):
                errors.setdefault((name, kind), []).append((yhat - demand[:, ahead])[rows])
    rows_out = []
    for (name, kind), parts in errors.items():
        error = np.concatenate(parts)
        rows_out.append(
            {
                "days": name,
                "forecast": kind,
                "mae": np.abs(error).mean(),
                "bias": error.mean(),
                "n": error.size,
            }
        )
    return pd.DataFrame(rows_out)


def main() -> None:
    """Print both errors and the claim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one year, three origins")
    quick = parser.parse_args().quick
    table = compare(400, 3) if quick else compare(730, 12)
    print(table.round(3).to_string(index=False))
    mae = table[table["days"] == "ran out"].set_index("forecast")["mae"]
    at_most("stockout_aware_vs_naive", float(mae["aware"] / mae["naive"]), 1.0)


if __name__ == "__main__":
    main()
