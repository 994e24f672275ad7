"""One alert for an order that is late."""

from importlib.resources import files

from alembic import op

revision = "0056"
down_revision = "0055"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(
        files("sql").joinpath("migrations", "0056_late_orders_whole.sql").read_text("utf-8")
    )
