"""sql/schema.sql is what the migrations make, and says of each table what it is and of each index what it serves."""

import re
from importlib.resources import files

import pytest
import sqlalchemy as sa

from stocktide.foundation.schema_text import schema_text

QUERY = re.compile(r"\b(?:alerts|catalog|etl|forecasting|ingest|query|stocktide)/[a-z_/]+")


def rows_of(connection: sa.Connection, kinds: str) -> list[tuple[str, str | None]]:
    """Return name and comment of our relations of these kinds; not of partitions, keys, or the queue's tables."""
    found = connection.execute(
        sa.text(
            "SELECT relname, obj_description(oid, 'pg_class') FROM pg_class c"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = ANY(CAST(:kinds AS text[]))"
            " AND NOT relispartition AND relname !~ 'procrastinate|^alembic'"
            " AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid AND contype IN ('p', 'u', 'x'))"
        ),
        {"kinds": kinds},
    )
    return [(str(name), comment) for name, comment in found]


def test_the_file_is_what_the_migrations_make(database: sa.Engine) -> None:
    with database.connect() as connection:
        made = schema_text(connection)
    kept = files("sql").joinpath("schema.sql").read_text("utf-8")
    assert kept == made, "sql/schema.sql is not the schema of the migrations: run `make schema`"


def test_a_change_of_the_schema_changes_the_text(database: sa.Engine) -> None:
    with database.begin() as connection:
        before = schema_text(connection)
        connection.execute(sa.text("ALTER TABLE lots ADD COLUMN colour text DEFAULT 'red'"))
        connection.execute(sa.text("COMMENT ON COLUMN lots.colour IS 'of its box'"))
        connection.execute(sa.text("CREATE INDEX lots_colour ON lots (colour) WHERE lot <> ''"))
        connection.execute(sa.text("COMMENT ON INDEX lots_colour IS 'Serves nobody.'"))
        after = schema_text(connection)
    added = set(after.splitlines()) - set(before.splitlines())
    assert {
        "    -- of its box",
        "-- Serves nobody.",
        "CREATE INDEX lots_colour ON lots (colour) WHERE lot <> ''::text;",
    } <= added
    assert any(re.match(r" +colour +text DEFAULT 'red'::text,$", line) for line in added)


def test_every_table_and_view_says_what_it_is(database: sa.Engine) -> None:
    with database.connect() as connection:
        relations = rows_of(connection, "{r,p,v}")
    assert len(relations) > 50
    assert [name for name, comment in relations if not comment] == []


def test_every_index_names_what_it_serves(database: sa.Engine) -> None:
    with database.connect() as connection:
        indexes = rows_of(connection, "{i,I}")
    assert len(indexes) > 45
    assert [name for name, comment in indexes if "Serves " not in (comment or "")] == []


def test_every_query_that_an_index_names_is_there(database: sa.Engine) -> None:
    with database.connect() as connection:
        named = {
            query for _, text in rows_of(connection, "{i,I}") for query in QUERY.findall(text or "")
        }
    assert len(named) > 30
    missing = [
        query for query in sorted(named) if not files("sql").joinpath(f"{query}.sql").is_file()
    ]
    assert missing == []


@pytest.mark.parametrize("left_out", ["procrastinate_jobs", "alembic_version", "ledger_other"])
def test_what_is_not_ours_to_read_is_left_out(left_out: str) -> None:
    assert f"TABLE {left_out} (" not in files("sql").joinpath("schema.sql").read_text("utf-8")
