"""Formats with a door of their own, registered by it: files and rejects look here, and know none of them by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingest.recording.recording import Recorder

Report = dict[str, Any]


@dataclass(frozen=True)
class Format:
    """What a format can do for the others.

    suffixes: of its files, lower case. read_file: record a whole file and report on it; raises Invalid, Transient,
    OSError. compare: put a refused event beside the recorded one of its identity; None if there is none. recognises:
    return True if a file of such a suffix is one; without it all are.
    """

    name: str
    suffixes: frozenset[str]
    read_file: Callable[[Path, Recorder], Report]
    compare: Callable[[sa.Connection, bytes, str | None], dict[str, Any] | None]
    recognises: Callable[[Path], bool] | None = None


_FORMATS: dict[str, Format] = {}


def register_format(known: Format) -> None:
    """Make a format known. Raises ValueError for a second one of its name."""
    if known.name in _FORMATS:
        raise ValueError(f"there is a format {known.name!r} already")
    _FORMATS[known.name] = known


def format_of(name: str) -> Format | None:
    """Return the format of a name, or None if no door registered it."""
    return _FORMATS.get(name)


def format_of_file(path: Path) -> Format | None:
    """Return the format that a file has, by its suffix and, where others share that, by its header; or None.

    Raises Invalid for a header that is no text, OSError.
    """
    return format_of_suffix(path) or next(
        (known for known in _FORMATS.values() if known.recognises and known.recognises(path)), None
    )


def format_of_suffix(path: Path) -> Format | None:
    """Return the format that all files of a suffix have, or None."""
    suffix = path.suffix.lower()
    own = (known for known in _FORMATS.values() if known.recognises is None)
    return next((known for known in own if suffix in known.suffixes), None)
