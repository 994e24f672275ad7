"""The further tables brought up to the movements: what new ones touch is made again, and the months that it is in."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import pyarrow as pa
import sqlalchemy as sa
from deltalake import CommitProperties, DeltaTable, write_deltalake

from etl.delta import generation_of, open_table, up_to, watermark_of
from etl.dimensions import NONE_RETOLD, Dimensions
from etl.held_pairs import all_held
from etl.spool import chained
from etl.sql_engine import OpenEngine, duck_engine
from etl.tables.making import Month, differing_months, rows_of_month
from etl.tables.schemas import KEPT, KeptTable
from etl.tables.workbench import Workbench, opened
from stocktide.foundation.lake import Lake


def update_tables(
    engine: sa.Engine,
    lake: Lake,
    dimensions: Dimensions,
    *,
    xid_before: int,
    retold: pa.Table = NONE_RETOLD,
    again: date | None = None,
    tell: Callable[[str], None] = lambda _: None,
    by: OpenEngine = duck_engine,
) -> Mapping[str, int]:
    """Bring every further table up to what landed before `xid_before`; returns the rows written of each that changed.

    A commit carries its watermark and its rows: after a kill the next run does what is left. A table of another form or
    of another generation is made again. retold: product_id of products whose rows are all made again, again: day from
    which on all rows are. tell: is told of each table that is looked at. by: opens what computes.
    """
    movements = open_table(lake, "movements")
    if movements is None:
        return {}
    generation = generation_of(movements)
    back = all_held(engine)
    remade = len(back) > 0 or len(retold) > 0 or again is not None
    written: dict[str, int] = {}
    with opened(lake, dimensions, before=xid_before, by=by) as bench:
        for table in KEPT.values():
            present = bench.show(table)
            whole = present is None or generation_of(present) != generation
            since = 0 if whole else watermark_of(present)
            if since >= xid_before and not remade:
                continue
            tell(table.name)
            bench.find_fresh(since, back, retold, again)
            if whole:
                bench.show_empty(table)
            changed = [
                rows_of_month(bench, table, month)
                for month in differing_months(engine, bench, table, whole=whole)
            ]
            properties = up_to(xid_before, generation=generation)
            _write(bench, table, None if whole else present, changed, properties)
            if changed:
                # those that are made of it come later
                bench.show(table)
                written[table.name] = sum(month.rows.rows for month in changed)
    return written


def _write(
    bench: Workbench,
    table: KeptTable,
    present: DeltaTable | None,
    changed: Sequence[Month],
    properties: CommitProperties,
) -> None:
    """Replace the months that changed; nothing but the watermark where none did."""
    rows = chained(table.schema, [month.rows for month in changed])
    if present is None:
        write_deltalake(
            bench.lake.path(table.name),
            rows,
            mode="overwrite",
            schema_mode="overwrite",
            partition_by=["month"],
            commit_properties=properties,
        )
    elif not changed:
        write_deltalake(present, rows, mode="append", commit_properties=properties)
    else:
        months = ", ".join(f"'{month.month}'" for month in changed)
        write_deltalake(
            present,
            rows,
            mode="overwrite",
            predicate=f"month IN ({months})",
            commit_properties=properties,
        )
