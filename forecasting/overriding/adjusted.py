"""The published forecast with the overrides in force: read, and computed; nothing of it is written here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray
from scipy import sparse

from forecasting.intervals.probabilities import QUANTILES
from forecasting.nodes.plan_leaves import SCOPE, match_plans
from forecasting.overriding.carried import adjusted_quantiles
from forecasting.overriding.membership import frame_of_keys, leaf_keys, summing_matrix
from forecasting.overriding.spread import Override, Spread, spread
from stocktide.foundation.database import statement

Array = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Adjusted:
    """n nodes, the last m of them leaves, h periods, K overrides.

    cutoff: the last day that the forecast knew. ends: (h,) last days of the periods. nodes: (n rows) level, parent_id
    and keys. leaves: (m rows) keys, columns SCOPE. published: (n, h) means. overrides: (K rows) as they stand in the
    table. reach: (K,) the leaves of each. days: (K,) how many days of each period it is for, (h,). spread: what they do
    to the leaves.
    """

    forecast_run_id: int
    cutoff: date
    ends: pd.DatetimeIndex
    nodes: pd.DataFrame
    leaves: pd.DataFrame
    published: Array
    overrides: pd.DataFrame
    reach: tuple[Index, ...]
    days: tuple[Array, ...]
    spread: Spread

    @property
    def leaf_means(self) -> Array:
        """Return the published means of the leaves, (m, h)."""
        return self.published[-len(self.leaves) :]

    @cached_property
    def summing(self) -> sparse.csr_matrix:
        """Return which leaves each node sums, (n, m)."""
        return summing_matrix(self.nodes, self.leaves)

    @cached_property
    def mean(self) -> Array:
        """Return the means of all nodes with the overrides, (n, h); what no override touches is as published."""
        moved = self.spread.mean - self.leaf_means
        mean = np.maximum(self.published + self.summing @ moved, 0.0)
        mean[-len(self.leaves) :] = self.spread.mean
        return np.asarray(mean)

    @cached_property
    def let_through(self) -> Array:
        """Return how much of a move of each leaf's published mean the overrides let through, (m, h).

        All of it where units are added, none where they are set; a change by percent changes the move alike.
        """
        share = np.ones_like(self.leaf_means)
        period_days = np.asarray(
            (self.ends - first_days(self.ends, self.cutoff)).days + 1, dtype=np.float64
        )
        told = self.overrides[["change", "value"]].itertuples(index=False)
        for (change, value), leaves, days in zip(told, self.reach, self.days, strict=True):
            if change != "add":
                part = days / period_days
                share[leaves] *= 1 + part * (value / 100.0 if change == "percent" else -1.0)
        return share

    def moved(self, rows: Index, factor: Array) -> tuple[Array, Array]:
        """Return the means of some leaves, (k, h) each: published times a factor (k,), and with the overrides of that.

        What was set stays what was set, and what was added is added.
        """
        published, mean = self.leaf_means[rows], self.spread.mean[rows]
        base = published * factor[:, None]
        share = self.let_through[rows]
        touched = (published != mean) | (share != 1.0)
        moved = np.maximum(mean + share * (base - published), 0.0)
        return base, np.asarray(np.where(touched, moved, base))

    @cached_property
    def by_leaf(self) -> Mapping[int, list[dict[str, Any]]]:
        """Return by leaf the overrides that reach it and some period of the forecast, as rows of the table."""
        found: dict[int, list[dict[str, Any]]] = {}
        told = self.overrides.to_dict("records")
        for one, leaves, days in zip(told, self.reach, self.days, strict=True):
            row = {str(name): value for name, value in one.items()}
            for leaf in leaves.tolist() if days.any() else ():
                found.setdefault(leaf, []).append(row)
        return found


def read_adjusted(connection: sa.Connection, *, today: date) -> Adjusted | None:
    """Read the published forecast and apply the overrides that count today; None if there are none, or no forecast."""
    head = connection.execute(statement("forecasting/published_head")).mappings().first()
    overrides = _frame(connection, "forecasting/overrides_in_force", today=today)
    if head is None or overrides.empty:
        return None
    run = {"forecast_run_id": head["forecast_run_id"]}
    found = connection.execute(statement("forecasting/override_periods"), run).scalars().all()
    ends = pd.DatetimeIndex(pd.to_datetime(list(found)))
    firsts = first_days(ends, head["cutoff"])
    nodes, leaves = read_leaves(connection, head["forecast_run_id"])
    means = connection.execute(statement("forecasting/override_means"), run).scalars().all()
    n_leaves = len(leaves)
    published = np.array(means, dtype=np.float64)
    asked = asked_of(overrides, leaves, firsts, ends)
    period_days = np.asarray((ends - firsts).days + 1, dtype=np.float64)
    made = spread(published[-n_leaves:], asked, period_days=period_days)
    return Adjusted(
        forecast_run_id=head["forecast_run_id"],
        cutoff=head["cutoff"],
        ends=ends,
        nodes=nodes,
        leaves=leaves,
        published=published,
        overrides=overrides,
        reach=tuple(one.leaves for one in asked),
        days=tuple(one.days for one in asked),
        spread=made,
    )


def read_leaves(
    connection: sa.Connection, forecast_run_id: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the nodes of a run, (n rows) level, parent_id and keys, and the keys of its leaves, (m rows)."""
    nodes = _frame(connection, "forecasting/override_nodes", forecast_run_id=forecast_run_id)
    nodes = pd.concat([nodes[["level", "parent_id"]], frame_of_keys(nodes["keys"])], axis=1)
    leaves = leaf_keys(
        nodes,
        _frame(connection, "forecasting/product_keys"),
        _frame(connection, "forecasting/location_keys"),
        int((nodes["level"] == nodes["level"].max()).sum()),
    )
    return nodes, leaves


