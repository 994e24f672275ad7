"""Sums of the ledger up to where the lake has come."""

from importlib.resources import files

from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0030_lake_sums.sql").read_text("utf-8"))
