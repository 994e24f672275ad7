"""The people that sign in, as a view without secrets."""

from importlib.resources import files

from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0041_people.sql").read_text("utf-8"))
