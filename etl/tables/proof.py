"""Proof that the further tables are what a run over the whole lake would make of them."""

import sqlalchemy as sa

from etl.compared import Compared
from etl.delta import generation_of, open_table, watermark_of
from etl.dimensions import NONE_RETOLD, Dimensions
from etl.tables.making import differing_months
from etl.tables.schemas import KEPT, KeptTable
from etl.tables.workbench import opened
from stocktide.foundation.lake import Lake


def compare_table(
    engine: sa.Engine, lake: Lake, dimensions: Dimensions, table: KeptTable
) -> Compared:
    """Compare a table with what its query makes of the lake as it stood at the table's watermark.

    `differ` counts months; rows of later transactions wait.
    """
    movements, present = open_table(lake, "movements"), open_table(lake, table.name)
    if movements is None:
        return Compared(0, int(present is not None))
    if present is None:
        # a version without this table was the last to run
        return Compared(0, 0, movements.count())
    if generation_of(present) != generation_of(movements):
        return Compared(0, 1, note="It is made from another lake: run `stocktide etl`.")
    with opened(lake, dimensions, before=watermark_of(present)) as bench:
        for other in KEPT.values():
            bench.show(other)
        if bench.show(table) is None:
            return Compared(0, 0, movements.count())
        bench.find_fresh(0, (), NONE_RETOLD, None)
        differ = len(list(differing_months(engine, bench, table, whole=True, settled=True)))
        waiting = bench.count(f"landed WHERE xid >= {bench.before:d}")
        return Compared(bench.count(table.name), differ, waiting)
