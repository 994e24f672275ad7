"""Files that are nobody else's business: all that is made under HOME, and what an older version left open there."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from stocktide.foundation.telemetry import log

# Taken from the mode of every file and folder that this process, and what it starts, makes.
PRIVATE_UMASK = 0o077
FOLDER_MODE = 0o700
# Where the database runs as a user of its own, this user alone passes through (and lists nothing).
ADMITTED_MODE = 0o710


def keep_private(home: Path) -> None:
    """Make the home, and from now on all files, for our user alone. Raises OSError."""
    os.umask(PRIVATE_UMASK)
    home.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def tighten(home: Path) -> None:
    """Take from group and others what an older version, or a restored backup, lets them do in a home."""
    changed, not_ours = 0, 0
    for path, mode in _open_to_others(home):
        try:
            path.chmod(mode & ~PRIVATE_UMASK)
            changed += 1
        except FileNotFoundError:
            continue
        except PermissionError:
            not_ours += 1
    if changed or not_ours:
        log("home_tightened", home=str(home), paths=changed, not_ours=not_ours)


def admit(folder: Path, group: int) -> None:
    """Let the users of a group pass through a folder, and nobody else. Raises OSError."""
    os.chown(folder, -1, group)
    folder.chmod(ADMITTED_MODE)


def _open_to_others(home: Path) -> Iterator[tuple[Path, int]]:
    """Yield what group or others may use, with its mode; links are not followed, and sockets of servers are in it."""
    for at, _folders, names in os.walk(home):
        for path in (Path(at), *(Path(at, name) for name in names)):
            mode = stat.S_IMODE(status.st_mode) if (status := _status(path)) else 0
            admits = path == home and mode == ADMITTED_MODE
            if mode & PRIVATE_UMASK and not admits:
                yield path, mode


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a file or folder; None for a link, or what is gone by now."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    return None if stat.S_ISLNK(status.st_mode) else status
