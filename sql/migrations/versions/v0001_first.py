"""The first schema: products and places, keys and users, the ledger and what is derived from it."""

from importlib.resources import files

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create our tables, then the job queue's own (procrastinate)."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0001_first.sql").read_text("utf-8"))
    driver.execute(SchemaManager.get_schema())
