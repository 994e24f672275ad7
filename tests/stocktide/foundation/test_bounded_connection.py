"""A server that hangs, a statement that is slow, a lock that is held, a pool that is empty: every wait ends."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from psycopg.errors import LockNotAvailable

from stocktide.foundation.database import create_engine
from stocktide.foundation.database_errors import DATABASE_ERRORS, cause_of, is_locked, reaction_to
from stocktide.foundation.database_watch import DatabaseWatch
from stocktide.foundation.embedded import Postgres, kill_tree
from stocktide.foundation.errors import Transient
from tests.system.running import suspended, wait_until

ANSWER_S = 1.0


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    made = create_engine(database_url, pool_size=1, answer_s=ANSWER_S)
    yield made
    made.dispose()


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def backend(connection: sa.Connection) -> int:
    return int(connection.execute(sa.text("SELECT pg_backend_pid()")).scalar_one())


def failing(do: Callable[[], object]) -> tuple[Exception, float]:
    """What it raises, and after how long."""
    began = time.monotonic()
    try:
        do()
    except DATABASE_ERRORS as error:
        return error, time.monotonic() - began
    pytest.fail("nothing was raised")


def test_a_server_that_hangs_is_waited_for_so_long_and_no_longer(engine: sa.Engine) -> None:
    with engine.connect() as connection, stopped(backend(connection)):
        error, took = failing(lambda: connection.execute(sa.text("SELECT 1")))
        assert reaction_to(error) == "transient"
        assert ANSWER_S < took < ANSWER_S + 3
        assert connection.invalidated
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_a_copy_into_a_server_that_hangs_ends_too(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sa.text("CREATE TEMP TABLE t (a int)"))
        driver = connection.connection.driver_connection
        assert driver is not None

        def copy() -> None:
            with driver.cursor().copy("COPY t FROM STDIN") as into:
                for number in range(10**9):
                    into.write(f"{number}\n" * 1_000)

        with stopped(backend(connection)):
            error, took = failing(copy)
        connection.invalidate()
    assert reaction_to(error) == "transient"
    assert took < ANSWER_S + 5


def test_a_slow_statement_is_ended_by_the_server_and_the_connection_lives(
    engine: sa.Engine,
) -> None:
    with engine.connect() as connection:
        error, took = failing(lambda: connection.execute(sa.text("SELECT pg_sleep(30)")))
        assert reaction_to(error) == "transient"
        assert "statement timeout" in str(error)
        assert took < ANSWER_S + 1
        connection.rollback()
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_a_lock_is_waited_for_shorter_than_a_statement(
    engine: sa.Engine, database: sa.Engine
) -> None:
    with database.begin() as holder, engine.connect() as connection:
        holder.execute(sa.text("LOCK TABLE products"))
        error, took = failing(lambda: connection.execute(sa.text("SELECT * FROM products")))
    assert isinstance(cause_of(error), LockNotAvailable)
    assert is_locked(error)
    assert took < ANSWER_S


def test_an_empty_pool_is_transient(engine: sa.Engine) -> None:
    with engine.connect(), engine.connect():
        error, took = failing(lambda: engine.connect())
    assert reaction_to(error) == "transient"
    assert took < ANSWER_S + 1


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of its own, for it is stopped as a whole."""
    server = Postgres(tmp_path_factory.mktemp("hang"))
    server.start()
    yield server
    assert server.process is not None
    kill_tree(server.process.pid)
    server.process.wait()


def test_the_watch_refuses_at_once_while_the_server_hangs(own_server: Postgres) -> None:
    engine = create_engine(own_server.url())
    watch = DatabaseWatch(engine)
    watch.start()
    try:
        watch.check()
        wait_until(lambda: watch.ready, 5, "it does not see that the server answers")
        assert own_server.process is not None
        with suspended(own_server.process.pid):
            wait_until(lambda: not watch.answers, 20, "it still says that the server answers")
            assert not watch.ready
            began = time.monotonic()
            with pytest.raises(Transient, match="does not answer"):
                watch.check()
            assert time.monotonic() - began < 0.1
        wait_until(lambda: watch.ready, 20, "it does not see that the server answers")
        watch.check()
    finally:
        watch.stop()
        engine.dispose()
