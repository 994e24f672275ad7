"""A console over a fresh database and a lake; the fork server of the jail is started once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from query import Console, Jail
from stocktide.foundation.settings import Settings


@pytest.fixture(scope="session")
def jail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jail]:
    """A jail with its fork server."""
    jail = Jail(tmp_path_factory.mktemp("jail"))
    assert jail.why_off() is None, jail.why_off()
    yield jail
    jail.close()


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    """Products A and B, locations S1 (Berlin) and S2."""
    with database.begin() as connection:
        put_products(connection, [ProductIn("A", name="Apple"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1", timezone="Europe/Berlin"), LocationIn("S2")])
    return Recorder(database, Settings())


@pytest.fixture
def console(recorder: Recorder, jail: Jail, tmp_path: Path) -> Iterator[Console]:
    """A console over the database and a lake that nothing was written to yet."""
    console = Console(recorder.engine, Settings(home=tmp_path), jail=jail)
    yield console
    console.snapshots.close()


def rows_of(console: Console, statement: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run a statement; give all its rows."""
    with answer(console, statement, **parameters) as rows:
        return rows


@contextmanager
def answer(console: Console, statement: str, **parameters: Any) -> Iterator[list[dict[str, Any]]]:
    """Run a statement; its rows, while it is open."""
    result = console.run(statement, parameters, complete=True)
    with result.spool:
        yield result.reader().read_all().to_pylist()
