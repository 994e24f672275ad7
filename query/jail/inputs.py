"""Tables that the keeper hands over: Parquet files and Arrow, mapped into memory, since nothing can be opened in there.

DuckDB reads the Parquet files by its own reader, through a file system that knows these files alone: it reads the
columns and row groups that it needs, and keeps to its memory. (Arrow's reader decodes whole row groups beside it.)
"""

import ctypes
import io
import mmap
import os
import socket
from datetime import UTC, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset
from fsspec import AbstractFileSystem

from query.jail import frames

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long)
PROTOCOL = "handed"


class MappedFile(io.RawIOBase):
    """A file in memory, as DuckDB reads it."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._at = 0
        # DuckDB asks for the name of what it opens
        self.loc = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move, and return where to."""
        start = (0, self._at, len(self._content))[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Read from here on."""
        end = len(self._content) if size < 0 else self._at + size
        piece = bytes(self._content[self._at : end])
        self._at += len(piece)
        return piece


class HandedFiles(AbstractFileSystem):  # type: ignore[misc]  # it has no types
    """The files that were handed over, by name. There are no others."""

    protocol = PROTOCOL
    cachable = False

    def __init__(self) -> None:
        super().__init__()
        self.contents: dict[str, memoryview] = {}

    def open(self, path: str, *_arguments: Any, **_more: Any) -> MappedFile:
        """Open a file. Raises FileNotFoundError."""
        return MappedFile(self._content(path))

    def info(self, path: str, **_more: Any) -> dict[str, Any]:
        """Describe a file. Raises FileNotFoundError."""
        return {"name": path, "size": len(self._content(path)), "type": "file"}

    def glob(self, path: str, **_more: Any) -> list[str]:
        """Return the file that a name stands for."""
        return [path] if self.exists(path) else []

    def exists(self, path: str, **_more: Any) -> bool:
        """Return True if the file was handed over."""
        return self._strip_protocol(path) in self.contents

    def modified(self, _path: str) -> datetime:
        """Return one instant for all: they never change."""
        return datetime(2000, 1, 1, tzinfo=UTC)

    def _content(self, path: str) -> memoryview:
        name = self._strip_protocol(path)
        if name not in self.contents:
            raise FileNotFoundError(path)
        return self.contents[name]


def receive_inputs(connection: socket.socket, database: duckdb.DuckDBPyConnection) -> None:
    """Make a table of each thing that the keeper hands over, until it says that it was all."""
    files = HandedFiles()
    database.register_filesystem(files)
    while True:
        document, descriptors = frames.receive_handed(connection)
        if "inputs_end" in document:
            break
        schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(document["schema"])))
        contents = [mapped(descriptor) for descriptor in descriptors]
        while len(contents) < document["count"]:
            frames.send(connection, {"more": True})
            _more, descriptors = frames.receive_handed(connection)
            contents += [mapped(descriptor) for descriptor in descriptors]
        _make_table(database, files, document, schema, contents)
    paths = ", ".join(f"'{PROTOCOL}://{name}'" for name in files.contents)
    database.execute(f"SET allowed_paths = [{paths}]")


def _make_table(
    database: duckdb.DuckDBPyConnection,
    files: HandedFiles,
    document: dict[str, Any],
    schema: pa.Schema,
    contents: list[memoryview],
) -> None:
    name = document["name"]
    if document["format"] == "arrow":
        database.register(name, pa.ipc.open_file(pa.py_buffer(contents[0])).read_all())
        return
    database.register(f"{name}_none", schema.empty_table())
    # a name that nobody can guess: the tables are the only way to a file
    names = [f"{os.urandom(16).hex()}.parquet" for _ in contents]
    files.contents.update(zip(names, contents, strict=True))
    # columns that older files lack are empty, and those that nobody may see are left out
    columns = ", ".join(f'"{column}"' for column in schema.names)
    source = f'FROM "{name}_none"'
    if names:
        listed = ", ".join(f"'{PROTOCOL}://{one}'" for one in names)
        source += f" UNION ALL BY NAME FROM read_parquet([{listed}], union_by_name = true)"
    database.execute(f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM ({source})')  # noqa: S608 - names of ours


def mapped(descriptor: int) -> memoryview:
    """Map a file into memory, for as long as the process lives, and close it. Raises OSError.

    Python's own mapping would keep the descriptor open, and a lake has more files than we may have open.
    """
    size = os.fstat(descriptor).st_size
    address = LIBC.mmap(None, size, mmap.PROT_READ, mmap.MAP_PRIVATE, descriptor, 0)
    if address == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "a table cannot be mapped into memory")
    os.close(descriptor)
    return memoryview((ctypes.c_char * size).from_address(address)).cast("B").toreadonly()
