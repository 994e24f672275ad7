import uuid
from collections.abc import Iterator
from importlib.resources import files

import psycopg
import pytest
import sqlalchemy as sa
from alembic.command import upgrade

from stocktide.foundation.database import _alembic, create_engine, migrate
from stocktide.foundation.embedded import Postgres


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
    migrate(first_schema)
    with first_schema.connect() as connection:
        versions = connection.execute(
            sa.text("SELECT version, forecast_run_id, status FROM forecast_models ORDER BY version")
        )
        assert [tuple(row) for row in versions] == [(1, 1, "retired"), (2, 2, "champion")]
        runs = connection.execute(
            sa.text("SELECT DISTINCT frequency, horizon, one_day FROM forecast_runs")
        )
        assert [tuple(row) for row in runs] == [("D", 28, False)]
        decisions = connection.execute(
            sa.text("SELECT version, replaced FROM forecast_decisions ORDER BY 1")
        )
        assert [tuple(row) for row in decisions] == [(1, None), (2, 1)]


def test_migrate_keeps_the_ledger_when_it_goes_into_partitions(first_schema: sa.Engine) -> None:
    with first_schema.begin() as connection:
        for statement in (
            "INSERT INTO sources (source) VALUES ('/till')",
            "INSERT INTO products (sku) VALUES ('A')",
            "INSERT INTO locations (code) VALUES ('S1'), ('S2')",
            "INSERT INTO ledger (source_id, event_id, leg, payload_hash, kind, product_id, location_id,"
            " quantity_milli, customer_id, occurred_at, recorded_at)"
            " SELECT 1, 't' || n, leg, gen_random_uuid(), 'transfer', 1, 1 + leg, 1000 * (2 * leg - 1),"
            " CASE WHEN n = 1 THEN 'C1' END, '2024-11-03T10:00Z',"
            " timestamptz '2024-11-03T10:00Z' + n * interval '20 days'"
            " FROM generate_series(1, 30) n, generate_series(0, 1) leg",
        ):
            connection.execute(sa.text(statement))
        before = connection.execute(sa.text("SELECT entry_id, xid::text FROM ledger ORDER BY 1"))
        rows = before.all()
    migrate(first_schema)
    with first_schema.connect() as connection:
        after = connection.execute(sa.text("SELECT entry_id, xid::text FROM ledger ORDER BY 1"))
        assert after.all() == rows
        astray = sa.text("SELECT count(*) FROM ledger_other")
        assert connection.execute(astray).scalar_one() == 0
        claimed = sa.text(
            "SELECT count(*) FROM event_identities i"
            " JOIN ledger l USING (entry_id, event_id, product_id, location_id, occurred_at, recorded_at)"
            " WHERE leg = 0 AND to_location_id = 2"
        )
        assert connection.execute(claimed).scalar_one() == 30
        following = connection.execute(sa.text("SELECT nextval('ledger_entries')")).scalar_one()
        assert following > max(entry for entry, _ in rows)
        clear = connection.execute(sa.text("SELECT place FROM clear_ids ORDER BY 1")).scalars()
        assert [*clear] == ["lake", "ledger_2024_11"]


ORDERED_BEFORE = """
INSERT INTO products (sku, name, unit) VALUES ('A', 'Flour', 'kg'), ('B', NULL, 'each');
INSERT INTO locations (code) VALUES ('S1');
INSERT INTO sources (source) VALUES ('/stocktide/orders');
INSERT INTO suppliers (term, content_hash, supplier, name, recorded_by) VALUES ('mill', '', 'mill', 'The mill', 'anna');
INSERT INTO supplier_products (term, content_hash, supplier, product, pack_milli, sku, recorded_by, known_since,
                               recorded_at, withdrawn_at, withdrawn_by)
VALUES ('then', '', 'mill', 'A', 6000, 'M-1', 'anna', '2026-01-01', '2026-01-01', '2026-05-01', 'anna'),
       ('then', '', 'mill', 'A', 7000, 'M-2', 'anna', '2026-05-01', '2026-05-01', NULL, NULL);
INSERT INTO purchase_orders (order_id, supplier, ordered_by, ordered_at, expected_on)
VALUES ('PO-1', 'mill', 'anna', '2026-03-01', '2026-03-15');
INSERT INTO order_lines (supplier, product, location, state, proposed_milli, order_id, order_line, ordered_milli)
VALUES ('mill', 'A', 'S1', 'ordered', 1, 'PO-1', 1, 12000),
       ('mill', 'B', 'S1', 'cancelled', 1, 'PO-1', 2, 12000);
INSERT INTO commitments (purpose, reference, product_id, location_id, opened_milli, expected_on)
VALUES ('on_order', 'PO-1', 1, 1, 12000, '2026-03-05'), ('on_order', 'PO-1', 2, 1, 0, NULL);
INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli, occurred_at,
                    expected_on)
VALUES (1, 1, 'PO-1-2', 'order', 2, 1, 0, '2026-03-01', '2026-03-09');
INSERT INTO event_identities (source_id, event_id, entry_id, product_id, location_id, occurred_at)
VALUES (1, 'PO-1-2', 1, 2, 1, '2026-03-01');
INSERT INTO order_actions (line_id, action, by, request, after)
SELECT line, 'approve', 'anna', 'r', '{}' FROM generate_series(1, 2) line;
"""


def test_migrate_keeps_orders_as_they_were_sent(first_schema: sa.Engine) -> None:
    """By the terms of then, each line on its own day: a cancelled one, too, whose order is open no more."""
    with first_schema.connect() as connection:
        upgrade(_alembic(connection), "0058")
        connection.commit()
    with first_schema.begin() as connection:
        connection.execute(sa.text(ORDERED_BEFORE))
    migrate(first_schema)
    with first_schema.connect() as connection:
        lines = connection.execute(
            sa.text(
                "SELECT expected_on::text, pack_milli, supplier_sku, unit, product_name, location_name FROM order_lines"
                " ORDER BY line_id"
            )
        )
        assert [tuple(row) for row in lines] == [
            ("2026-03-05", 6000, "M-1", "kg", "Flour", "S1"),
            ("2026-03-09", None, None, "each", "B", "S1"),
        ]
        name = connection.execute(sa.text("SELECT supplier_name FROM purchase_orders"))
        assert name.scalar_one() == "The mill"
        asked = connection.execute(sa.text("SELECT asked FROM order_requests")).scalar_one()
    assert asked == {number: {"action": "approve", "by": "anna"} for number in ("1", "2")}
