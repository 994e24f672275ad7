"""Rows and logs that may go, by `stores`: a few thousand at a time, so that nobody waits behind them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from stocktide.foundation.settings import Settings
from stocktide.foundation.steps import Steps
from stocktide.foundation.stores import TABLES, Retention

ROWS_AT_ONCE = 5_000
# Of a log that is too long the newest part is kept.
LOG_SHARE_KEPT = 0.5

Say = Callable[[str], None]


def delete_aged(
    engine: sa.Engine, settings: Settings, say: Say, steps: Steps | None = None
) -> dict[str, int]:
    """Delete the rows that are too old; returns how many by table. Each few thousand are a transaction of their own.

    steps: notes the tables that fail (None: they are raised when the others are done).
    """
    noted = steps or Steps()
    deleted: dict[str, int] = {}
    for table, store in TABLES.items():
        if store.retention is None:
            continue
        days = int(getattr(settings, store.retention.setting))
        delete = partial(_delete, engine, table, store.retention, days)
        deleted[table] = noted.do(table, delete, int)
        if deleted[table]:
            say(f"{table}: {deleted[table]:,} rows older than {days} days deleted")
    if steps is None:
        noted.end()
    return deleted


def _delete(engine: sa.Engine, table: str, retention: Retention, days: int) -> int:
    # names and conditions are our own
    statement = sa.text(
        f"DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table}"  # noqa: S608
        f" WHERE {retention.column} < now() - make_interval(days => :days) AND {retention.where}"
        f" LIMIT {ROWS_AT_ONCE}))"
    )
    total = 0
    while True:
        with engine.begin() as connection:
            # the history of rejects refuses to be changed by anything but this
            connection.execute(sa.text("SET LOCAL stocktide.retention = 'on'"))
            count = connection.execute(statement, {"days": days}).rowcount
        total += count
        if count < ROWS_AT_ONCE:
            return total


def shorten_logs(folder: Path, bytes_max: int, say: Say) -> dict[str, int]:
    """Shorten logs that are too long to their newest lines, in place: their writers go on. Returns bytes by file."""
    cut: dict[str, int] = {}
    for path in sorted(folder.glob("*.log")):
        size = path.stat().st_size
        if size <= bytes_max:
            continue
        with path.open("rb+") as log:
            log.seek(size - int(bytes_max * LOG_SHARE_KEPT))
            log.readline()
            newest = log.read()
            # writers append: they go on behind what is written here
            log.truncate(0)
            log.seek(0)
            log.write(newest)
        cut[path.name] = size - len(newest)
        say(f"{path.name}: {cut[path.name]:,} bytes of old lines deleted")
    return cut
