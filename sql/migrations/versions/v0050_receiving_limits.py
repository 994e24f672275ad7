"""How much a location can put away on a day."""

from importlib.resources import files

from alembic import op

revision = "0050"
down_revision = "0049"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(
        files("sql").joinpath("migrations", "0050_receiving_limits.sql").read_text("utf-8")
    )
