"""Drops of rejects that can be taken back, and files known by the mapping that read them."""

from importlib.resources import files

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0011_rejects.sql").read_text("utf-8"))
