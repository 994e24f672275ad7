"""Successions of products as a table: checked, whole shares made whole, and put into the order in which they apply."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from stocktide.foundation.errors import Invalid
from stocktide.foundation.successions import (
    WHOLE_SHARE,
    Succession,
    check_successions,
    depths,
    shares_by_day,
)

COLUMNS = ("predecessor", "successor", "first_day", "share", "step")


def succession_table(rows: Sequence[Succession]) -> pd.DataFrame:
    """Sort successions: COLUMNS, a row each. They apply by day, and on one day along their chain.

    Raises Invalid as `check_successions` does.
    """
    check_successions(rows)
    depth, whole = depths(rows), shares_by_day(rows)
    table = pd.DataFrame(
        [
            (
                one.predecessor,
                one.successor,
                pd.Timestamp(one.first_day),
                one.share if total < WHOLE_SHARE else one.share / total,
                depth[one.predecessor],
            )
            for one in rows
            for total in (whole[one.predecessor, one.first_day],)
        ],
        columns=[*COLUMNS],
    )
    order = table.groupby(["first_day", "step"], sort=True).ngroup()
    table = table.assign(step=order.astype("int64"))
    return table.sort_values(["step", "predecessor", "successor"], ignore_index=True)


def read_successions(frame: pd.DataFrame) -> pd.DataFrame:
    """Read a caller's frame: product, replaces (the product before), from (a day), and share (without: 1).

    Raises Invalid: `column_missing`, `ds_invalid`, `succession_twice`, and those of `check_successions`.
    """
    for name in ("product", "replaces", "from"):
        if name not in frame.columns:
            raise Invalid("column_missing", f"successions has no column {name!r}.", column=name)
    days = pd.to_datetime(frame["from"], errors="coerce")
    if days.isna().any():
        row = int(days.isna().to_numpy().argmax())
        raise Invalid(
            "ds_invalid", f"successions, row {row}: from is not a day: {frame['from'].iloc[row]!r}."
        )
    share = frame["share"].fillna(1.0) if "share" in frame.columns else pd.Series(1.0, frame.index)
    pairs = frame[["product", "replaces"]].astype(str)
    if pairs.duplicated().any():
        product, before = pairs[pairs.duplicated()].iloc[0]
        raise Invalid("succession_twice", f"{product!r} names {before!r} twice.")
    return succession_table(
        [
            Succession(before, product, day.date(), float(part))
            for before, product, day, part in zip(
                pairs["replaces"], pairs["product"], days, share, strict=True
            )
        ]
    )


def product_lines(successions: pd.DataFrame) -> dict[str, int]:
    """Return the line's number of each product that replaces another or is replaced: one line, one number."""
    ends = successions[["predecessor", "successor"]].to_numpy(dtype=object)
    code, products = pd.factorize(ends.ravel())
    before, after = code.reshape(-1, 2).T
    links = sparse.coo_array(
        (np.ones(before.size), (before, after)), (products.size, products.size)
    )
    _, line = connected_components(links, directed=False)
    return dict(zip(products.tolist(), line.tolist(), strict=True))
