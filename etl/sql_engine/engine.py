"""What the stages of a run ask of an engine, and the functions that its statements call."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import pyarrow as pa
from deltalake import DeltaTable

Binds = Mapping[str, Any]
NO_BINDS: Binds = MappingProxyType({})


@dataclass(frozen=True)
class Macro:
    """A function of our statements, as an expression of DuckDB over its parameters."""

    parameters: tuple[str, ...]
    body: str


MACROS: Mapping[str, Macro] = {
    # Division of whole numbers, rounded half away from zero as PostgreSQL rounds: a double would lose cents of large
    # sums.
    "rounded": Macro(("a", "b"), "(2 * a + sign(a) * b) // (2 * b)"),
    # As block_of in PostgreSQL: of all entries that were appended together.
    "block_of": Macro(("entry_id",), "entry_id // 65536"),
}


class SqlEngine(Protocol):
    """A database of one run, with tables and views by name. Statements are DuckDB's, parameters are `$name`."""

    def show(self, name: str, rows: DeltaTable | pa.Table) -> None:
        """Show a table of the lake, or rows of ours, under a name."""

    def make(self, name: str, query: str, binds: Binds = NO_BINDS, *, view: bool = False) -> None:
        """Make a table of a query, computed now, or a view, computed whenever it is read. Another of its name goes."""

    def rows(self, query: str, binds: Binds = NO_BINDS) -> list[tuple[Any, ...]]:
        """Read all rows of a small result."""

    def read(self, query: str) -> pa.RecordBatchReader:
        """Read a result as Arrow."""


# Opens a database; closing it removes what was made in it.
OpenEngine = Callable[[], AbstractContextManager[SqlEngine]]
