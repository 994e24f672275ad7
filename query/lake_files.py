"""Files of the lake's tables at one version, opened for a statement to read."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from query.jail.orders import Handed
from stocktide.foundation.database_names import ETL_TRANSACTION
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.lake_files import file_paths, folder_of
from stocktide.foundation.lake_schemas import SCHEMAS

# What views read of the lake, by the name of the input.
LAKE_INPUTS: Mapping[str, LakeTable] = {f"lake_{name}": name for name in SCHEMAS}
# Predictions follow no watermark: they carry the day that they know in a column of their own.
PREDICTED_INPUTS = frozenset({"lake_customer_values"})
# Columns that no statement reads: what only a run of the ETL needs.
HIDDEN = {"xid", "month", "close_price_micros", "close_currency", "close_promotion"}
# Pseudonyms stand in orders, their lines and customers; movements are the record of stock, and are read as they come
# in.
HIDDEN_OF: Mapping[str, set[str]] = {"movements": {"customer_id"}}


def handed_columns(name: LakeTable) -> pa.Schema:
    """Return the columns of a table that are handed out."""
    hidden = HIDDEN | HIDDEN_OF.get(name, set())
    return pa.schema([field for field in SCHEMAS[name] if field.name not in hidden])


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
            yield Handed(name, "parquet", handed_columns(self.name), descriptors)


def newest(lake: Lake, name: LakeTable) -> LakeVersion:
    """Return the newest version of a table."""
    return LakeVersion(name, DeltaTable(lake.path(name)) if lake.exists(name) else None)


def _opened(table: DeltaTable | None, path: str) -> int:
    """Open one file of a table; of an object store's, a copy that has no name."""
    assert table is not None  # noqa: S101 - files of a table that is there
    folder = folder_of(table)
    if folder is not None:
        return os.open(folder / unquote(path), os.O_RDONLY)
    # it loads pandas and more, and most lakes are folders
    import pyarrow.fs as pa_fs
    from deltalake.fs import DeltaStorageHandler

    files = pa_fs.PyFileSystem(DeltaStorageHandler.from_table(table))
    with tempfile.TemporaryFile() as copy, files.open_input_stream(unquote(path)) as source:
        shutil.copyfileobj(source, copy, 2**20)
        copy.flush()
        return os.dup(copy.fileno())
