"""Movements to daily demand: one row per product x location x day, and only those that changed are written."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from deltalake import CommitProperties, DeltaTable, write_deltalake

from etl.delta import (
    CHANGED_DEMAND,
    DAILY_DEMAND,
    generation_of,
    open_table,
    up_to,
    version_of,
    watermark_of,
)
from etl.dimensions import NONE_RETOLD
from etl.held_pairs import ALL, Pair, Some, held_at, pass_on, sift
from etl.kinds import kind_table
from etl.serving import forget_served, serve_demand
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake

# Division of whole numbers, rounded half away from zero as PostgreSQL rounds: a double would lose cents of large sums.
ROUNDED = "CREATE MACRO rounded(a, b) AS (2 * a + sign(a) * b) // (2 * b)"
KEY = "t.month = s.month AND t.product_id = s.product_id AND t.location_id = s.location_id AND t.day = s.day"


@dataclass(frozen=True)
class Demand:
    """Changes that one run made in daily_demand."""

    rows_changed: int
    days_changed: int
    version: int


def update_daily_demand(
    engine: sa.Engine, lake: Lake, *, xid_before: int, retold: pa.Table = NONE_RETOLD
) -> Demand:
    """Update daily_demand to everything that landed before `xid_before`, then the copy of it in Postgres.

    The lake's commit carries its watermark, the copy's transaction its own: after a kill at any point the next run does
    what is left. A table that was made from another generation of movements is replaced.
    retold: product_id of products whose days are all made again.
    """
    movements = open_table(lake, "movements")
    table = open_table(lake, "daily_demand")
    if movements is None:
        return Demand(0, 0, version_of(table))
    if generation_of(table) != generation_of(movements):
        table = None
    if len(retold) > 0:
        forget_served(engine)
    since = watermark_of(table)
    changed = CHANGED_DEMAND.empty_table()
    if table is None or since < xid_before or len(retold) > 0 or held_at(engine, "daily_demand"):
        changed, back = _sifted_demand(
            engine, movements, table, since=since, before=xid_before, retold=retold
        )
        if table is None or since < xid_before or len(changed):
            _merge(lake, table, changed, up_to(xid_before, generation=generation_of(movements)))
        pass_on(engine, back, "served")
    serve_demand(engine, lake, changed, since=None if table is None else since)
    days = len(changed.column("day").unique())
    return Demand(len(changed), days, version_of(open_table(lake, "daily_demand")))


def _sifted_demand(
    engine: sa.Engine,
    movements: DeltaTable,
    table: DeltaTable | None,
    *,
    since: int,
    before: int,
    retold: pa.Table,
) -> tuple[pa.Table, Sequence[Pair]]:
    """Compute what changed, of all pairs but those that fail; returns it, and the pairs that failed before."""
    meanings = read_meanings(engine)

    def change(some: Some, xid_from: int) -> pa.Table:
        return changed_demand(
            movements, table, meanings, since=xid_from, before=before, retold=retold, some=some
        )

    def touched() -> list[Pair]:
        query = (
            "SELECT DISTINCT product_id, location_id FROM movements"
            " WHERE xid >= ? OR product_id IN (SELECT product_id FROM retold) ORDER BY ALL"
        )
        with _movements_of(movements, before, ALL) as connection:
            connection.register("retold", retold)
            return [Pair(*row) for row in connection.execute(query, [since]).fetchall()]

    sifted = sift(engine, "daily_demand", change, touched, since=since)
    return pa.concat_tables(sifted.results), sifted.back


@dataclass(frozen=True)
class Meanings:
    """What movements mean by master data. zones: location_id, timezone. currencies: product_id, currency."""

    zones: pa.Table
    currencies: pa.Table


def read_meanings(engine: sa.Engine) -> Meanings:
    """Read the time zone of each location, and the currency of each product that has one.

    Read after movements have landed: a location that is made later has none among them.
    """
    return Meanings(
        _read(engine, "SELECT location_id, timezone FROM locations", "timezone"),
        _read(
            engine,
            "SELECT product_id, currency FROM products WHERE currency IS NOT NULL",
            "currency",
        ),
    )


def _read(engine: sa.Engine, query: str, value: str) -> pa.Table:
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query)).all()
    columns = [pa.array([row[0] for row in rows], pa.int32())]
    columns.append(pa.array([row[1] for row in rows], pa.string()))
    return pa.Table.from_arrays(columns, names=[query.split()[1].rstrip(","), value])


def changed_demand(
    movements: DeltaTable,
    table: DeltaTable | None,
    meanings: Meanings,
    *,
    since: int,
    before: int,
    retold: pa.Table = NONE_RETOLD,
    some: Some = ALL,
) -> pa.Table:
    """Compute the rows of daily_demand that movements with xid in [since, before) make, change or leave nothing of.

    retold: product_id of products of which all rows are looked at. some: the pairs that it is about.
    """
    present = DAILY_DEMAND.empty_table() if table is None else table.to_pyarrow_dataset()
    with _movements_of(movements, before, some) as connection:
        connection.register("zones", meanings.zones)
        connection.register("currencies", meanings.currencies)
        connection.register("retold", retold)
        connection.register("daily_demand", present)
        connection.register("event_kinds", kind_table())
        connection.execute(ROUNDED)
        rows = connection.sql(sql("etl/daily_demand"), params={"since": since}).to_arrow_table()
    return rows.select(CHANGED_DEMAND.names).cast(CHANGED_DEMAND)


def _movements_of(movements: DeltaTable, before: int, some: Some) -> duckdb.DuckDBPyConnection:
    """Open a database with the view `movements`: of transactions before one, and of some pairs."""
    connection = duckdb.connect()
    connection.register("landed", movements.to_pyarrow_dataset())
    connection.execute(
        f"CREATE VIEW movements AS SELECT * FROM landed WHERE xid < {before:d} AND {some.in_duckdb(connection)}"  # noqa: S608 - a number
    )
    return connection


def _merge(
    lake: Lake, table: DeltaTable | None, changed: pa.Table, properties: CommitProperties
) -> None:
    if table is None:
        write_deltalake(
            lake.path("daily_demand"),
            changed.select(DAILY_DEMAND.names),
            mode="overwrite",
            schema_mode="overwrite",
            partition_by=["month"],
            commit_properties=properties,
        )
        return
    values = {name: f"s.{name}" for name in DAILY_DEMAND.names}
    (
        table.merge(changed, KEY, source_alias="s", target_alias="t", commit_properties=properties)
        .when_matched_delete("s.gone")
        .when_matched_update(values)
        .when_not_matched_insert(values)
        .execute()
    )
