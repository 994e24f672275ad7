"""One Parquet file of joint sample paths: all leaves of a location over some consecutive periods.

A row per leaf and period, in this order: the leaf's keys, `day`, `per_unit`, and a column per path (`p000` …) of whole
numbers of 32 bits, or of 64 in a file that needs them; units = number / per_unit. In SQL: `sum(p000 / per_unit)` over
any rows is path 0 of that sum.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from forecasting.intervals.joint_draw import Paths, Single
from stocktide.foundation.errors import Invalid, NotFound

METADATA = b"stocktide.paths"
# Numbers held before files are written, 4 bytes each: it bounds the memory, and keeps files of a small chain few.
NUMBERS_HELD = 64_000_000
# Thousandths, as everywhere; leaves of whole units, and those beyond what 32 bits hold, are kept in units.
PER_UNIT, UNITS_MAX = 1_000, 2_000_000
INT32_MAX = 2**31 - 1


def path_columns(count: int) -> list[str]:
    """Return the names of the columns of so many paths."""
    return [f"p{number:03d}" for number in range(count)]


def blocks_of(drawn: Iterable[Single], leaves: int, horizon: int) -> Iterator[Single]:
    """Yield periods (m, B) stacked, as many of the horizon as may be held: (B, m, periods)."""
    periods = iter(drawn)
    for first in periods:
        fit = min(max(NUMBERS_HELD // first.size, 1), horizon)
        together = np.empty((first.shape[1], leaves, fit), dtype=np.float32)
        together[:, :, 0], got = first.T, 1
        for got, period in enumerate(islice(periods, fit - 1), 2):
            together[:, :, got - 1] = period.T
        yield together[:, :, :got]


def table_of(
    leaves: pd.DataFrame, days: pd.DatetimeIndex, units: Single, whole: NDArray[np.bool_], note: str
) -> pa.Table:
    """Build the rows of one file. units: (B, k, periods)."""
    B, k, periods = units.shape
    large = units.max(axis=(0, 2), initial=0) > UNITS_MAX
    per_unit = np.where(whole | large, 1, PER_UNIT).astype(np.int32)
    columns: dict[str, Any] = {
        str(key): pa.array(
            np.repeat(leaves[key].astype(str).to_numpy(), periods)
        ).dictionary_encode()
        for key in leaves
    }
    columns["day"] = pa.array(np.tile(days.to_numpy().astype("datetime64[D]"), k))
    columns["per_unit"] = pa.array(np.repeat(per_unit, periods))
    integer = np.int64 if units.max(initial=0) > INT32_MAX else np.int32
    for name, path in zip(path_columns(B), units, strict=True):
        scaled = np.rint(path.astype(np.float64) * per_unit[:, None])
        columns[name] = pa.array(scaled.astype(integer).ravel())
    return pa.table(columns).replace_schema_metadata({METADATA: note})


def write_file(store: Any, path: str, table: pa.Table) -> int:
    """Write a file. Returns its size in bytes."""
    store.create_dir(path.rpartition("/")[0], recursive=True)
    with store.open_output_stream(path) as out:
        # few different numbers a column: a dictionary of them is small and fast, and zstd makes it smaller
        pq.write_table(table, out, compression="zstd", row_group_size=len(table))
    return int(store.get_file_info(path).size)


def read_file(
    store: Any,
    path: str,
    size: int,
    periods: int,
    named: Sequence[str],
    products: Collection[str] | None,
) -> Paths:
    """Read one file, (B, k, periods)."""
    if store.get_file_info(path).size != size:
        raise NotFound("paths_missing", f"{path} is not the file that was written; forecast again.")
    with store.open_input_file(path) as source:
        file = pq.ParquetFile(source)
        names = file.schema_arrow.names
        rows = file.read(columns=names[: names.index("per_unit") + 1]).to_pandas()
        table = file.read(columns=list(named))
    first = rows.iloc[::periods].reset_index(drop=True)
    chosen = np.ones(len(first), dtype=np.bool_)
    if products is not None:
        if "product" not in first:
            raise Invalid("paths_products", "These paths are not of products; read them all.")
        chosen = first["product"].isin(list(products)).to_numpy()
    values = np.empty((len(named), int(chosen.sum()), periods), dtype=np.float32)
    per_unit = first["per_unit"].to_numpy(dtype=np.float32)[chosen, None]
    for number, name in enumerate(named):
        column = table.column(name).to_numpy().reshape(-1, periods)
        taken = column if products is None else column[chosen]
        np.divide(taken.astype(np.float32), per_unit, out=values[number])
    leaves = first.loc[chosen].drop(columns=["day", "per_unit"]).astype(str).reset_index(drop=True)
    return Paths(leaves, pd.DatetimeIndex(rows["day"].iloc[:periods]), values)
