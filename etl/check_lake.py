"""Proof of the lake and of the copies that are served from it; see `stocktide check`."""

from collections.abc import Sequence
from functools import partial

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from deltalake import DeltaTable

from etl.check_feeds import compare_feed_days
from etl.compared import Compared, Part
from etl.delta import CHANGED_DEMAND, generation_of, open_table, version_of, watermark_of
from etl.dimensions import Dimensions, landed_rows, read_dimensions, zones_changed
from etl.fold import changed_demand
from etl.held_pairs import Some, Stage, all_held, held_at
from etl.meanings import Meanings, read_meanings
from etl.movements import has_form, ledger_rows
from etl.numbers import numbers_of
from etl.postgres import arrow_cursor
from etl.tables.proof import compare_table
from etl.tables.schemas import KEPT, KeptTable
from stocktide.foundation.database import sql, statement
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.lake_schemas import LOCATIONS, MOVEMENTS, PRODUCTS

HELD_NOTE = (
    "Products at places are held out of the lake, since a query of the ETL fails on them; all others are up to date. "
    "`stocktide etl` and the page System name them with the error: correct the events or the time zone that it is "
    "about, and the next run takes them up by itself."
)
SAME_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class LakeSide:
    """Compares the lake, and what is served from it, as of the snapshot of a connection."""

    def __init__(self, engine: sa.Engine, connection: sa.Connection, lake: Lake) -> None:
        self._connection = connection
        self._lake = lake
        self._engine = engine
        self._movements = open_table(lake, "movements")
        self._demand = open_table(lake, "daily_demand")

    def parts(self) -> Sequence[Part]:
        """Return the parts of the check, in their order."""
        return (
            ("held_pairs", "no product at a place is held out", self._held),
            ("numbers", "transaction numbers are this database's", self._numbers),
            ("lake/movements", "lake = ledger up to its watermark", self._landed),
            ("lake/daily_demand", "daily_demand in the lake = fold of movements", self._folded),
            ("daily_demand", "daily_demand served = lake", self._served),
            ("feed_days", "last days of sources served = lake", self._feed_days),
            *(
                (
                    f"lake/{table.name}",
                    f"{table.name} in the lake = made at once",
                    partial(self._kept, table),
                )
                for table in KEPT.values()
            ),
            ("lake/products", "products in the lake = products", self._products),
            ("lake/locations", "locations in the lake = locations", self._locations),
            ("lake_versions", "data as of = what the ledger had then", self._noted),
        )

    def _held(self) -> Compared:
        held = len(all_held(self._connection))
        return Compared(held, held, note=HELD_NOTE if held else "")

    def _numbers(self) -> Compared:
        numbers = numbers_of(self._connection, watermark_of(self._movements))
        if numbers.strange is None:
            return Compared(1, 0)
        return Compared(1, max(1, numbers.ledger_rows), note=numbers.strange)

    def _landed(self) -> Compared:
        table, watermark = self._movements, watermark_of(self._movements)
        waiting = self._connection.execute(
            statement("etl/check/waiting"), {"watermark": watermark}
        ).scalar_one()
        if table is None:
            return Compared(0, 0, waiting)
        if not has_form(table) or zones_changed(self._lake, read_dimensions(self._engine)):
            # the next run makes all of it again
            return Compared(0, 0, waiting + table.count())
        duck = _duck(table)
        columns = ", ".join(MOVEMENTS.names)
        some = self._all_but("movements")
        chosen = some.condition(duck.register)
        duck.execute(f"CREATE VIEW movements AS SELECT {columns} FROM landed WHERE {chosen}")  # noqa: S608 - our names
        with arrow_cursor(self._engine) as cursor:
            duck.register("ledger", ledger_rows(cursor, 0, watermark, some))
            rows, differ = duck.execute(sql("etl/check/lake_movements")).fetchone() or (0, 0)
        return Compared(rows, differ, waiting)

    def _folded(self) -> Compared:
        movements, table = self._movements, self._demand
        if movements is None:
            return Compared(0, int(table is not None))
        if table is None or not has_form(movements):
            return Compared(0, 0, movements.count())
        if generation_of(table) != generation_of(movements):
            return Compared(0, 1, note="It is made from another lake: run `stocktide etl`.")
        some = self._all_but("daily_demand")
        before = watermark_of(table)
        tables = changed_demand(
            movements, None, self._meanings(), since=0, before=before, some=some
        )
        batches = (batch for found in tables for batch in found.to_batches())
        fold = pa.RecordBatchReader.from_batches(CHANGED_DEMAND, batches)
        waiting = self._between(table, movements)
        return _compare_demand(table.to_pyarrow_dataset(), fold, waiting, some)

    def _kept(self, table: KeptTable) -> Compared:
        return compare_table(self._engine, self._lake, self._as_landed(), table)

    def _feed_days(self) -> Compared:
        return compare_feed_days(self._connection, self._lake)

    def _as_landed(self) -> Dimensions:
        """Return products and locations as they stood at the last run."""
        return Dimensions(
            landed_rows(self._lake, "products", PRODUCTS),
            landed_rows(self._lake, "locations", LOCATIONS),
        )

    def _meanings(self) -> Meanings:
        """Return what movements meant at the last run: a product's currency that was set since waits for the next."""
        now = read_meanings(self._engine)
        currencies = dict(zip(*now.currencies.to_pydict().values(), strict=True))
        landed = landed_rows(self._lake, "products", PRODUCTS)
        currencies |= dict(
            zip(*landed.select(["product_id", "currency"]).to_pydict().values(), strict=True)
        )
        columns = [
            pa.array(list(currencies), pa.int32()),
            pa.array(list(currencies.values()), pa.string()),
        ]
        return Meanings(now.zones, pa.Table.from_arrays(columns, names=["product_id", "currency"]))

    def _served(self) -> Compared:
        """Compare at the version that was served; what the lake has since waits."""
        table = self._demand
        query = "SELECT generation, version FROM served_tables WHERE table_name = 'daily_demand'"
        served = self._connection.execute(sa.text(query)).one_or_none()
        rows = self._connection.execute(sa.text("SELECT count(*) FROM daily_demand")).scalar_one()
        if table is None or served is None:
            return Compared(rows, rows, table.count() if table else 0)
        if served.generation != generation_of(table) or served.version > version_of(table):
            note = "The copy in Postgres is of another lake: run `stocktide etl`."
            return Compared(rows, 1, note=note)
        at = DeltaTable(self._lake.path("daily_demand"), version=served.version)
        snapshot = self._connection.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one()
        with arrow_cursor(self._engine, begin=SAME_SNAPSHOT) as cursor:
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            cursor.execute("SELECT * FROM daily_demand")
            copy = cursor.fetch_arrow_table()
        waiting, some = self._between(at, table), self._all_but("served")
        return _compare_demand(copy, at.to_pyarrow_dataset(), waiting, some)

    def _all_but(self, stage: Stage) -> Some:
        """Return the pairs that a stage does not hold out."""
        return Some(list(held_at(self._connection, stage)), only=False)

    def _products(self) -> Compared:
        return self._dimension("products", PRODUCTS)

    def _locations(self) -> Compared:
        return self._dimension("locations", LOCATIONS)

    def _dimension(self, name: LakeTable, schema: pa.Schema) -> Compared:
        """Compare rows by their key; one that was changed since the last run began waits for the next."""
        columns = ", ".join(schema.names)
        query = (
            f"SELECT {columns}, updated_at >= coalesce((SELECT max(started_at) FROM runs WHERE job = 'etl'"  # noqa: S608
            f" AND status = 'succeeded'), '-infinity') AS waits FROM {name}"
        )
        landed = {
            row[schema.names[0]]: row for row in landed_rows(self._lake, name, schema).to_pylist()
        }
        rows, differ, waiting = len(landed), 0, 0
        for row in self._connection.execute(sa.text(query)).mappings():
            wanted = {column: row[column] for column in schema.names}
            if landed.pop(row[schema.names[0]], None) != wanted:
                differ += not row["waits"]
                waiting += row["waits"]
        return Compared(rows, differ + len(landed), waiting)

    def _between(self, behind: DeltaTable, ahead: DeltaTable) -> int:
        """Count the movements that one table of the lake has and another does not yet."""
        if self._movements is None:
            return 0
        query = "SELECT count(*) FROM landed WHERE xid >= ? AND xid < ?"
        marks = [watermark_of(behind), watermark_of(ahead)]
        (count,) = _duck(self._movements).execute(query, marks).fetchone() or (0,)
        return int(count)

    def _noted(self) -> Compared:
        """Compare what is noted of the version that the lake has; of an older one, the next run notes."""
        noted = self._connection.execute(statement("etl/check/lake_versions")).all()
        tables = {"movements": self._movements, "daily_demand": self._demand}
        versions = {name: version_of(table) for name, table in tables.items() if table is not None}
        rows = {row.table_name: row for row in noted}
        behind = [
            name for name in versions if name not in rows or rows[name].version < versions[name]
        ]
        wrong = [
            name
            for name, row in rows.items()
            if not row.holds
            or row.version > versions.get(name, -1)
            or (row.version == versions[name] and row.xid_before != watermark_of(tables[name]))
        ]
        return Compared(len(rows), len(wrong), len(behind))


def _duck(table: DeltaTable) -> duckdb.DuckDBPyConnection:
    duck = duckdb.connect()
    duck.register("landed", table.to_pyarrow_dataset())
    return duck


def _compare_demand(copy: object, wanted: object, waiting: int, some: Some) -> Compared:
    duck = duckdb.connect()
    for name, rows in (("copy", copy), ("wanted", wanted)):
        duck.register(f"all_{name}", rows)
        chosen = some.condition(duck.register)
        duck.execute(f"CREATE VIEW {name} AS SELECT * FROM all_{name} WHERE {chosen}")  # noqa: S608 - ours
    rows, differ = duck.execute(sql("etl/check/demand")).fetchone() or (0, 0)
    return Compared(rows, differ, waiting)
