"""Files of a table of the lake, for engines that read Parquet themselves."""

from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable


def file_paths(table: DeltaTable) -> list[str]:
    """List the files of a version, as its log names them."""
    return list(pa.table(table.get_add_actions(flatten=True)).column("path").to_pylist())


def folder_of(table: DeltaTable) -> Path | None:
    """Return the folder that a table's files are in, None where they are in an object store."""
    root = table.table_uri
    if "://" in root and not root.startswith("file://"):
        return None
    return Path(unquote(root.removeprefix("file://")))


def local_files(table: DeltaTable) -> list[str] | None:
    """List the files of a version where they are in a folder, None where they are in an object store."""
    folder = folder_of(table)
    return None if folder is None else [str(folder / unquote(path)) for path in file_paths(table)]
