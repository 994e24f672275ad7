"""The lake and what is served from it, made again from the ledger."""

import sqlalchemy as sa

from etl.numbers import renumber
from etl.run import EtlReport, run_etl
from etl.sql_engine import OpenEngine, duck_engine
from stocktide.foundation.lake import Lake


def rebuild_lake(engine: sa.Engine, lake: Lake, *, by: OpenEngine = duck_engine) -> EtlReport:
    """Make all of the lake again, and replace what is served; after a restore the ledger is renumbered first."""
    with engine.begin() as connection:
        renumber(connection)
    return run_etl(engine, lake, whole=True, by=by)
