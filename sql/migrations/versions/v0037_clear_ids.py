"""Months of the ledger with clear ids are noted."""

from importlib.resources import files

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0037_clear_ids.sql").read_text("utf-8"))
