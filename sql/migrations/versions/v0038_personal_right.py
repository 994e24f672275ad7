"""Users are given the right to see who customers are."""

from importlib.resources import files

from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(
        files("sql").joinpath("migrations", "0038_personal_right.sql").read_text("utf-8")
    )
