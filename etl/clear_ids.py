"""The lake from before customers had pseudonyms: made again once, and nothing is left of the files of before."""

import sqlalchemy as sa

from etl.delta import open_table
from stocktide.foundation.clear_ids import LAKE
from stocktide.foundation.database import statement
from stocktide.foundation.lake import Lake
from stocktide.foundation.lake_schemas import SCHEMAS

KEPT_FOR = "delta.logRetentionDuration"
# As long as Delta keeps the log where nothing else is said.
USUALLY = "interval 30 days"


def lake_has_clear_ids(engine: sa.Engine) -> bool:
    """Return True if the lake has to be made again because it names customers by the ids of their senders."""
    with engine.connect() as connection:
        found = connection.execute(statement("etl/lake_has_clear_ids"), {"lake": LAKE})
        return bool(found.scalar_one())


def forget_clear_ids(engine: sa.Engine, lake: Lake) -> None:
    """Delete all versions but the newest of tables that name customers: their files, and the log, which knows ids too.

    A reader of an old version loses its files. Killed in the middle, the next run does it again.
    """
    for name, schema in SCHEMAS.items():
        table = open_table(lake, name) if "customer_id" in schema.names else None
        if table is None:
            continue
        table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
        table.alter.set_table_properties({KEPT_FOR: "interval 0 days"})
        table.create_checkpoint()
        table.cleanup_metadata()
        table.alter.set_table_properties({KEPT_FOR: USUALLY})
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM clear_ids WHERE place = :lake"), {"lake": LAKE})
