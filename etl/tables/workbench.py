"""A database for one run over the further tables: the lake as it is by now, and what is new in it."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from etl.delta import open_table
from etl.dimensions import Dimensions
from etl.fold import MEMORY, ROUNDED
from etl.held_pairs import Pair, Some
from etl.kinds import kind_table
from etl.tables.schemas import KeptTable
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.lake_schemas import DAILY_DEMAND, MOVEMENTS

SOURCES: Sequence[tuple[str, LakeTable, pa.Schema]] = (
    ("landed", "movements", MOVEMENTS),
    ("daily_demand", "daily_demand", DAILY_DEMAND),
)
# As block_of in PostgreSQL: of all entries that were appended together.
BLOCK_OF = "CREATE MACRO block_of(entry_id) AS entry_id // 65536"


@dataclass(frozen=True)
class Workbench:
    """A database with views of the lake's tables by their names, `all_movements` up to a transaction."""

    connection: duckdb.DuckDBPyConnection
    lake: Lake
    before: int

    def show(self, table: KeptTable) -> DeltaTable | None:
        """Show a table as it is by now under its name, and return it; None and no rows where it has another form."""
        now = open_table(self.lake, table.name)
        if now is None or {field.name for field in now.schema().fields} != set(table.schema.names):
            self.show_empty(table)
            return None
        self.connection.register(table.name, now.to_pyarrow_dataset())
        return now

    def show_empty(self, table: KeptTable) -> None:
        """Show a table as if it had no rows."""
        self.connection.register(table.name, table.schema.empty_table())

    def find_fresh(
        self, since: int, back: Sequence[Pair], retold: pa.Table, again: date | None
    ) -> None:
        """Make the view `fresh`: movements since a transaction or a day, of `back` pairs and of retold products."""
        chosen = Some(back, only=True).in_duckdb(self.connection)
        self.connection.register("retold", retold)
        products = "product_id IN (SELECT product_id FROM retold)" if len(retold) else "false"
        days = "false" if again is None else f"day >= DATE '{again}'"
        self.connection.execute(
            "CREATE OR REPLACE VIEW fresh AS FROM all_movements"
            f" WHERE xid >= {since:d} OR {chosen} OR {products} OR {days}"
        )

    def count(self, view: str) -> int:
        """Count the rows of a view."""
        ((rows,),) = self.rows(f"SELECT count(*) FROM {view}")  # noqa: S608 - ours
        return int(rows)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read all rows of a small result."""
        found: list[tuple[Any, ...]] = self.connection.execute(query).fetchall()
        return found

    def make(self, table: str, query: str, kind: str = "TABLE") -> None:
        """Make a table or a view of a query."""
        self.connection.execute(f"CREATE OR REPLACE {kind} {table} AS {query}")


@contextmanager
def opened(lake: Lake, dimensions: Dimensions, *, before: int) -> Iterator[Workbench]:
    """Open a database over the lake, of movements before a transaction; its memory is bounded."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{MEMORY}'")
        connection.execute(f"SET temp_directory = '{folder}'")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(ROUNDED)
        connection.execute(BLOCK_OF)
        connection.register("event_kinds", kind_table())
        connection.register("products", dimensions.products)
        connection.register("locations", dimensions.locations)
        for view, name, schema in SOURCES:
            table = open_table(lake, name)
            rows = schema.empty_table() if table is None else table.to_pyarrow_dataset()
            connection.register(view, rows)
        connection.execute(f"CREATE VIEW all_movements AS FROM landed WHERE xid < {before:d}")
        yield Workbench(connection, lake, before)


def query_of(name: str, **parts: object) -> str:
    """Return a query of sql/etl/tables with its braces filled in."""
    return sql(f"etl/tables/{name}").format(**parts)
