"""A database for one run over the further tables: the lake as it is by now, and what is new in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import pyarrow as pa
from deltalake import DeltaTable

from etl.delta import open_table
from etl.dimensions import Dimensions
from etl.held_pairs import Pair, Some
from etl.kinds import kind_table
from etl.sql_engine import OpenEngine, SqlEngine, duck_engine
from etl.tables.schemas import KeptTable
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.lake_schemas import DAILY_DEMAND, MOVEMENTS

SOURCES: Sequence[tuple[str, LakeTable, pa.Schema]] = (
    ("landed", "movements", MOVEMENTS),
    ("daily_demand", "daily_demand", DAILY_DEMAND),
)


@dataclass(frozen=True)
class Workbench:
    """A database with views of the lake's tables by their names, `all_movements` up to a transaction."""

    engine: SqlEngine
    lake: Lake
    before: int

    def show(self, table: KeptTable) -> DeltaTable | None:
        """Show a table as it is by now under its name, and return it; None and no rows where it has another form."""
        now = open_table(self.lake, table.name)
        if now is None or {field.name for field in now.schema().fields} != set(table.schema.names):
            self.show_empty(table)
            return None
        self.engine.show(table.name, now)
        return now

    def show_empty(self, table: KeptTable) -> None:
        """Show a table as if it had no rows."""
        self.engine.show(table.name, table.schema.empty_table())

    def find_fresh(
        self, since: int, back: Sequence[Pair], retold: pa.Table, again: date | None
    ) -> None:
        """Make the view `fresh`: movements since a transaction or a day, of `back` pairs and of retold products."""
        chosen = Some(back, only=True).condition(self.engine.show)
        self.engine.show("retold", retold)
        products = "product_id IN (SELECT product_id FROM retold)" if len(retold) else "false"
        days = "false" if again is None else f"day >= DATE '{again}'"
        fresh = f"FROM all_movements WHERE xid >= {since:d} OR {chosen} OR {products} OR {days}"
        self.engine.make("fresh", fresh, view=True)

    def count(self, view: str) -> int:
        """Count the rows of a view."""
        ((rows,),) = self.engine.rows(f"SELECT count(*) FROM {view}")  # noqa: S608 - ours
        return int(rows)


@contextmanager
def opened(
    lake: Lake, dimensions: Dimensions, *, before: int, by: OpenEngine = duck_engine
) -> Iterator[Workbench]:
    """Open a database over the lake, of movements before a transaction. by: opens what computes."""
    with by() as engine:
        engine.show("event_kinds", kind_table())
        engine.show("products", dimensions.products)
        engine.show("locations", dimensions.locations)
        for view, name, schema in SOURCES:
            table = open_table(lake, name)
            engine.show(view, schema.empty_table() if table is None else table)
        engine.make("all_movements", f"FROM landed WHERE xid < {before:d}", view=True)
        yield Workbench(engine, lake, before)


def query_of(name: str, **parts: object) -> str:
    """Return a query of sql/etl/tables with its braces filled in."""
    return sql(f"etl/tables/{name}").format(**parts)
