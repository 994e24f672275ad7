"""A supplier may be one of our own locations."""

from importlib.resources import files

from alembic import op

revision = "0055"
down_revision = "0053"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0055_own_suppliers.sql").read_text("utf-8"))
