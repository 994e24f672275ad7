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
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from query.jail import frames
from query.jail.walls import Bounds
from stocktide.foundation.errors import Conflict, Invalid, StocktideError, TooLarge, Transient

# A process can be forked safely while it has one thread: libraries start none, and memory is the C library's.
ONE_THREAD = {
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
# How long the fork server may take to load its libraries, and to start a process.
LOAD_S, START_S = 60.0, 10.0
# How often a running statement is looked at: cancelled, out of time, spilled too much.
LOOK_S = 0.05
# What DuckDB and Arrow hold beside what DuckDB counts itself.
OVERHEAD_BYTES = 384 * 2**20


@dataclass(frozen=True)
class Limits:
    """Limits of one statement. rows: kept of the result, None for all of them."""

    seconds: float
    memory_bytes: int
    spill_bytes: int
    threads: int
    result_bytes: int
    rows: int | None

    def bounds(self) -> Bounds:
        """Return what the operating system keeps."""
        cpu_s = int(self.seconds * (self.threads + 1)) + 2
        return Bounds(self.memory_bytes + OVERHEAD_BYTES, cpu_s, self.spill_bytes)

    def settings(self) -> dict[str, str]:
        """Return the same as DuckDB keeps it."""
        return {
            "threads": str(self.threads),
            "memory_limit": f"{self.memory_bytes}B",
            "max_temp_directory_size": f"{self.spill_bytes}B",
        }


@dataclass(frozen=True)
class Handed:
    """A table that a statement may read: Parquet files with their days, or one file of Arrow. The opener closes them."""

    name: str
    form: str
    schema: pa.Schema
    descriptors: Sequence[int]
    files: Sequence[Mapping[str, int | None]] = ()


@dataclass
class Result:
    """Rows of a statement in a file, and what is said about them. found: None where not all were counted."""

    spool: IO[bytes]
    rows: int = 0
    found: int | None = None
    seconds: float = 0.0
    reads: Sequence[str] = ()
    said: dict[str, Any] = field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """Return True if the result has more rows than are here."""
        return self.found is None or self.found > self.rows

    def reader(self) -> pa.RecordBatchReader:
        """Read the rows, from the first."""
        self.spool.seek(0)
        return pa.ipc.open_stream(self.spool)


Supply = Callable[[Sequence[str]], contextlib.AbstractContextManager[Sequence[Handed]]]


class Jail:
    """A fork server and the processes that it starts, in folders under one of ours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
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
        begun = time.monotonic()
        with self._started(limits) as inmate:
            watch = _Watch(inmate, begun + limits.seconds, limits, is_cancelled)
            settings, rows = limits.settings(), limits.rows
            order = {"statement": statement, "parameters": parameters, "tables": tables, "settings": settings}
            with watch.watching():
                frames.send(inmate.connection, {**order, "rows": rows, "bytes": limits.result_bytes})
                reads = _answered(frames.receive_document(inmate.connection))["reads"]
                with supply([str(name) for name in reads]) as handed:
                    for one in handed:
                        _hand_over(inmate.connection, one)
                    frames.send(inmate.connection, {"inputs_end": True})
                    result = _take_rows(inmate.connection, limits)
        result.seconds = time.monotonic() - begun
        result.reads = reads
        return result

    @contextlib.contextmanager
    def _started(self, limits: Limits) -> Iterator["_Inmate"]:
        """Provide a process that is shut in an empty folder of its own; end it, and remove the folder."""
        folder = Path(tempfile.mkdtemp(prefix="statement-", dir=self._folder))
        ours, theirs = socket.socketpair()
        ours.settimeout(limits.seconds + START_S)
        try:
            with self._lock:
                handle = self._fork(folder, theirs, limits)
            theirs.close()
            try:
                yield _Inmate(ours, handle, folder)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                select.select([handle], [], [], START_S)
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
        raise Transient("query_jail", "The process that runs statements ends at once. See the log, and try again.")

    def _open(self) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self._close()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        ours, theirs = socket.socketpair()
        root = Path(__file__).parents[2]
        with theirs:
            # nothing of our environment: it has passwords in it
            self._process = subprocess.Popen(
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
            raise Transient("query_jail", "The process that runs statements does not start. See the log.") from None
        ours.settimeout(START_S)
        self._server = ours

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = self._server = None


@dataclass(frozen=True)
class _Inmate:
    """A jailed process: its connection, the handle that ends it, and its folder."""

    connection: socket.socket
    handle: int
    folder: Path


class _Watch:
    """Looks at a running process, and ends it where it may not go on."""

    def __init__(
        self, inmate: _Inmate, until: float, limits: Limits, is_cancelled: Callable[[], bool]
    ) -> None:
        self._inmate, self._until, self._limits, self._is_cancelled = inmate, until, limits, is_cancelled
        self._over = threading.Event()
        self._why: StocktideError | None = None

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs. Raises why the process was ended, or Invalid if it ended by itself."""
        looking = threading.Thread(target=self._look, daemon=True)
        looking.start()
        try:
            yield
        except (frames.Broken, OSError, pa.ArrowException) as error:
            raise self._why or _ended_by_itself(self._limits) from error
        finally:
            self._over.set()
            looking.join()

    def _look(self) -> None:
        while not self._over.wait(LOOK_S):
            self._why = self._reason()
            if self._why is not None:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._inmate.handle, signal.SIGKILL)
                return

    def _reason(self) -> StocktideError | None:
        if self._is_cancelled():
            return Conflict("query_cancelled", "The statement was cancelled. Nothing was changed.")
        if time.monotonic() > self._until:
            return TooLarge(
                "query_time",
                f"The statement took more than {self._limits.seconds:g} s. Read fewer days, or raise "
                "STOCKTIDE_QUERY_SECONDS_MAX.",
            )
        if _size(self._inmate.folder) > self._limits.spill_bytes:
            return _too_much_spilled(self._limits)
        return None


