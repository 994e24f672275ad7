"""Record of files that were taken from a watched folder, each once by its content and what read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.stored_text import storable

State = Literal["taken", "recorded", "done", "failed"]


class Content(NamedTuple):
    """Hashes of a file and of the mapping that reads it (empty: none does): by another one it says something else."""

    sha256: bytes
    mapping_sha256: bytes = b""


@dataclass(frozen=True)
class WatchedFile:
    """A content that is known. recorded: its events are in, the file is still to be moved."""

    content: Content
    name: str
    state: State
    report: Mapping[str, Any]


def take_file(
    connection: sa.Connection, content: Content, name: str, size_bytes: int
) -> WatchedFile | None:
    """Begin with a content. Returns None if it is to be recorded now, else what became of it before."""
    binds = {**content._asdict(), "name": name, "bytes": size_bytes}
    if connection.execute(statement("ingest/take_file"), binds).first() is not None:
        return None
    return _known(connection, content._asdict() | {"folder": None})[0]


def set_state(
    connection: sa.Connection, content: Content, state: State, report: Mapping[str, Any]
) -> None:
    """Write down how far a content has come."""
    said = storable(json.dumps(report, default=str, ensure_ascii=False))
    binds = {**content._asdict(), "state": state, "report": said}
    connection.execute(statement("ingest/set_file_state"), binds)


def not_moved(connection: sa.Connection, folder: str) -> list[WatchedFile]:
    """Return the contents of a folder that were recorded, and whose move nobody wrote down."""
    return _known(connection, {"sha256": None, "mapping_sha256": None, "folder": folder})


def _known(connection: sa.Connection, binds: Mapping[str, Any]) -> list[WatchedFile]:
    rows = connection.execute(statement("ingest/watched_files"), binds)
    return [
        WatchedFile(Content(bytes(r.sha256), bytes(r.mapping_sha256)), r.name, r.state, r.report)
        for r in rows
    ]
