"""Leaves, or nodes of a level, that hand over to others: when, to which, and what share.

m rows (leaves, or nodes of a level), T periods, k links between rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.frames.frequency import Grid

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int64]

# Keys that follow from the product: a successor may have others than its predecessor. All other keys stay the same.
PRODUCT_KEYS = ("product", "department", "category")


@dataclass(frozen=True)
class Links:
    """Rows that hand over and their successors, in the order in which they do: all (k,).

    predecessor, successor: rows. share: of what the predecessor has by then, in (0, 1]. step: rising; the links of one
    step do not feed each other. first_day: datetime64[D], from which the successor sells. weight: of the predecessor
    in what the successor has before that day, in [0, 1].
    """

    predecessor: Codes
    successor: Codes
    share: Array
    step: Codes
    first_day: NDArray[np.datetime64]
    weight: Array

    def steps(self) -> Iterator[Codes]:
        """Yield the positions of the links of one step after the other."""
        for step in np.unique(self.step):
            yield np.flatnonzero(self.step == step)

    def of(self, which: Mask) -> "Links":
        """Keep some links. which: (k,)."""
        return Links(*(getattr(self, field.name)[which] for field in fields(self)))

    def followed_by(self, later: "Links") -> "Links":
        """Join with links of later steps."""
        return Links(
            *(
                np.concatenate([getattr(o, field.name) for o in (self, later)])
                for field in fields(self)
            )
        )

    def begun(self, cutoff: np.datetime64) -> "Links":
        """Return the links that begin on or before a day."""
        return self.of(self.first_day <= cutoff)

    def ahead(self, cutoff: np.datetime64) -> "Links":
        """Return the links that begin after a day."""
        return self.of(self.first_day > cutoff)


@dataclass(frozen=True)
class Successions:
    """Successions of a demand. table: COLUMNS of `succession_table`. links: between its leaves; weights are known."""

    table: pd.DataFrame
    links: Links


def link_rows(rows: pd.DataFrame, successions: pd.DataFrame) -> Links:
    """Find the links between rows: both products are there, and all keys but those of the product agree.

    rows: (m) a column per key. successions: predecessor, successor, first_day, share, step.
    """
    if "product" not in rows.columns or successions.empty:
        return no_links()
    others = [key for key in rows.columns if key not in PRODUCT_KEYS]
    keyed = rows[["product", *others]].astype(str).assign(row=np.arange(len(rows)))
    left = successions.reset_index(drop=True).merge(
        keyed.rename(columns={"row": "from_row"}), left_on="predecessor", right_on="product"
    )
    both = left.drop(columns="product").merge(
        keyed.rename(columns={"row": "to_row", "product": "successor"}), on=["successor", *others]
    )
    both = both.sort_values(["step", "from_row", "to_row"], kind="stable")
    return Links(
        both["from_row"].to_numpy(dtype=np.int64),
        both["to_row"].to_numpy(dtype=np.int64),
        both["share"].to_numpy(dtype=np.float64),
        both["step"].to_numpy(dtype=np.int64),
        both["first_day"].to_numpy(dtype="datetime64[D]"),
        np.zeros(len(both)),
    )


def no_links() -> Links:
    """Return no links at all."""
    none, number = np.zeros(0, dtype=np.int64), np.zeros(0)
    return Links(none, none, number, none, np.zeros(0, dtype="datetime64[D]"), number)


def share_since(links: Links, first: pd.DatetimeIndex, last: pd.DatetimeIndex) -> Array:
    """Compute the share of each period's days that the successor sells in, (k, T). first, last: days of T periods."""
    starts, ends = (days.to_numpy(dtype="datetime64[D]").astype(np.int64) for days in (first, last))
    begins = links.first_day.astype(np.int64)[:, None]
    days = np.maximum(ends - np.maximum(begins, starts) + 1, 0)
    return np.asarray(days / (ends - starts + 1))


def period_share(links: Links, days: pd.DatetimeIndex, grid: Grid | None) -> Array:
    """Compute `share_since` of dates on a grid (None: days)."""
    if grid is None:
        return share_since(links, days, days)
    return share_since(links, grid.first_days(days), grid.last_days(days))
