import uuid
from collections.abc import Iterator
from importlib.resources import files

import psycopg
import pytest
import sqlalchemy as sa

from stocktide.database import create_engine, migrate, schema_revision
from stocktide.embedded import Postgres


@pytest.fixture
def first_schema(postgres: Postgres) -> Iterator[sa.Engine]:
    """A database as the first version of Stocktide left it."""
    name = f"old_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(postgres.url(database=name)) as connection:
        connection.execute(files("sql").joinpath("migrations", "0001_first.sql").read_bytes())
        connection.execute("CREATE TABLE alembic_version (version_num text PRIMARY KEY)")
        connection.execute("INSERT INTO alembic_version VALUES ('0001')")
    engine = create_engine(postgres.url(database=name))
    yield engine
    engine.dispose()
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_migrate_makes_versions_of_what_was_published_before(first_schema: sa.Engine) -> None:
    with first_schema.begin() as connection:
        for _ in range(2):
            connection.execute(
                sa.text(
                    "INSERT INTO forecast_runs (cutoff, horizon_days, method, lake_version, hierarchy)"
                    " VALUES ('2026-03-01', 28, 'WLSS', 4, '[[]]')"
                )
            )
        connection.execute(sa.text("INSERT INTO published_forecast (forecast_run_id) VALUES (2)"))
    assert migrate(first_schema) == "0002"
    with first_schema.connect() as connection:
        assert schema_revision(connection) == "0002"
        versions = connection.execute(
            sa.text("SELECT version, forecast_run_id, status FROM forecast_models ORDER BY version")
        )
        assert [tuple(row) for row in versions] == [(1, 1, "retired"), (2, 2, "champion")]
        decisions = connection.execute(
            sa.text("SELECT version, replaced FROM forecast_decisions ORDER BY 1")
        )
        assert [tuple(row) for row in decisions] == [(1, None), (2, 1)]
