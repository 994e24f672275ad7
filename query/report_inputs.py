"""What reports read: one version of the lake, without rows that have not landed, and the master tables."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb

from query.lake_files import LAKE_INPUTS, LakeVersion, handed_columns, newest
from query.lineage.lake_at import LakeMoment
from query.snapshots import Snapshots
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake
from stocktide.foundation.lake_files import listed_in_sql, local_files

if TYPE_CHECKING:
    from adbc_driver_postgresql.dbapi import Cursor

# Rows that are not in the lake yet are not in a report: it has one version, and can be cached by it.
LIVE = "live_movements"
# What the database keeps only as it is now, and a report of the past computes by sql/query/past; and of what.
OF_PAST: Mapping[str, frozenset[str]] = {
    "stock": frozenset(
        {"lake_movements", "lake_daily_demand", "lake_daily_stock", "lake_prices", "kinds"}
    )
}


@dataclass(frozen=True)
class Versions:
    """Tables of the lake, each at one version, by the name of the input. past: when that was; None: now."""

    tables: Mapping[str, LakeVersion] = field(default_factory=dict)
    past: LakeMoment | None = None

    @property
    def numbers(self) -> dict[str, int]:
        """Return the version of each table, by the table's name."""
        return {one.name: one.version for one in self.tables.values()}


def behind(inputs: Collection[str]) -> set[str]:
    """Return what inputs of the past are read from, those that are computed replaced by what they are computed of."""
    given = set(inputs)
    return given.union(*(OF_PAST[name] for name in given & OF_PAST.keys())) - OF_PAST.keys()


def newest_versions(lake: Lake, inputs: set[str]) -> Versions:
    """Look up the newest version of what a report reads of the lake."""
    named = {name: LAKE_INPUTS[name] for name in sorted(inputs & LAKE_INPUTS.keys())}
    return Versions({name: newest(lake, table) for name, table in named.items()})


def lay_out(
    database: duckdb.DuckDBPyConnection, snapshots: Snapshots, versions: Versions, inputs: set[str]
) -> list[dict[str, Any]]:
    """Make a table of each input; returns what the database notes of the lake's tables, of the same snapshot."""
    computed = sorted(inputs & OF_PAST.keys()) if versions.past is not None else []
    inputs = behind(inputs) if computed else inputs
    for name, version in versions.tables.items():
        _of_lake(database, f"input_{name}", version)
    if LIVE in inputs:
        database.register(f"input_{LIVE}", handed_columns("movements").empty_table())
    with snapshots.taken() as cursor:
        cursor.execute(sql("query/lake_lineage"))
        lineage: list[dict[str, Any]] = cursor.fetch_arrow_table().to_pylist()
        for name in sorted(inputs - LAKE_INPUTS.keys() - {LIVE}):
            _of_postgres(database, cursor, name)
    for name in computed:
        # several parts of a report read it
        database.execute(f'CREATE TEMP TABLE "input_{name}" AS {sql(f"query/past/{name}")}')
    return lineage


def _of_postgres(database: duckdb.DuckDBPyConnection, cursor: "Cursor", name: str) -> None:
    cursor.execute(sql(f"query/read/{name}"))
    database.register(f"input_{name}", cursor.fetch_arrow_table())


def _of_lake(database: duckdb.DuckDBPyConnection, name: str, version: LakeVersion) -> None:
    schema = handed_columns(version.name)
    database.register(f"{name}_none", schema.empty_table())
    # columns that older files lack are empty, and those that nobody may see are left out
    columns = ", ".join(f'"{column}"' for column in schema.names)
    source = f'FROM "{name}_none"'
    if version.table is not None:
        source += f" UNION ALL BY NAME {from_files(database, name, version)}"
    database.execute(f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM ({source})')  # noqa: S608 - names of ours


def from_files(
    database: duckdb.DuckDBPyConnection,
    name: str,
    version: LakeVersion,
    *,
    months: Collection[str] | None = None,
) -> str:
    """Return a FROM of a table's files: read by DuckDB itself where they are in a folder.

    months: those of these months are enough. `name`_none has to be a table of the same columns without rows.
    """
    assert version.table is not None  # noqa: S101 - files of a table that is there
    files = local_files(version.table, months=months)
    if files is None:
        database.register(f"{name}_files", version.table.to_pyarrow_dataset())
        return f'FROM "{name}_files"'
    if not files:
        return f'FROM "{name}_none"'
    listed = listed_in_sql(files)
    return f"FROM read_parquet({listed}, union_by_name = true, hive_partitioning = false)"
