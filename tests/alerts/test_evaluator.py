"""The evaluator's loop, when the database does not do what it should."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError

from alerts.evaluator import Evaluator
from stocktide.foundation.settings import load_settings
from tests.alerts.shops import Shops
from tests.alerts.test_feeds import FOUR_DAYS

WAIT_S = 10.0


def evaluator(shops: Shops) -> Evaluator:
    return Evaluator(shops.engine, load_settings(alert_timer_s=1))


@contextmanager
def evaluating(shops: Shops) -> Iterator[None]:
    """Run an evaluator beside the test."""
    beside = evaluator(shops)
    thread = threading.Thread(target=beside.run)
    thread.start()
    try:
        yield
    finally:
        beside.stop()
        thread.join()


def fail_once(shops: Shops, table: str, code: str) -> None:
    """Have the first statement that writes this table end with an error; what a sequence has counted stays."""
    with shops.engine.begin() as connection:
        connection.exec_driver_sql("CREATE SEQUENCE tries")
        connection.exec_driver_sql(
            "CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF nextval('tries') = 1 THEN RAISE EXCEPTION 'once' USING ERRCODE = '{code}'; END IF;"
            " RETURN NULL; END $$"
        )
        connection.exec_driver_sql(
            f"CREATE TRIGGER once AFTER INSERT ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fail_once()"
        )


def wait_for(shops: Shops, query: str) -> None:
    until = time.monotonic() + WAIT_S
    while not shops.scalar(query):
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize("table", ["feed_rhythms", "alerts"])
@pytest.mark.parametrize("code", ["40P01", "40001"])
def test_evaluator_does_again_at_once_what_a_deadlock_undid(
    shops: Shops, table: str, code: str
) -> None:
    fail_once(shops, table, code)
    shops.minutes("till", FOUR_DAYS)
    shops.stock(1, 1, 0)
    with evaluating(shops):
        wait_for(shops, "SELECT count(*) = 1 FROM feed_rhythms")
        wait_for(shops, "SELECT count(*) = 1 FROM alerts")


def test_evaluator_ends_with_the_error_when_the_database_is_not_what_it_knows(shops: Shops) -> None:
    with shops.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE stock RENAME COLUMN sensed_at TO seen_at")
    shops.stock(1, 1, 0)
    failing = evaluator(shops)
    # bounds the test where it goes on forever
    timer = threading.Timer(WAIT_S, failing.stop)
    timer.start()
    with pytest.raises(ProgrammingError, match="sensed_at"):
        failing.run()
    timer.cancel()


def test_evaluator_goes_on_when_its_connections_are_cut(shops: Shops) -> None:
    with evaluating(shops):
        shops.stock(1, 1, 0)
        wait_for(shops, "SELECT count(*) = 1 FROM alerts")
        with shops.engine.begin() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        shops.stock(1, 2, 0)
        wait_for(shops, "SELECT count(*) = 2 FROM alerts")
