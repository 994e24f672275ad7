"""The result of an assumption: every node as published and as assumed, and what differs in a sentence."""

from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.frames.frequency import Frequency
from forecasting.structure.hierarchy import Hierarchy
from stocktide.domain.rhythm import rhythm_of

Array = NDArray[np.float64]

# Below a thousandth of a unit over all periods a difference is rounding.
DIFFERENCE_MIN = 1e-3
# From here on decimals are not shown.
WHOLE_FROM = 100.0


@dataclass(frozen=True)
class Assumed:
    """A forecast as published and as assumed.

    published, mean: (n, h) units a period. quantiles: (n, h, q) as assumed, moved with the means; NaN where a node that
    opens has no forecast to go by. days: (h,) last days of the periods. warnings: what the assumptions do not change,
    and why, for people. version, cutoff: of the forecast that was published; None in a notebook.
    """

    hierarchy: Hierarchy
    days: pd.DatetimeIndex
    frequency: Frequency
    published: Array
    mean: Array
    quantiles: Array
    warnings: tuple[str, ...] = ()
    version: int | None = None
    cutoff: date | None = None

    def warned(self, *warnings: str) -> "Assumed":
        """Return a copy with more warnings, which come first."""
        return replace(self, warnings=(*warnings, *self.warnings))

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Return which nodes have another forecast in some period, (n,)."""
        return np.asarray((np.abs(self.mean - self.published) > DIFFERENCE_MIN).any(axis=1))

    @property
    def difference(self) -> float:
        """Return the difference in units over all periods; below 0 is less."""
        m = self.hierarchy.n_leaves
        return float((self.mean - self.published)[-m:].sum())

    @property
    def total(self) -> str:
        """Return a sentence: "+312 units over 28 days: 4,100 as published, 4,412 as assumed (+7.6 %)."."""
        periods = rhythm_of(self.frequency).counted(self.days.size)
        if not self.changed.any():
            return f"No change over {periods}."
        m = self.hierarchy.n_leaves
        was, now = float(self.published[-m:].sum()), float(self.mean[-m:].sum())
        share = f" ({(now - was) / was:+.1%})".replace("%", " %") if was > 0 else ""
        more = f"{_units(now - was, sign=True)} units over {periods}"
        return f"{more}: {_units(was)} as published, {_units(now)} as assumed{share}."

    def table(self, *, changed: bool = False) -> pd.DataFrame:
        """Return a row per node and period: level_name, unique_id, ds, published, assumed, difference.

        changed: only nodes with another forecast in some period.
        """
        rows = np.flatnonzero(self.changed) if changed else np.arange(len(self.mean))
        nodes = self.hierarchy.nodes.iloc[np.repeat(rows, self.days.size)]
        table = nodes[["level_name", "unique_id"]].reset_index(drop=True)
        was, now = self.published[rows].ravel(), self.mean[rows].ravel()
        ds = pd.DatetimeIndex(np.tile(self.days.to_numpy(), rows.size))
        return table.assign(ds=ds, published=was, assumed=now, difference=now - was)

    def by_node(self) -> pd.DataFrame:
        """Sum the nodes that change over the periods: level_name, unique_id, published, assumed, difference."""
        rows = np.flatnonzero(self.changed)
        nodes = self.hierarchy.nodes.iloc[rows][["level_name", "unique_id"]].reset_index(drop=True)
        was, now = self.published[rows].sum(axis=1), self.mean[rows].sum(axis=1)
        return nodes.assign(published=was, assumed=now, difference=now - was)


def scaled_quantiles(published: Array, quantiles: Array, mean: Array) -> Array:
    """Move quantiles (n, h, q) with the means, published and assumed (n, h): by the same factor.

    Where nothing was forecast, a node's quantiles are those of its other periods against their means; NaN without any.
    """
    total = published.sum(axis=1)[:, None]
    blank = np.full((quantiles.shape[0], quantiles.shape[2]), np.nan)
    usual = np.divide(quantiles.sum(axis=1), total, out=blank, where=total > 0)
    there = (published > 0)[:, :, None]
    factor = np.divide(mean, published, out=np.ones_like(mean), where=published > 0)
    opened = np.where(mean[:, :, None] > 0, usual[:, None, :] * mean[:, :, None], quantiles)
    return np.asarray(np.where(there, quantiles * factor[:, :, None], opened))


def _units(value: float, *, sign: bool = False) -> str:
    decimals = 0 if abs(value) >= WHOLE_FROM else 1
    return f"{value:{'+' if sign else ''},.{decimals}f}"
