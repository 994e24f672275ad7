"""What goes into the jail and what comes out: limits, tables that are handed over, the result."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import pyarrow as pa

from query.jail.walls import Bounds

# DuckDB keeps to the memory that it is given, and holds on to twice as much address space, which is what the operating
# system counts; threads and the results on their way take the rest.
SPACE, OVERHEAD_BYTES = 2, 640 * 2**20


@dataclass(frozen=True)
class Limits:
    """Limits of one statement. rows: kept of the result, None for all of them."""

    seconds: float
    memory_bytes: int
    spill_bytes: int
    threads: int
    result_bytes: int
    rows: int | None

    def bounds(self) -> Bounds:
        """Return what the operating system keeps."""
        cpu_s = int(self.seconds * (self.threads + 1)) + 2
        return Bounds(SPACE * self.memory_bytes + OVERHEAD_BYTES, cpu_s, self.spill_bytes)

    def settings(self) -> dict[str, str]:
        """Return the same as DuckDB keeps it."""
        return {
            "threads": str(self.threads),
            "memory_limit": f"{self.memory_bytes}B",
            "max_temp_directory_size": f"{self.spill_bytes}B",
        }


@dataclass(frozen=True)
class Handed:
    """A table that a statement may read: Parquet files, or one file of Arrow; the opener closes them."""

    name: str
    form: str
    schema: pa.Schema
    descriptors: Sequence[int]


@dataclass
class Result:
    """Rows of a statement in a file, and what is said about them. found: None where not all were counted."""

    spool: IO[bytes]
    rows: int = 0
    found: int | None = None
    seconds: float = 0.0
    reads: Sequence[str] = ()
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """Return True if the result has more rows than are here."""
        return self.found is None or self.found > self.rows

    def reader(self) -> pa.RecordBatchReader:
        """Read the rows, from the first."""
        self.spool.seek(0)
        return pa.ipc.open_stream(self.spool)
