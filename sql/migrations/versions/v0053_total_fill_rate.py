"""A fill rate of all lines of a location together."""

from importlib.resources import files

from alembic import op

revision = "0053"
down_revision = "0052"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(
        files("sql").joinpath("migrations", "0053_total_fill_rate.sql").read_text("utf-8")
    )
