"""Files of the lake's tables at one version, opened for a statement to read."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from query.jail.orders import Handed
from stocktide.foundation.database_names import ETL_TRANSACTION
from stocktide.foundation.lake import Lake, LakeTable

# Columns that are handed out, by name: who bought is not among them.
COLUMNS: Mapping[LakeTable, pa.Schema] = {
    "movements": pa.schema(
        {
            "entry_id": pa.int64(), "source": pa.string(), "event_id": pa.string(), "leg": pa.int16(),
            "kind": pa.string(), "product_id": pa.int32(), "location_id": pa.int32(), "quantity_milli": pa.int64(),
            "observed_milli": pa.int64(), "price_micros": pa.int64(), "line_total_micros": pa.int64(),
            "currency": pa.string(), "promotion": pa.bool_(), "order_id": pa.string(), "order_line": pa.int32(),
            "channel": pa.string(), "reason": pa.string(), "counterparty": pa.string(), "corrects": pa.int64(),
            "occurred_at": pa.timestamp("us", "UTC"), "recorded_at": pa.timestamp("us", "UTC"), "day": pa.date32(),
        }
    ),
    "daily_demand": pa.schema(
        {
            "product_id": pa.int32(), "location_id": pa.int32(), "day": pa.date32(), "sold_milli": pa.int64(),
            "returned_milli": pa.int64(), "revenue_micros": pa.int64(), "currency": pa.string(),
            "other_revenue": pa.string(), "orders": pa.int32(), "price_micros": pa.int64(),
            "received_milli": pa.int64(), "adjusted_milli": pa.int64(), "promotion": pa.bool_(),
            "on_hand_milli": pa.int64(), "in_stock_share": pa.float64(), "censored": pa.bool_(),
        }
    ),
}  # fmt: skip


@dataclass(frozen=True)
class LakeVersion:
    """A table of the lake at one version; without one it was never written. watermark: all before it has landed."""

    name: LakeTable
    table: DeltaTable | None

    @property
    def version(self) -> int:
        """Return its number, -1 if there is none."""
        return -1 if self.table is None else int(self.table.version())

    @property
    def watermark(self) -> int:
        """Return the transaction before which the table has everything, 0 if there is none."""
        noted = None if self.table is None else self.table.transaction_version(ETL_TRANSACTION)
        return 0 if noted is None else int(noted)

    @contextmanager
    def opened(self, name: str) -> Iterator[Handed]:
        """Open its files, to be handed over as the input `name`; closed at the end.

        Raises FileNotFoundError if a file was cleaned away meanwhile, as it may be with a version that is not the
        newest.
        """
        descriptors: list[int] = []
        with ExitStack() as stack:
            for path in [] if self.table is None else file_paths(self.table):
                descriptors.append(_opened(self.table, path))
                stack.callback(os.close, descriptors[-1])
            yield Handed(name, "parquet", COLUMNS[self.name], descriptors)


def newest(lake: Lake, name: LakeTable) -> LakeVersion:
    """Return the newest version of a table."""
    return LakeVersion(name, DeltaTable(lake.path(name)) if lake.exists(name) else None)


def file_paths(table: DeltaTable) -> list[str]:
    """List the files of a version."""
    return list(pa.table(table.get_add_actions(flatten=True)).column("path").to_pylist())


def _opened(table: DeltaTable | None, path: str) -> int:
    """Open one file of a table; of an object store's, a copy that has no name."""
    assert table is not None  # noqa: S101 - files of a table that is there
    root = table.table_uri
    if "://" not in root or root.startswith("file://"):
        return os.open(Path(unquote(root.removeprefix("file://"))) / unquote(path), os.O_RDONLY)
    # it loads pandas and more, and most lakes are folders
    import pyarrow.fs as pa_fs
    from deltalake.fs import DeltaStorageHandler

    files = pa_fs.PyFileSystem(DeltaStorageHandler.from_table(table))
    with tempfile.TemporaryFile() as copy, files.open_input_stream(unquote(path)) as source:
        shutil.copyfileobj(source, copy, 2**20)
        copy.flush()
        return os.dup(copy.fileno())
