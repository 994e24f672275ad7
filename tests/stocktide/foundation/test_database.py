import psycopg
import pytest
import sqlalchemy as sa

from stocktide.foundation.database import create_engine, migrate, schema_revision
from stocktide.foundation.errors import Fatal, Invalid


def test_migrate_is_a_no_op_when_schema_is_current(database: sa.Engine) -> None:
    with database.connect() as connection:
        before = schema_revision(connection)
    assert migrate(database) == before


def test_migrate_refuses_when_schema_is_newer(database: sa.Engine) -> None:
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Fatal, match="made by a newer version"):
        migrate(database)


def test_ledger_refuses_change_when_somebody_tries(database: sa.Engine) -> None:
    for statement in (
        "UPDATE ledger SET quantity_milli = 0",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
    ):
        with database.begin() as connection, pytest.raises(sa.exc.DBAPIError, match="append-only"):
            connection.execute(sa.text(statement))


def test_create_engine_names_the_scheme_when_it_is_wrong() -> None:
    with pytest.raises(Invalid, match="postgresql://, not 'mysql'"):
        create_engine("mysql://localhost/x")


def test_reader_role_reads_and_cannot_write_or_see_secrets(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SET ROLE stocktide_reader")
        connection.execute("SELECT * FROM stock")
        for forbidden in (
            "SELECT * FROM users",
            "SELECT * FROM access_keys",
            "INSERT INTO locations (code) VALUES ('x')",
            "UPDATE stock SET on_hand_milli = 1",
            "DELETE FROM runs",
            "CREATE TABLE mine (x int)",
            "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('q', 't')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


@pytest.mark.parametrize("each", [False, True])
def test_calls_of_a_reader_are_planned_each_for_its_own_values(
    database_url: str, each: bool
) -> None:
    engine = create_engine(database_url, pool_size=1, plans_each=each)
    asked = sa.text("SELECT count(*) FROM products WHERE CAST(:sku AS text) IS NULL OR sku = :sku")
    with engine.connect() as connection:
        for _ in range(20):
            connection.execute(asked, {"sku": None})
        plans = sa.text(
            "SELECT coalesce(sum(generic_plans), 0) FROM pg_prepared_statements WHERE statement ~ 'products'"
        )
        generic = connection.execute(plans).scalar_one()
    engine.dispose()
    assert (generic == 0) == each
