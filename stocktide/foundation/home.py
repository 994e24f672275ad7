"""The home folder: who owns it now, which servers it runs, and where others find them."""

import fcntl
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from stocktide.foundation.clear_ids import Say, replace_clear_ids
from stocktide.foundation.database import create_engine, migrate
from stocktide.foundation.embedded import Postgres, Valkey, load_secrets
from stocktide.foundation.errors import Conflict, Fatal
from stocktide.foundation.private_files import keep_private, tighten
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log

# Roles that sign in to the embedded database beside its owner, by their parts.
ROLES = {"reader": "stocktide_reader", "api": "stocktide_api", "worker": "stocktide_worker"}
# A process's start is known from the boot time, which moves with the clock.
CLOCK_SLACK_S = 5.0


@dataclass(frozen=True)
class Services:
    """Addresses of the servers in use, whether embedded or given."""

    database_url: str
    read_database_url: str
    redis_url: str


class HomeLock:
    """Exclusive ownership of a home; the kernel releases it when the owner dies, however it dies."""

    def __init__(self, home: Path, owner: str) -> None:
        self._path = home / "lock"
        self._owner = owner
        try:
            keep_private(home)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise Fatal(
                "home_not_writable",
                f"STOCKTIDE_HOME {home} cannot be written: {error.strerror}. Set it to a folder of yours.",
            ) from None

    def acquire(self) -> None:
        """Lock the home. Raises Conflict that names the owner."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = self._path.read_text().strip() or "another process"
            raise Conflict("home_in_use", f"{self._path.parent} is in use by {owner}.") from None
        tighten(self._path.parent)
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{self._owner} (pid {os.getpid()})\n".encode(), 0)

    def release(self) -> None:
        """Release the home."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def state_path(home: Path) -> Path:
    """Return the file in which `stocktide up` writes what runs and where."""
    return home / "run.json"


def write_state(home: Path, state: dict[str, Any]) -> None:
    """Replace the state file in one step."""
    scratch = state_path(home).with_suffix(".new")
    scratch.touch(mode=0o600)
    scratch.write_text(json.dumps(state, default=str))
    scratch.replace(state_path(home))


def read_state(home: Path) -> dict[str, Any] | None:
    """Read what `stocktide up` last said, None if it does not run here."""
    try:
        state: dict[str, Any] = json.loads(state_path(home).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return state if _writer_lives(state) else None


def _writer_lives(state: dict[str, Any]) -> bool:
    """Return True if the supervisor still runs: a killed one leaves its file, and its pid may be another's now."""
    try:
        writer = psutil.Process(state["pid"])
        began, status = writer.create_time(), writer.status()
    except psutil.NoSuchProcess:
        return False
    started_at = datetime.fromisoformat(state["started_at"]).timestamp()
    return status != psutil.STATUS_ZOMBIE and began <= started_at + CLOCK_SLACK_S


def signing_key(settings: Settings) -> str:
    """Return the key that signs sign-in cookies."""
    return settings.secret_key or load_secrets(settings.home)["signing_key"]


def embedded_services(
    settings: Settings, postgres: Postgres | None, valkey: Valkey | None
) -> Services:
    """Return the given addresses, and those of the embedded servers where none is given."""
    database_url = settings.database_url or (postgres.url() if postgres else "")
    reader = role_url(settings, "reader") if postgres else database_url
    return Services(
        database_url=database_url,
        read_database_url=settings.read_database_url or reader,
        redis_url=settings.redis_url or (valkey.url if valkey else ""),
    )


def role_url(settings: Settings, part: str) -> str:
    """Return the embedded database's address for a role of ROLES; of a database that was given, the given one."""
    if settings.database_url:
        return settings.database_url
    password = role_password(load_secrets(settings.home), part)
    return Postgres(settings.home).url(role=ROLES[part], password=password)


def role_password(known: Mapping[str, str], part: str) -> str:
    """Return the password of a part's role, made of the owner's: an older home needs no other secret."""
    made = hmac.new(known["postgres"].encode(), ROLES[part].encode(), "sha256").hexdigest()
    return known.get(part, made)


def log_line(line: str) -> None:
    """Log what is said of a long step."""
    log("database_prepared", step=line)


def prepare_database(settings: Settings, services: Services, say: Say = log_line) -> None:
    """Migrate, and allow the roles of our parts to sign in to the embedded database.

    say: is told what takes long.
    """
    engine = create_engine(services.database_url)
    try:
        migrate(engine)
        replace_clear_ids(engine, settings, say)
        if settings.database_url is None:
            with engine.begin() as connection:
                let_parts_sign_in(connection, load_secrets(settings.home))
    finally:
        engine.dispose()


def let_parts_sign_in(connection: sa.Connection, known: Mapping[str, str]) -> None:
    """Give the roles of our parts their passwords; known: the secrets of the home."""
    from psycopg import sql

    for part, role in ROLES.items():
        statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(
            sql.Identifier(role), sql.Literal(role_password(known, part))
        )
        connection.exec_driver_sql(statement.as_string())


@contextmanager
def running_services(settings: Settings, owner: str) -> Iterator[Services]:
    """Provide a command's servers: those of a running `stocktide up`, or embedded ones while it runs.

    Raises Conflict if another single command owns the home.
    """
    if settings.database_url and settings.redis_url:
        services = embedded_services(settings, None, None)
        prepare_database(settings, services)
        yield services
        return
    lock = HomeLock(settings.home, owner)
    try:
        lock.acquire()
    except Conflict:
        state = read_state(settings.home)
        if state is None or "services" not in state:
            raise
        yield Services(**state["services"])
        return
    postgres = None if settings.database_url else Postgres(settings.home)
    valkey = None if settings.redis_url else Valkey(settings.home)
    try:
        for server in (postgres, valkey):
            if server is not None:
                server.start()
        services = embedded_services(settings, postgres, valkey)
        prepare_database(settings, services)
        yield services
    finally:
        for server in (valkey, postgres):
            if server is not None:
                server.stop()
        lock.release()


@contextmanager
def services_for(settings: Settings, owner: str) -> Iterator[tuple[sa.Engine, Services]]:
    """Provide an engine on the running servers, or on embedded ones while the command runs."""
    with running_services(settings, owner) as services:
        engine = create_engine(services.database_url)
        try:
            yield engine, services
        finally:
            engine.dispose()
