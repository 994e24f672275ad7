"""Movements to daily demand: one row per product x location x day, and only those that changed are written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from deltalake import CommitProperties, DeltaTable, write_deltalake

from etl.delta import CHANGED_DEMAND, generation_of, open_table, up_to, version_of, watermark_of
from etl.dimensions import NONE_RETOLD
from etl.fold import changed_demand, touched_pairs
from etl.held_pairs import Pair, Some, held_at, pass_on, sift
from etl.meanings import read_meanings
from etl.serving import forget_served
from etl.spool import Spool, chained
from etl.sql_engine import OpenEngine, duck_engine
from stocktide.foundation.lake import Lake
from stocktide.foundation.lake_schemas import DAILY_DEMAND

KEY = "t.month = s.month AND t.product_id = s.product_id AND t.location_id = s.location_id AND t.day = s.day"


@dataclass(frozen=True)
class Demand:
    """Changes that one run made in daily_demand."""

    rows_changed: int
    days_changed: int
    version: int


@dataclass(frozen=True)
class Changed:
    """Rows of CHANGED_DEMAND that a run made."""

    spools: Sequence[Spool]

    @property
    def rows(self) -> int:
        """Return how many there are."""
        return sum(spool.rows for spool in self.spools)

    def of(self, column: str) -> set[Any]:
        """Return the values that a column has."""
        found: set[Any] = set()
        for batch in chained(CHANGED_DEMAND, self.spools):
            found.update(batch.column(column).unique().to_pylist())
        return found


@dataclass(frozen=True)
class Folded:
    """What one run did to daily_demand in the lake. since: the watermark before, None if the table was replaced."""

    demand: Demand
    changed: Changed
    since: int | None


def update_daily_demand(
    engine: sa.Engine,
    lake: Lake,
    *,
    xid_before: int,
    retold: pa.Table = NONE_RETOLD,
    again: date | None = None,
    by: OpenEngine = duck_engine,
) -> Folded:
    """Update daily_demand in the lake to everything that landed before `xid_before`; `serve_demand` goes on from there.

    The commit carries the watermark: after a kill at any point the next run does what is left. A table that was made
    from another generation of movements is replaced.
    retold: product_id of products whose days are all made again. again: day from which on all days are. by: opens what
    computes.
    """
    movements = open_table(lake, "movements")
    table = open_table(lake, "daily_demand")
    if movements is None:
        return Folded(Demand(0, 0, version_of(table)), Changed(()), watermark_of(table))
    if generation_of(table) != generation_of(movements):
        table = None
    remade = len(retold) > 0 or again is not None
    if remade:
        forget_served(engine)
    since = watermark_of(table)
    changed = Changed(())
    if table is None or since < xid_before or remade or held_at(engine, "daily_demand"):
        changed, back = _sifted_demand(
            engine,
            movements,
            table,
            since=since,
            before=xid_before,
            retold=retold,
            again=again,
            by=by,
        )
        if table is None or since < xid_before or changed.rows:
            _merge(lake, table, changed, up_to(xid_before, generation=generation_of(movements)))
        pass_on(engine, back, "served")
    demand = Demand(
        changed.rows, len(changed.of("day")), version_of(open_table(lake, "daily_demand"))
    )
    return Folded(demand, changed, None if table is None else since)


def _sifted_demand(
    engine: sa.Engine,
    movements: DeltaTable,
    table: DeltaTable | None,
    *,
    since: int,
    before: int,
    retold: pa.Table,
    again: date | None,
    by: OpenEngine,
) -> tuple[Changed, Sequence[Pair]]:
    """Compute what changed, of all pairs but those that fail; returns it, and the pairs that failed before."""
    meanings = read_meanings(engine)

    def change(some: Some, xid_from: int) -> Spool:
        tables = changed_demand(
            movements,
            table,
            meanings,
            since=xid_from,
            before=before,
            retold=retold,
            again=again,
            some=some,
            opened=by,
        )
        return Spool(CHANGED_DEMAND, (batch for found in tables for batch in found.to_batches()))

    def touched() -> list[Pair]:
        return touched_pairs(
            movements, since=since, before=before, retold=retold, again=again, opened=by
        )

    sifted = sift(engine, "daily_demand", change, touched, since=since)
    return Changed(sifted.results), sifted.back


def _merge(
    lake: Lake, table: DeltaTable | None, changed: Changed, properties: CommitProperties
) -> None:
    if table is None:
        write_deltalake(
            lake.path("daily_demand"),
            _without_gone(changed),
            mode="overwrite",
            schema_mode="overwrite",
            partition_by=["month"],
            commit_properties=properties,
        )
        return
    if changed.rows == 0:
        # a merge of nothing commits nothing, and the watermark would stay behind
        none = DAILY_DEMAND.empty_table()
        write_deltalake(table, none, mode="append", commit_properties=properties)
        return
    rows = chained(CHANGED_DEMAND, changed.spools)
    values = {name: f"s.{name}" for name in DAILY_DEMAND.names}
    # named, so that other months are not read
    months = ", ".join(f"'{month}'" for month in sorted(changed.of("month")))
    key = f"t.month IN ({months}) AND {KEY}"
    (
        table.merge(rows, key, source_alias="s", target_alias="t", commit_properties=properties)
        .when_matched_delete("s.gone")
        .when_matched_update(values)
        .when_not_matched_insert(values)
        .execute()
    )


def _without_gone(changed: Changed) -> pa.RecordBatchReader:
    """Read rows that all stay, as the lake has them."""
    batches = (batch.select(DAILY_DEMAND.names) for spool in changed.spools for batch in spool)
    return pa.RecordBatchReader.from_batches(DAILY_DEMAND, batches)
