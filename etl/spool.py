"""Rows that are on their way: kept on disk, so that a run needs as much memory for ten million as for ten thousand."""

import tempfile
import weakref
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.ipc

COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


class Spool:
    """Rows of one schema, written once and read as often as wanted. Its file has no name and goes with it."""

    def __init__(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch] = ()) -> None:
        self.schema = schema
        self.rows = 0
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the spool
        weakref.finalize(self, self._file.close)
        with pa.ipc.new_stream(self._file, schema, options=COMPRESSED) as writer:
            for batch in batches:
                writer.write_batch(batch)
                self.rows += batch.num_rows

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        self._file.seek(0)
        yield from pa.ipc.open_stream(self._file)


def chained(schema: pa.Schema, spools: Iterable[Spool]) -> pa.RecordBatchReader:
    """Read the rows of several spools, one after another."""
    batches = (batch for spool in spools for batch in spool)
    return pa.RecordBatchReader.from_batches(schema, batches)
