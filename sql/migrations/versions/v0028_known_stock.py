"""What is known of stock is said by one function."""

from importlib.resources import files

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0028_known_stock.sql").read_text("utf-8"))
