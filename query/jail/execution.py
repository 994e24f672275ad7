"""Run one statement inside the walls: check it, ask for what it reads, send its rows, and end."""

import contextlib
import os
import socket
import time
from typing import Any

import duckdb
import pyarrow as pa

from query.jail import frames
from query.jail.inputs import receive_inputs
from query.jail.statement import Refused, check

SPILLS = "spills"
BATCH_ROWS = 32_768
# How long the rows behind the last one that is kept are counted.
COUNT_S = 2.0


class Sink:
    """File that sends what is written to it."""

    closed = False

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: Any) -> int:
        """Send bytes as they come."""
        view = memoryview(data).cast("B")
        frames.send_arrow(self._connection, view)
        return len(view)

    def writable(self) -> bool:
        """Say that it takes bytes."""
        return True

    def flush(self) -> None:
        """Do nothing: all is sent at once."""

    def close(self) -> None:
        """Do nothing: the connection is the caller's."""


def warm_up() -> None:
    """Load what libraries load on first use."""
    with duckdb.connect(":memory:", config={"threads": "1"}) as database:
        database.sql("SELECT json_serialize_sql('SELECT 1')").to_arrow_reader(1).read_all()


def serve(connection: socket.socket) -> None:
    """Answer one order on a connection, then return."""
    try:
        _run(connection, frames.receive_document(connection))
    except Refused as refused:
        answer = {"refused": refused.code, "message": refused.message}
    except (duckdb.OutOfMemoryException, MemoryError, pa.ArrowMemoryError) as error:
        answer = {"failed": "memory", "message": str(error) or "out of memory"}
    except duckdb.IOException as error:
        answer = {"failed": "spill", "message": str(error)}
    except (duckdb.Error, pa.ArrowException, ValueError, OverflowError) as error:
        answer = {"failed": "statement", "message": str(error)}
    else:
        return
    answer["message"] = answer["message"][:4_000]
    with contextlib.suppress(OSError):
        frames.send(connection, answer)


def _run(connection: socket.socket, order: dict[str, Any]) -> None:
    os.makedirs(SPILLS, exist_ok=True)
    database = open_database(order["settings"])
    used = check(database, order["statement"], order["tables"].keys())
    frames.send(connection, {"reads": used})
    receive_inputs(connection, database)
    for name in used:
        database.execute(f'CREATE TEMP VIEW "{name}" AS {order["tables"][name]}')
    database.execute("SET enable_external_access = false")
    database.execute("SET lock_configuration = true")
    relation = database.sql(order["statement"], params=order["parameters"] or None)
    ended = _send_rows(connection, relation.to_arrow_reader(BATCH_ROWS), order)
    frames.send(connection, ended)


def open_database(settings: dict[str, str]) -> duckdb.DuckDBPyConnection:
    """Open an empty database in memory: no extensions to load, no names of Python's, spills in a folder of ours."""
    database = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
            "temp_directory": SPILLS,
            "async_threads": "1",
            # files are in memory already
            "enable_external_file_cache": "false",
            **settings,
        },
    )
    database.execute("SET TimeZone = 'UTC'")
    return database


def _send_rows(
    connection: socket.socket, reader: pa.RecordBatchReader, order: dict[str, Any]
) -> dict[str, Any]:
    """Send the rows that are asked for, count the others, and return what came of it."""
    room = Room(order["rows"], order["bytes"])
    found = sent = 0
    until = None
    with pa.ipc.new_stream(Sink(connection), reader.schema) as stream:
        for batch in reader:
            found += batch.num_rows
            piece = room.kept_of(batch)
            if piece.num_rows:
                stream.write_batch(piece)
                sent += piece.num_rows
            elif until is None:
                until = time.monotonic() + COUNT_S
            elif time.monotonic() > until:
                return {"rows": sent, "found": found, "counted": False}
    return {"rows": sent, "found": found, "counted": True}


class Room:
    """Room for the rows of a result. rows: as many at most, None for all of them, which then have to fit."""

    def __init__(self, rows: int | None, size: int) -> None:
        self._rows, self._size, self._all = rows, size, rows is None
        self._size_max = size

    def kept_of(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the first rows of a batch that there is room for. Raises Refused where all must fit and do not."""
        piece = batch if self._rows is None else batch.slice(0, self._rows)
        if piece.nbytes > self._size:
            if self._all:
                raise Refused(
                    "result_too_large", f"The result has more than {self._size_max:,} bytes."
                )
            piece = batch.slice(0, piece.num_rows * self._size // piece.nbytes)
            # no later row without those before it
            self._rows = piece.num_rows
        self._size -= piece.nbytes
        if self._rows is not None:
            self._rows -= piece.num_rows
        return piece
