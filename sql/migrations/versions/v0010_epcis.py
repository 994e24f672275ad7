"""EPCIS: movements that are made once more, contents of containers, places by what they name."""

from importlib.resources import files

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0010_epcis.sql").read_text("utf-8"))
