"""Postgres: engines, named SQL files and migrations."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from stocktide.foundation.bounded_connection import GRACE_S, BoundedConnection
from stocktide.foundation.database_errors import (
    DATABASE_ERRORS,
    first_line,
    is_retryable,
    why_away,
)
from stocktide.foundation.database_names import MIGRATION_LOCK
from stocktide.foundation.errors import Fatal, Transient
from stocktide.foundation.server_address import check_address

if TYPE_CHECKING:
    from alembic.config import Config

# A migration waits this long for a lock, then gives up: a waiting ALTER TABLE would block every reader behind it.
MIGRATION_LOCK_MS = 10_000
# How long connecting may take, in whole seconds as libpq counts them; the longest wait for a lock while a caller waits.
CONNECT_S = 5
LOCK_S = 2.0


def create_engine(
    url: str, *, pool_size: int = 10, answer_s: float | None = None, plans_each: bool = False
) -> sa.Engine:
    """Create an engine for a postgresql:// URL (psycopg 3). Nothing connects yet. Raises Invalid for another address.

    answer_s: how long anybody waits for a statement, a connection that answers, or one that is free; a lock is waited
    for half as long at most. None: for jobs, whose statements may take hours; they too give up connecting.
    plans_each: plan each call for its own values. Else the database takes one plan for all from the eleventh call on,
    which is faster for writers, and for lists with filters may read everything.
    """
    rest = check_address("database_url", url).partition("://")[2]
    options = "-c timezone=UTC -c jit=off"
    if plans_each:
        options += " -c plan_cache_mode=force_custom_plan"
    if answer_s is not None:
        options += f" -c statement_timeout={answer_s:g}s -c lock_timeout={min(LOCK_S, answer_s / 2) * 1000:.0f}ms"
    engine = sa.create_engine(
        _with_hidden_password(sa.make_url(f"postgresql+psycopg://{rest}")),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        pool_timeout=30.0 if answer_s is None else answer_s / 2,
        connect_args={"options": options, "connect_timeout": CONNECT_S},
    )
    if answer_s is not None:
        _bound(engine, answer_s + GRACE_S)
    return engine


def _with_hidden_password(url: sa.URL) -> sa.URL:
    """Return an address whose password stands where it is not shown, also one that came as `?password=`."""
    given = url.query.get("password")
    if given is None:
        return url
    # of several libpq takes the last
    password = given if isinstance(given, str) else given[-1]
    return url.set(password=password).difference_update_query(["password"])


def _bound(engine: sa.Engine, answer_s: float) -> None:
    @sa.event.listens_for(engine, "do_connect")
    def connect(
        _dialect: object, _record: object, arguments: list[str], named: dict[str, Any]
    ) -> object:
        connection = BoundedConnection.connect(*arguments, **named)
        connection.answer_s = answer_s
        return connection


@cache
def sql(name: str) -> str:
    """Read sql/NAME.sql, for example `catalog/product`. Binds are named, :sku."""
    return files("sql").joinpath(*f"{name}.sql".split("/")).read_text("utf-8")


@cache
def statement(name: str) -> sa.TextClause:
    """Read sql/NAME.sql as a statement that SQLAlchemy executes."""
    return sa.text(sql(name))


def _alembic(connection: sa.Connection | None = None) -> "Config":
    # Alembic takes as long to load as SQLAlchemy, and most processes never migrate
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(files("sql").joinpath("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def schema_revision(connection: sa.Connection) -> str | None:
    """Return the schema's revision, None for an empty database."""
    if connection.execute(sa.text("SELECT to_regclass('public.alembic_version')")).scalar() is None:
        return None
    revision: str | None = connection.execute(
        sa.text("SELECT version_num FROM alembic_version")
    ).scalar()
    return revision


def migrate(engine: sa.Engine) -> str:
    """Migrate the schema to the newest revision and return it; one migrator at a time.

    Raises Fatal if the database was made by a newer Stocktide, Transient if it cannot be reached.
    """
    try:
        with engine.connect() as connection:
            connection.execute(sa.text(f"SELECT pg_advisory_lock({MIGRATION_LOCK})"))
            connection.execute(sa.text(f"SET lock_timeout = {MIGRATION_LOCK_MS}"))
            connection.commit()
            try:
                return _upgrade(connection)
            finally:
                connection.rollback()
                connection.execute(sa.text(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})"))
    except DATABASE_ERRORS as error:
        if not is_retryable(error):
            raise
        raise Transient(
            "database_away", f"{why_away(error)} It said: {first_line(error)}"
        ) from error


def _upgrade(connection: sa.Connection) -> str:
    # as in _alembic
    from alembic import command
    from alembic.script import ScriptDirectory

    config = _alembic(connection)
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    head = scripts.get_current_head()
    current = schema_revision(connection)
    connection.rollback()
    if current is not None and current not in known:
        raise Fatal(
            "schema_newer",
            f"The database has schema {current}, this Stocktide knows up to {head}: it was made by a newer version. "
            "Install that version, or point to another database.",
        )
    if current != head:
        command.upgrade(config, "head")
        connection.commit()
    return str(head)
