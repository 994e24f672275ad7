"""The keeper: starts jailed processes, hands them what they may read, takes their rows, and ends them.

What comes out of the jail is read as what a stranger sent: lengths are bounded, Arrow is validated whole.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from query.jail import frames
from query.jail.exchange import answered, hand_over, take_rows
from query.jail.orders import Handed, Limits, Result
from query.jail.watch import Inmate, Watch
from stocktide.foundation.errors import Conflict, Transient

# A process can be forked safely while it has one thread: libraries start none, and memory is the C library's.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
# How long the fork server may take to load its libraries, and to start a process.
LOAD_S, START_S = 60.0, 10.0
# A folder that nothing was written to for so long is of a keeper that was killed: no statement runs for an hour.
STALE_S = 3 * 3600.0

Supply = Callable[[Sequence[str]], contextlib.AbstractContextManager[Sequence[Handed]]]


class Jail:
    """A fork server and the processes that it starts, in folders under one of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self._server: socket.socket | None = None
        self._lacking: str | None = None

    def why_off(self) -> str | None:
        """Return why no statement can be run here, None where it can. Starts the fork server."""
        with self._lock:
            self._open()
            return self._lacking

    def close(self) -> None:
        """End the fork server and all it started."""
        with self._lock:
            self._close()

    def run(
        self,
        statement: str,
        parameters: Mapping[str, Any],
        tables: Mapping[str, str],
        supply: Supply,
        limits: Limits,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Result:
        """Run a statement in a process of its own; the caller closes the result's spool.

        tables: the SQL of each table that it may name. supply: opens what the tables that it does name are made of.
        Raises Invalid, TooLarge, Transient, Conflict.
        """
        with self._started(limits) as inmate:
            begun = time.monotonic()
            watch = Watch(inmate, begun + limits.seconds, limits, is_cancelled)
            settings, rows = limits.settings(), limits.rows
            order = {
                "statement": statement,
                "parameters": parameters,
                "tables": tables,
                "settings": settings,
            }
            with watch.watching():
                frames.send(
                    inmate.connection, {**order, "rows": rows, "bytes": limits.result_bytes}
                )
                said = answered(frames.receive_document(inmate.connection)).get("reads")
                # of the tables that there are: what is asked for in there is not believed
                reads = [name for name in tables if isinstance(said, list) and name in said]
                with supply(reads) as handed:
                    for one in handed:
                        hand_over(inmate.connection, one)
                    frames.send(inmate.connection, {"inputs_end": True})
                    result = take_rows(inmate.connection, limits)
        result.seconds = time.monotonic() - begun
        result.reads = reads
        return result

    @contextlib.contextmanager
    def _started(self, limits: Limits) -> Iterator["Inmate"]:
        """Provide a process that is shut in an empty folder of its own; end it, and remove the folder."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder = Path(tempfile.mkdtemp(prefix="statement-", dir=self.folder))
        ours, theirs = socket.socketpair()
        ours.settimeout(limits.seconds + START_S)
        try:
            with self._lock:
                handle = self._fork(folder, theirs, limits)
            theirs.close()
            try:
                yield Inmate(ours, handle, folder)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                ended = select.poll()
                ended.register(handle, select.POLLIN)
                ended.poll(START_S * 1000)
                os.close(handle)
        finally:
            ours.close()
            theirs.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _fork(self, folder: Path, theirs: socket.socket, limits: Limits) -> int:
        """Have a process started, by a new fork server if the one of before is gone; return its handle."""
        order = {"folder": str(folder), "bounds": asdict(limits.bounds())}
        for _ in range(2):
            self._open()
            if self._lacking is not None or self._server is None:
                raise Conflict("query_off", f"SQL is off here: {self._lacking}")
            try:
                frames.send(self._server, order, (theirs.fileno(),))
                _pid, (handle,) = frames.receive_handed(self._server)
                return handle
            except (frames.Broken, OSError, ValueError):
                self._close()
        raise Transient(
            "query_jail",
            "The process that runs statements ends at once. See the log, and try again.",
        )

    def _open(self) -> None:
        if self.process is not None and self.process.poll() is None:
            return
        self._close()
        self._sweep()
        ours, theirs = socket.socketpair()
        root = Path(__file__).parents[2]
        with theirs:
            # nothing of our environment: it has passwords in it
            self.process = subprocess.Popen(  # noqa: S603 - our own program and arguments
                [sys.executable, "-P", "-m", "query.jail.fork_server", str(theirs.fileno())],
                env={"PYTHONPATH": str(root), **ONE_THREAD},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        ours.settimeout(LOAD_S)
        try:
            self._lacking = frames.receive_document(ours)["lacking"]
        except (frames.Broken, OSError):
            ours.close()
            self._close()
            raise Transient(
                "query_jail", "The process that runs statements does not start. See the log."
            ) from None
        ours.settimeout(START_S)
        self._server = ours

    def _sweep(self) -> None:
        """Remove what keepers left that were killed; other processes may keep theirs beside ours."""
        for left in self.folder.glob("statement-*"):
            with contextlib.suppress(FileNotFoundError):
                if left.stat().st_mtime < time.time() - STALE_S:
                    shutil.rmtree(left, ignore_errors=True)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = self._server = None
