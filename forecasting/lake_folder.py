"""A folder beside the lake's tables, on a disk or in an object store."""

from typing import Any

from pyarrow import fs

from stocktide.foundation.lake import Lake


def open_folder(lake: Lake, folder: str) -> tuple[Any, str]:
    """Open the file system of the lake. Returns it, and the folder's path there."""
    root = f"{lake.root.rstrip('/')}/{folder}"
    if "://" in root:
        store, inner = fs.FileSystem.from_uri(root)
        return store, inner
    return fs.LocalFileSystem(), root
