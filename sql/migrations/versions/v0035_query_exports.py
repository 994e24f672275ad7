"""Saved queries are exported by schedule."""

from importlib.resources import files

from alembic import op

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0035_query_exports.sql").read_text("utf-8"))
