"""Real servers for the tests: one embedded Postgres and Valkey a session, a fresh database a test."""

import contextlib
import functools
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
import redis
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI
from hypothesis import settings as hypothesis_settings

import catalog.invalidation
from stocktide.entrypoints.api import all_parts, create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine, migrate
from stocktide.foundation.embedded import POSTGRES_OPTIONS, Postgres, Valkey, load_secrets
from stocktide.foundation.home import ROLES, let_parts_sign_in, role_password
from stocktide.foundation.keys import SCOPES, create_key
from stocktide.foundation.settings import NOT_SETTINGS, load_settings
from tests.http import NO_TLS, QuickServer
from tests.real_data import REAL_DATA_ABSENT, absence_line
from tests.scratch import clear, memory_scratch

# In CI the same examples every time: a change does not fail by luck, and whoever works here tries others each time.
hypothesis_settings.register_profile(
    "stocktide", deadline=None, print_blob=True, derandomize=os.environ.get("STOCKTIDE_CI") == "1"
)
hypothesis_settings.load_profile("stocktide")


# Set for all tests, so that none makes a key in the home of whoever runs them.
CUSTOMER_KEY = "STOCKTIDE_CUSTOMER_KEY"


def pytest_configure(config: pytest.Config) -> None:
    """Keep what tests write in memory, where there is room; workers inherit TMPDIR, and so keep to the same folder."""
    os.environ.setdefault(CUSTOMER_KEY, "k" * 32)
    if "TMPDIR" not in os.environ and (scratch := memory_scratch()):
        os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
        config.add_cleanup(lambda: clear(scratch))


# Folders whose files take minutes each: they come first, so that at the end no worker is left alone with one.
LONG = ("system", "browser", "forecasting")


# Whoever asks for one of these, itself or through another fixture, runs on real servers.
SERVER_FIXTURES = frozenset({"server_home", "own_valkey", "broker", "browser", "home"})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs on real servers, and order files by how long they take; within a file nothing changes."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & SERVER_FIXTURES or item.get_closest_marker("system"):
            item.add_marker("servers")
    items.sort(key=lambda item: not any(name in item.path.parts for name in LONG))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the developer's own STOCKTIDE_* away from the tests."""
    for name in list(os.environ):
        if name.startswith("STOCKTIDE_") and name not in NOT_SETTINGS | {CUSTOMER_KEY}:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def server_home() -> Iterator[Path]:
    """Home of the session's servers; not pytest's own folder, which another session of root's shuts off."""
    with tempfile.TemporaryDirectory(
        prefix="stocktide-test-", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres(server_home: Path) -> Iterator[Postgres]:
    """One real PostgreSQL with a migrated template database.

    It does not wait for the disk: a copy of the template takes two checkpoints, and no test cuts this one's power.
    """
    server = Postgres(server_home)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            patch.setitem(POSTGRES_OPTIONS, name, "off")
        server.start()
    engine = create_engine(server.url())
    migrate(engine)
    with engine.begin() as connection:
        let_parts_sign_in(connection, load_secrets(server_home))
    engine.dispose()
    yield server
    server.stop()


@contextlib.contextmanager
def copied(postgres: Postgres, template: str = "stocktide") -> Iterator[str]:
    """Copy a database that nobody is connected to; gives the copy's address."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.url(database="postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        yield postgres.url(database=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """Address of a fresh, migrated database: a copy of the template."""
    with copied(postgres) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[sa.Engine]:
    """Engine on a fresh, migrated database."""
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def valkey_server(server_home: Path) -> Iterator[Valkey]:
    """One real Valkey."""
    server = Valkey(server_home)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Iterator["redis.Redis"]:
    """Client of an empty Valkey."""
    client = redis.Redis.from_url(valkey_server.url)
    client.flushall()
    yield client
    client.close()


@dataclass(frozen=True)
class Api:
    """The service on a free port, the engine that it asks by, and a client for each scope of key."""

    url: str
    engine: sa.Engine
    ingest: httpx.Client
    read: httpx.Client
    operate: httpx.Client
    personal: httpx.Client
    nobody: httpx.Client


AsPart = Callable[[str], sa.Engine]


@pytest.fixture
def as_part(database: sa.Engine, server_home: Path) -> Iterator[AsPart]:
    """Connect to the test's database in the role of a part: `as_part("api")`."""
    engines: list[sa.Engine] = []

    def connect(part: str) -> sa.Engine:
        password = role_password(load_secrets(server_home), part)
        url = database.url.set(drivername="postgresql", username=ROLES[part], password=password)
        engines.append(create_engine(url.render_as_string(hide_password=False)))
        return engines[-1]

    yield connect
    for engine in engines:
        engine.dispose()


@contextlib.contextmanager
def serving(app: FastAPI, *, log_level: str = "error") -> Iterator[str]:
    """Serve an application on a free port while the block runs; its address."""
    server = QuickServer(uvicorn.Config(app, port=0, log_level=log_level))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


# Most of what it takes to build the service is to work out what each of 150 routes takes and gives.
parts_once = functools.cache(all_parts)


@pytest.fixture
def api(
    database: sa.Engine,
    as_part: AsPart,
    valkey: "redis.Redis",
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Api]:
    """The real HTTP server, in its own role, over a fresh database and an empty cache."""
    # how often it looks whether it should end: each test waits for that
    monkeypatch.setattr(catalog.invalidation, "WAIT_S", 0.02)
    monkeypatch.setattr("stocktide.entrypoints.api.all_parts", parts_once)
    settings = load_settings(home=tmp_path)
    cache_url = f"unix://{valkey.get_connection_kwargs()['path']}"
    engine = as_part("api")
    app = create_app(
        settings,
        engine,
        connect_cache(cache_url),
        signing_key="x" * 32,
    )
    with database.begin() as connection:
        texts = {scope: create_key(connection, f"test {scope}", scope) for scope in SCOPES}
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(serving(app))
        clients = {
            scope: stack.enter_context(
                httpx.Client(
                    base_url=url,
                    headers={"Authorization": f"Bearer {text}"},
                    timeout=30,
                    verify=NO_TLS,
                )
            )
            for scope, text in texts.items()
        }
        nobody = stack.enter_context(httpx.Client(base_url=url, timeout=30, verify=NO_TLS))
        yield Api(url=url, engine=engine, nobody=nobody, **clients)


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Give the next test the umask of before: whoever opens a home in this process makes its files private."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder of its own."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Folder of real data; absent outside the makers' own machines, where the tests that want it say so."""
    folder = Path(
        os.environ.get("STOCKTIDE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data")
    )
    if not folder.is_dir():
        pytest.skip(f"{REAL_DATA_ABSENT}: set STOCKTIDE_TEST_DATA to its folder")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a test that skips for a missing part fails: only real data, which we may not ship, can be absent."""
    report = yield
    reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else ""
    if os.environ.get("STOCKTIDE_CI") and report.skipped and REAL_DATA_ABSENT not in reason:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped in CI: {reason} ({call.when})"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line what data is missing and how to get it."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    if line := absence_line(reasons):
        terminalreporter.write_line(line)
