"""Files of a table of the lake, for engines that read Parquet themselves."""

from collections.abc import Collection, Iterable
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

# Of the list of a table's files: what they are parted by.
PARTED_BY = "partition.month"


def file_paths(table: DeltaTable, *, months: Collection[str] | None = None) -> list[str]:
    """List the files of a version, as its log names them; of some months only, if they are given and it has months."""
    files = pa.table(table.get_add_actions(flatten=True))
    paths = files.column("path").to_pylist()
    if months is None or PARTED_BY not in files.column_names:
        return list(paths)
    of = files.column(PARTED_BY).to_pylist()
    return [path for path, month in zip(paths, of, strict=True) if month in months]


def folder_of(table: DeltaTable) -> Path | None:
    """Return the folder that a table's files are in, None where they are in an object store."""
    root = table.table_uri
    if "://" in root and not root.startswith("file://"):
        return None
    return Path(unquote(root.removeprefix("file://")))


def local_files(table: DeltaTable, *, months: Collection[str] | None = None) -> list[Path] | None:
    """List the files of a version where they are in a folder, None where they are in an object store."""
    folder = folder_of(table)
    if folder is None:
        return None
    return [folder / unquote(path) for path in file_paths(table, months=months)]


def listed_in_sql(files: Iterable[Path]) -> str:
    """Write a list of files as DuckDB reads it."""
    quoted = ("'" + str(path).replace("'", "''") + "'" for path in files)
    return f"[{', '.join(quoted)}]"
