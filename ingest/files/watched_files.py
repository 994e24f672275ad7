"""The record of files that were taken from a watched folder, each once by its content and what read it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.stored_text import storable

State = Literal["taken", "recorded", "done", "failed"]


class Content(NamedTuple):
    """What a file holds, and the mapping that reads it (empty: none does): by another one it says something else."""

    sha256: bytes
    mapping_sha256: bytes = b""


@dataclass(frozen=True)
class WatchedFile:
    """What is known of a content. recorded: its events are in, the file is still to be moved."""

    content: Content
    name: str
    state: State
    report: Mapping[str, Any]


def take_file(
    connection: sa.Connection, content: Content, name: str, size_bytes: int
) -> WatchedFile | None:
    """Begin with a content; None when it is to be recorded now, else what became of it before."""
    taken = connection.execute(
        statement("ingest/take_file"), {**content._asdict(), "name": name, "bytes": size_bytes}
    ).first()
    if taken is not None:
        return None
    row = connection.execute(
        sa.text(
            "SELECT sha256, mapping_sha256, name, state, report FROM watched_files"
            " WHERE sha256 = :sha256 AND mapping_sha256 = :mapping_sha256"
        ),
        content._asdict(),
    ).one()
    return _watched(row)


def set_state(
    connection: sa.Connection, content: Content, state: State, report: Mapping[str, Any]
) -> None:
    """Write down how far a content has come."""
    connection.execute(
        sa.text(
            "UPDATE watched_files SET state = :state, report = CAST(:report AS jsonb),"
            " finished_at = CASE WHEN :state IN ('done', 'failed') THEN now() END"
            " WHERE sha256 = :sha256 AND mapping_sha256 = :mapping_sha256"
        ),
        {
            **content._asdict(),
            "state": state,
            "report": storable(json.dumps(report, default=str, ensure_ascii=False)),
        },
    )


def not_moved(connection: sa.Connection, folder: str) -> list[WatchedFile]:
    """Contents of a folder that were recorded, and whose move nobody wrote down."""
    rows = connection.execute(
        sa.text(
            "SELECT sha256, mapping_sha256, name, state, report FROM watched_files"
            " WHERE state = 'recorded' AND report->>'folder' = :folder"
        ),
        {"folder": folder},
    )
    return [_watched(row) for row in rows]


def _watched(row: Any) -> WatchedFile:
    content = Content(bytes(row.sha256), bytes(row.mapping_sha256))
    return WatchedFile(content, row.name, row.state, row.report)
