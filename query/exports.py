"""Exports of saved queries by their schedules: complete files under HOME/exports, the newest of each are kept."""

import os
import re
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from query.console import Console
from query.formats import Format, written
from query.saved import next_due, rows_of, values_for
from stocktide.foundation.database import statement
from stocktide.foundation.errors import StocktideError
from stocktide.foundation.stored_text import storable

FOLDER = "exports"
ERROR_MAX = 1_000
SLUG_CHARACTERS_MAX = 40


def is_due(engine: sa.Engine, now: datetime) -> bool:
    """Return True if an export is due."""
    with engine.connect() as connection:
        return bool(rows_of(connection, "due", now=now))


def export_due(console: Console, now: datetime, say: Callable[[str], None]) -> dict[str, int]:
    """Write what is due, each query once; one that fails is noted and waits for its next time.

    Returns how many files were written, and how many exports failed.
    """
    with console.engine.connect() as connection:
        due = rows_of(connection, "due", now=now)
    done = {"written": 0, "failed": 0}
    for row in due:
        error = export_one(console, row, now)
        done["failed" if error else "written"] += 1
        say(f"{row['name']}: {error or 'written'}")
    return done


def export_one(console: Console, row: dict[str, Any], now: datetime) -> str | None:
    """Export one query, record it and make room; returns why it failed, None if it did not."""
    with console.engine.begin() as connection:
        # before it runs: what ends the process is not tried again at once
        put_off = {"query_id": row["query_id"], "due_at": next_due(row["schedule"], now)}
        connection.execute(statement("query/saved/put_off"), put_off)
        export_id = rows_of(connection, "begin_export", query_id=row["query_id"])[0]["export_id"]
    folder = console.settings.home / FOLDER / str(row["query_id"])
    ended: dict[str, Any] = {"file": None, "rows": None, "bytes": None, "error": None}
    try:
        ended |= _write(console, row, folder, now)
    except StocktideError as error:
        ended["error"] = storable(error.message)[:ERROR_MAX]
    except OSError as error:
        ended["error"] = f"The file could not be written: {storable(str(error))[:ERROR_MAX]}"
    gone = _make_room(folder, console.settings.exports_kept)
    with console.engine.begin() as connection:
        connection.execute(
            statement("query/saved/finish_export"), {"export_id": export_id, **ended}
        )
        forgotten = {"query_id": row["query_id"], "files": gone}
        connection.execute(statement("query/saved/forget_files"), forgotten)
    error_words: str | None = ended["error"]
    return error_words


def _write(console: Console, row: dict[str, Any], folder: Path, now: datetime) -> dict[str, Any]:
    """Write all rows of a query to a new file, which appears whole. Raises StocktideError, OSError."""
    form: Format = row["form"]
    values = values_for(row["parameters"], {})
    by = f"{row['owner']} (schedule)"
    result = console.ask(row["statement"], values, asked_by=by, complete=True)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"{slug(row['name'])}-{now:%Y%m%dT%H%M%SZ}.{form}"
    partial = folder / f".{name}.part"
    try:
        with result.spool, written(result, form) as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target)
        os.replace(partial, folder / name)
    finally:
        partial.unlink(missing_ok=True)
    return {"file": name, "rows": result.rows, "bytes": (folder / name).stat().st_size}


def _make_room(folder: Path, kept: int) -> list[str]:
    """Remove all but the newest files of a query; returns their names."""
    if not folder.is_dir():
        return []
    # of one query the names differ by their time; after another name or form, the time decides
    files = sorted(folder.glob("[!.]*"), key=lambda path: path.stem.rpartition("-")[2])
    gone = files[: max(0, len(files) - kept)]
    for path in gone:
        path.unlink(missing_ok=True)
    return [path.name for path in gone]


def remove_orphans(engine: sa.Engine, home: Path) -> int:
    """Remove the exports of queries that are gone; returns of how many."""
    folders = [path for path in (home / FOLDER).glob("*") if path.name.isdecimal()]
    with engine.connect() as connection:
        known = {str(row["query_id"]) for row in rows_of(connection, "numbers")}
    gone = [path for path in folders if path.name not in known]
    for path in gone:
        shutil.rmtree(path, ignore_errors=True)
    return len(gone)


def slug(name: str) -> str:
    """Return a name as a part of a file's name: letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:SLUG_CHARACTERS_MAX] or "query"
