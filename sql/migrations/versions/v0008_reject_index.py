"""Rejects by the id of their event: a source and an id together may be longer than an index entry holds."""

from importlib.resources import files

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0008_reject_index.sql").read_text("utf-8"))