def _size(folder: Path) -> int:
    """Return the bytes on disk of all files under a folder; what is removed meanwhile has none."""
    total = 0
    for path, _folders, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
    return total


def _hand_over(connection: socket.socket, handed: Handed) -> None:
    files = [dict(about) for about in handed.files] or [{} for _ in handed.descriptors]
    document = {"name": handed.name, "format": handed.form, "files": files}
    step = frames.DESCRIPTORS_MAX
    pieces = [tuple(handed.descriptors[n : n + step]) for n in range(0, len(handed.descriptors), step)]
    schema = handed.schema.serialize().to_pybytes().hex()
    frames.send(connection, {**document, "schema": schema}, pieces[0] if pieces else ())
    for piece in pieces[1:]:
        frames.send(connection, {}, piece)


def _answered(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document, unless it says that the statement is refused or failed: raises that."""
    message = str(document.get("message", ""))
    if "refused" in document:
        code = str(document["refused"])
        kind = TooLarge if code == "result_too_large" else Invalid
        raise kind(f"query_{code}", message)
    if document.get("failed") == "memory":
        raise TooLarge(
            "query_memory",
            f"The statement needs more memory than it may have. Read fewer columns or rows, or raise "
            f"STOCKTIDE_QUERY_MEMORY_MB. The database said: {message}",
        )
    if document.get("failed") == "spill":
        raise TooLarge(
            "query_spill",
            f"The statement could not write aside what exceeds its memory. Read fewer rows, or raise "
            f"STOCKTIDE_QUERY_SPILL_MB. The database said: {message}",
        )
    if "failed" in document:
        raise Invalid("query_statement", message)
    return document


def _take_rows(connection: socket.socket, limits: Limits) -> Result:
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it with the result
    try:
        ended = _spooled(connection, spool, limits)
        found = int(ended["found"]) if ended.get("counted") else None
        result = Result(spool, int(ended["rows"]), found)
        _validate(result)
    except BaseException:
        spool.close()
        raise
    return result


def _spooled(connection: socket.socket, spool: IO[bytes], limits: Limits) -> dict[str, Any]:
    """Write what comes into a file, up to the document that ends it. Raises Broken, and as `_answered`."""
    while True:
        kind, body = frames.receive(connection)
        if kind == b"J":
            return _answered(frames.document_of(kind, body))
        spool.write(body)
        if spool.tell() > 2 * limits.result_bytes + frames.ARROW_BYTES_MAX:
            raise frames.Broken("more rows than were asked for")


def _validate(result: Result) -> None:
    """Read a result once, so that it is what it says. Raises Broken, ArrowException."""
    rows = 0
    for batch in result.reader():
        batch.validate(full=True)
        rows += batch.num_rows
    if rows != result.rows:
        raise frames.Broken(f"{rows:,} rows where {result.rows:,} were announced")


def _too_much_spilled(limits: Limits) -> TooLarge:
    return TooLarge(
        "query_spill",
        f"The statement wrote aside more than {limits.spill_bytes // 2**20:,} MB. Read fewer rows or columns, or raise "
        "STOCKTIDE_QUERY_SPILL_MB.",
    )


def _ended_by_itself(limits: Limits) -> TooLarge:
    return TooLarge(
        "query_ended",
        f"The process of the statement was ended: it needed more than its {limits.memory_bytes // 2**20:,} MB, or its "
        f"{limits.seconds:g} s. Read fewer rows or columns, or raise STOCKTIDE_QUERY_MEMORY_MB.",
    )
