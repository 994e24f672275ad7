"""The life of models: components, sample paths, backtest scores, the registry, decisions and drift."""

from importlib.resources import files

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    driver = op.get_bind().connection.driver_connection
    assert driver is not None  # noqa: S101 - migrations run online only
    driver.execute(files("sql").joinpath("migrations", "0002_models.sql").read_text("utf-8"))
