"""What a run of the ETL would do, without doing it."""

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from etl.delta import open_table, watermark_of
from etl.dimensions import read_dimensions, zones_changed
from etl.held_pairs import all_held
from etl.movements import has_form
from stocktide.foundation.database import statement
from stocktide.foundation.lake import Lake


@dataclass(frozen=True)
class Pending:
    """What waits in the ledger. whole: the lake would be made again; pairs_held_out: would be tried again."""

    rows: int
    pairs: int
    first_day: date | None
    last_day: date | None
    whole: bool
    pairs_held_out: int


def count_pending(engine: sa.Engine, lake: Lake) -> Pending:
    """Count what the next run would land."""
    table = open_table(lake, "movements")
    whole = not has_form(table) or zones_changed(lake, read_dimensions(engine))
    with engine.connect() as connection:
        since = {"since": 0 if whole else watermark_of(table)}
        row = connection.execute(statement("etl/pending"), since).one()
        held = len(all_held(connection))
    return Pending(row.rows, row.pairs, row.first_day, row.last_day, whole, held)
