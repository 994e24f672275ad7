"""The forecast that people act on, in one view; and who lets orders through without a person."""

from importlib.resources import files

from alembic import op

revision = "0052"
down_revision = "0050"


def upgrade() -> None:
    """Run the schema's next step."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(
        files("sql").joinpath("migrations", "0052_in_force_and_by_rule.sql").read_text("utf-8")
    )
