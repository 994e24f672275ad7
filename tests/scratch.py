"""A folder in memory for what tests write: thousands of small files, each synced, and none of them to be kept."""

import contextlib
import os
import shutil
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")  # noqa: S108 - the folder made in it is ours alone
PREFIX = "stocktide-tests-"
# Two workers with their servers write under 2 GiB; as much again stays free for others.
BYTES_FREE_MIN = 4 * 2**30


def memory_scratch() -> Path | None:
    """Make a folder in memory for this process; None where there is too little memory or programs may not run."""
    if not _has_room(MEMORY):
        return None
    for left in MEMORY.glob(f"{PREFIX}*"):
        pid = int(left.name.removeprefix(PREFIX))
        if pid == os.getpid() or not psutil.pid_exists(pid):
            shutil.rmtree(left, ignore_errors=True)
    folder = MEMORY / f"{PREFIX}{os.getpid()}"
    # the database's own user must pass through
    folder.mkdir(mode=0o711)
    return folder


def clear(scratch: Path) -> None:
    """Give the memory back; what multiprocessing keeps until the interpreter ends, it removes itself."""
    for path in scratch.iterdir():
        if path.is_dir() and not path.name.startswith("pymp-"):
            shutil.rmtree(path, ignore_errors=True)
        elif not path.is_dir():
            path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        # left empty, the next session ends it
        scratch.rmdir()


def _has_room(folder: Path) -> bool:
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    held = os.statvfs(folder)
    free = min(held.f_bavail * held.f_frsize, psutil.virtual_memory().available)
    return free >= BYTES_FREE_MIN and not held.f_flag & os.ST_NOEXEC
