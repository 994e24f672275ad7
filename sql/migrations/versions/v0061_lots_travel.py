"""Lots travel with the goods."""

from importlib.resources import files

from alembic import op

revision = "0061"
down_revision = "0060"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0061_lots_travel.sql").read_text("utf-8"))
