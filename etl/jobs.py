"""The ETL as a job of the queue."""

import sqlalchemy as sa

from etl.run import run_etl
from stocktide.errors import Conflict
from stocktide.lake import Lake
from stocktide.telemetry import log


def run_etl_job(engine: sa.Engine, lake: Lake) -> None:
    """Run the ETL; one that is under way already does this one's work too."""
    try:
        run_etl(engine, lake)
    except Conflict as error:
        log("etl_skipped", why=error.message)
