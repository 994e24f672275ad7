"""What a supplier was sent stays as it was sent; lists of the desk in one place; requests are kept whole."""

from importlib.resources import files

from alembic import op

revision = "0060"
down_revision = "0059"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(
        files("sql").joinpath("migrations", "0060_orders_as_sent.sql").read_text("utf-8")
    )
