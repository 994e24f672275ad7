"""What a run says of the periods before it, in the lake beside its paths: what was sold, and what was to be expected.

`LAKE/past/run=7.parquet`: a row per leaf, in the order of locations and then of the paths' leaves: the leaf's keys,
`sold`, `empty` and `expected` as lists over the same periods, whose dates are in the metadata. A file is renamed into
place when it is whole.
"""

import json
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import fs

from forecasting.forecast_result import Past
from forecasting.lake_folder import open_folder
from stocktide.foundation.lake import Lake

FOLDER, ENDING = "past", ".parquet"
METADATA = b"stocktide.past"
# Rows that are read together: a location's leaves lie side by side, so that few groups hold one.
ROWS_A_GROUP = 1_000


def write_past(lake: Lake, run: int, leaves: pd.DataFrame, past: Past) -> None:
    """Store what a run says of the past, replacing what was stored before. leaves: (m,) rows of keys."""
    by_place = leaves.sort_values("location", kind="stable") if "location" in leaves else leaves
    rows = by_place.index.to_numpy()
    columns: dict[str, Any] = {
        str(key): pa.array(by_place[key].astype(str).to_numpy()) for key in by_place
    }
    columns["sold"] = _lists(past.sold[rows].astype(np.float32))
    columns["empty"] = _lists(past.empty[rows])
    columns["expected"] = _lists(past.expected[rows].astype(np.float32))
    note = json.dumps([day.isoformat() for day in past.days])
    table = pa.table(columns).replace_schema_metadata({METADATA: note})
    store, root = open_folder(lake, FOLDER)
    store.create_dir(root)
    with store.open_output_stream(f"{root}/run={run}.part") as out:
        pq.write_table(table, out, compression="zstd", row_group_size=ROWS_A_GROUP)
    store.move(f"{root}/run={run}.part", f"{root}/run={run}{ENDING}")


def read_past(lake: Lake, run: int, *, location: str | None) -> tuple[pd.DataFrame, Past] | None:
    """Read the leaves of one location (None: of a chain without locations), keys in rows, and their past.

    None where the run kept nothing: it is of an earlier release.
    """
    store, root = open_folder(lake, FOLDER)
    path = f"{root}/run={run}{ENDING}"
    if store.get_file_info(path).type != fs.FileType.File:
        return None
    where = None if location is None else [("location", "=", location)]
    table = pq.read_table(path, filesystem=store, filters=where)
    days = pd.DatetimeIndex(json.loads(table.schema.metadata[METADATA]))
    sold, empty, expected = (
        _array(table.column(name), days.size) for name in ("sold", "empty", "expected")
    )
    keys = table.drop_columns(["sold", "empty", "expected"]).to_pandas()
    return keys, Past(days, sold, empty.astype(np.bool_), expected)


def prune_past(lake: Lake, keep: Collection[int]) -> None:
    """Remove what all runs but those in `keep` say of the past, half-written files too."""
    store, root = open_folder(lake, FOLDER)
    kept = {f"run={run}{ENDING}" for run in keep}
    for info in store.get_file_info(fs.FileSelector(root, allow_not_found=True)):
        if info.base_name not in kept:
            store.delete_file(info.path)


def _lists(values: NDArray[Any]) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), max(values.shape[1], 1))


def _array(column: pa.ChunkedArray, periods: int) -> NDArray[np.float64]:
    values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(values, dtype=np.float64).reshape(len(column), periods)
