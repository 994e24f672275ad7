"""The faults of faults.py: each is a context that lasts while its body runs, and is over behind it."""

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from benchmarks._claims import unavailable
from tests.system.running import Running, suspended

BLOCK = bytes(2**20)
TAIL = bytes(2**12)
Fault = Callable[[Running, float], None]


def hang(part: str) -> Fault:
    """Return the fault of a server that is there and does not answer."""

    def happen(running: Running, seconds: float) -> None:
        with suspended(running.pid(part)):
            time.sleep(seconds)

    return happen


def lock(statement: str) -> Fault:
    """Return the fault of somebody who keeps a lock in the database."""

    def happen(running: Running, seconds: float) -> None:
        with psycopg.connect(running.state()["services"]["database_url"]) as connection:
            connection.execute(statement)
            time.sleep(seconds)
            connection.rollback()

    return happen


ROW_LOCK = "SELECT FROM stock ORDER BY product_id, location_id LIMIT 1 FOR UPDATE"
TABLE_LOCK = "LOCK TABLE stock IN ACCESS EXCLUSIVE MODE"


def fill_disk(running: Running, seconds: float) -> None:
    """Fill the file system of the home to the last block; from half time on the log of the database needs space, too.

    What is freed meanwhile is filled again, as whoever fills a disk does.
    """
    filler, done = running.home.parent / "filler", threading.Event()
    filling = threading.Thread(target=_keep_full, args=(filler, done))
    filling.start()
    try:
        time.sleep(seconds / 2)
        # a new file of the log: no space for it stops the whole server, not just one statement
        with (
            suppress(psycopg.Error),
            psycopg.connect(
                running.state()["services"]["database_url"], autocommit=True
            ) as connection,
        ):
            connection.execute("SELECT pg_logical_emit_message(false, 'faults', repeat('x', 33554432))")  # fmt: skip
        time.sleep(seconds / 2)
    finally:
        done.set()
        filling.join()
        filler.unlink()


def _keep_full(filler: Path, done: threading.Event) -> None:
    with filler.open("ab", buffering=0) as file:
        while not done.wait(0.1):
            for piece in (BLOCK, TAIL):
                with suppress(OSError):
                    while file.write(piece) == len(piece):
                        pass


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a file system of its own in memory. Ends the program with what to do where that is not allowed."""
    folder.mkdir()
    options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)]
    done = subprocess.run(["/bin/mount", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        unavailable(f"No small disk: {done.stderr.strip()}. Run as root, or leave out `disk`.")
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", "-l", str(folder)], check=True)