def first_days(ends: pd.DatetimeIndex, cutoff: date) -> pd.DatetimeIndex:
    """Return the first day of each period, (h,)."""
    before = pd.DatetimeIndex([pd.Timestamp(cutoff), *ends[:-1]])
    return before + pd.Timedelta(days=1)


def asked_of(
    overrides: pd.DataFrame,
    leaves: pd.DataFrame,
    firsts: pd.DatetimeIndex,
    ends: pd.DatetimeIndex,
) -> list[Override]:
    """Turn rows of the table into what they ask of leaves and periods; of none where they fit nothing."""
    plan, leaf = match_plans(overrides, leaves)
    bounds = np.searchsorted(plan, np.arange(len(overrides) + 1))
    asked = []
    for number, one in enumerate(overrides.to_dict("records")):
        first, last = pd.Timestamp(one["starts_on"]), pd.Timestamp(one["ends_on"])
        overlap = (ends.where(ends < last, last) - firsts.where(firsts > first, first)).days + 1
        rows = leaf[bounds[number] : bounds[number + 1]]
        days = np.maximum(np.asarray(overlap, dtype=np.float64), 0.0)
        asked.append(Override(rows, days, one["change"], one["value"], (last - first).days + 1))
    return asked


def node_quantiles(
    connection: sa.Connection, adjusted: Adjusted, rows: Index
) -> tuple[Array, Array]:
    """Return quantiles of some nodes as published, and with the overrides: (k, h, q) each."""
    bound = {"forecast_run_id": adjusted.forecast_run_id, "nodes": rows.tolist()}
    found = connection.execute(statement("forecasting/override_quantiles"), bound).all()
    quantiles = np.array(found, dtype=np.float64).reshape(rows.size, -1, len(QUANTILES))
    moved = adjusted_quantiles(adjusted.published[rows], quantiles, adjusted.mean[rows], QUANTILES)
    return quantiles, moved


def node_of(adjusted: Adjusted, scope: Mapping[str, Any]) -> int | None:
    """Return the node that a scope names, None where the hierarchy has none with these keys."""
    fits = np.ones(len(adjusted.nodes), dtype=np.bool_)
    for key in SCOPE:
        told = scope.get(key)
        of = adjusted.nodes[key]
        fits &= np.asarray(of.isna() if told is None else of == told)
    found = np.flatnonzero(fits)
    return int(found[0]) if found.size else None


def _frame(connection: sa.Connection, name: str, **bound: object) -> pd.DataFrame:
    result = connection.execute(statement(name), bound)
    return pd.DataFrame(result.all(), columns=list(result.keys()))
