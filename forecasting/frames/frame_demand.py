"""Demand from a caller's frame, so that the whole method runs in a notebook, without lake or database."""

import numpy as np
import pandas as pd

from forecasting.frames.frames import Series
from forecasting.frames.longer_history import Longer, with_longer
from forecasting.nodes.demand import Demand
from forecasting.nodes.known_ahead import NOTHING, KnownAhead
from forecasting.nodes.succession_table import read_successions
from forecasting.nodes.unnamed import with_names
from forecasting.nodes.with_successions import with_successions
from stocktide.domain.rhythm import rhythm_of
from stocktide.foundation.errors import Invalid

# There is no lake behind it.
NO_LAKE_VERSION = -1
# Weeks, months and quarters of which fewer have a value in any series are a guess: yearly dates lie on all these grids.
FILLED_MIN = 0.5


def demand_of(
    series: Series,
    keys: pd.DataFrame,
    *,
    ahead: KnownAhead = NOTHING,
    successions: pd.DataFrame | None = None,
    longer: Longer | None = None,
) -> Demand:
    """Build demand of series that are leaves, in their own rhythm: days, weeks, months or quarters.

    keys: a row per series with a column unique_id and a column per key that the levels use, e.g. location, product. A
    period without a value is unknown, like an empty shelf. A series without a value for a key is pooled under a
    name, and `Demand.warnings` says so. A single date counts as a day unless `from_long` was told a frequency.
    successions: product, replaces, from (a day), share (without: 1); needs a key product. History moves to the products
    that replace others, where they have a series with the same other keys (y = 0 before they sell). longer: keys of an
    upper level -> its history (these keys, ds, y) before the leaves' first period.

    Raises Invalid: `frequency_unclear` (weeks, months or quarters most of which are missing in all series),
    `value_negative`, `column_missing`, `keys_missing` (a series without row), `keys_duplicate`, `demand_empty`,
    `product_unknown`, and those of `read_successions` and `with_longer`.
    """
    _refuse_gaps(series)
    negative = np.argwhere(series.Y < 0)
    if negative.size:
        row, column = negative[0]
        raise Invalid(
            "value_negative",
            f"Series {series.labels[row]!r} is {series.Y[row, column]} on {series.days[column].date()}; "
            "demand is never below 0: take returns out.",
        )
    known = np.isfinite(series.Y)
    units = np.where(known, series.Y, 0.0)
    if not units.any():
        raise Invalid("demand_empty", "Nothing was sold in any series at any time.")
    leaves = _leaves(series, keys)
    leaves, warnings = with_names(leaves, [str(name) for name in leaves if name != "unique_id"])
    demand = Demand(
        leaves=leaves,
        names={},
        days=series.days,
        units=units,
        empty=~known,
        started=np.argmax(units > 0, axis=1).astype(np.int64),
        lake_version=NO_LAKE_VERSION,
        grid=None if series.frequency == "D" else series.grid,
        ahead=ahead,
        warnings=warnings,
    )
    if successions is not None:
        demand = with_successions(demand, _table(successions, leaves))
    return demand if longer is None else with_longer(demand, longer)


def _table(successions: pd.DataFrame, leaves: pd.DataFrame) -> pd.DataFrame:
    """Check successions against the products that there are."""
    if "product" not in leaves.columns:
        raise Invalid("column_missing", "successions need a key 'product' of the leaves.")
    table = read_successions(successions)
    known = set(leaves["product"].astype(str))
    for product in (*table["predecessor"], *table["successor"]):
        if product not in known:
            raise Invalid("product_unknown", f"successions name {product!r}, which has no series.")
    return table


def _refuse_gaps(series: Series) -> None:
    known = np.isfinite(series.Y).any(axis=0)
    if series.frequency == "D" or known.mean() >= FILLED_MIN:
        return
    many = rhythm_of(series.frequency).many
    raise Invalid(
        "frequency_unclear",
        f"Only {known.sum()} of {known.size} {many} from {series.days[0].date()} to {series.days[-1].date()} have a "
        f"value in any series; give a row for {many} without sales (y = 0), or name another frequency in from_long.",
    )


def _leaves(series: Series, keys: pd.DataFrame) -> pd.DataFrame:
    if "unique_id" not in keys.columns:
        raise Invalid("column_missing", "keys has no column 'unique_id'.", column="unique_id")
    by_id = keys.assign(unique_id=keys["unique_id"].astype(str)).set_index("unique_id")
    if by_id.index.has_duplicates:
        twice = by_id.index[by_id.index.duplicated()][0]
        raise Invalid("keys_duplicate", f"keys has two rows for series {twice!r}.")
    absent = [label for label in series.labels if label not in by_id.index]
    if absent:
        raise Invalid("keys_missing", f"keys has no row for series {absent[0]!r}.")
    return by_id.loc[list(series.labels)].reset_index(drop=True)
