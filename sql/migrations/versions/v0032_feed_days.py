"""What each source sent of its last days."""

from importlib.resources import files

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0032_feed_days.sql").read_text("utf-8"))
