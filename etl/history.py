"""The lake's history: which version of each table a run left, so that the past can be read and traced."""

import json
from typing import get_args

import sqlalchemy as sa

from etl.delta import open_table, version_of, watermark_of
from stocktide.foundation.database import statement
from stocktide.foundation.lake import Lake, LakeTable


def note_history(engine: sa.Engine, lake: Lake, *, run_id: int | None = None) -> None:
    """Note the version of every table as it is by now; nothing where none has changed since it was noted last.

    run_id: of the run that landed rows; None for one that only wrote the same rows in other files.
    """
    movements = open_table(lake, "movements")
    if movements is None:
        return
    opened = {name: open_table(lake, name) for name in get_args(LakeTable)}
    versions = {name: version_of(table) for name, table in opened.items() if table is not None}
    noted = {
        "run_id": run_id,
        "xid_before": watermark_of(movements),
        "versions": json.dumps(versions),
    }
    with engine.begin() as connection:
        connection.execute(statement("etl/note_history"), noted)
