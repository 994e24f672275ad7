"""Watched folders: files are taken when they are still, once each by content, and moved with a report beside."""

import errno
import hashlib
import json
import os
import shutil
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from ingest.files.file_intake import error_report, mapping_of, read_file
from ingest.files.mapping import Mapping
from ingest.files.watched_files import Content, not_moved, set_state, take_file
from ingest.recording.formats import Report
from ingest.recording.recording import Recorder
from stocktide.foundation.database_errors import DATABASE_ERRORS, cause_of, is_retryable
from stocktide.foundation.errors import Conflict, Invalid, Transient
from stocktide.foundation.runs import single_flight
from stocktide.foundation.stored_text import storable
from stocktide.foundation.telemetry import log

SETTLE_S = 2.0
LOOK_EVERY_S = 1.0
AWAY_S = (1.0, 2.0, 5.0, 10.0, 30.0)
# A file in which the database fails so often, while it can be reached before and after, is itself the reason.
TRIES_MAX = 5
# A file with such a name is still being written; it is taken once it is renamed.
UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".swp")
REPORT = ".report.json"
TARGETS = ("done", "failed")
NO_LINKS = "Links are not followed, since they may lead out of the folder: put the file or folder itself there."


class Stopping(Protocol):
    """A wish to stop: an Event, or a StopWish where a signal's handler sets it."""

    def is_set(self) -> bool:
        """Return True once it is time to stop."""
        ...

    def wait(self, seconds: float, /) -> bool:
        """Wait for it; return True if it is time to stop."""
        ...


class ReadAgain(Exception):
    """Reading failed in the database; the file is read again a moment later."""


class Found(NamedTuple):
    """A file in the folder. mark: changes when the file does (inode, bytes, time of writing in nanoseconds)."""

    path: Path
    mark: tuple[int, ...]


@dataclass
class Watcher:
    """A watcher of `folder`, the only one. `tell` gets the report of each file."""

    folder: Path
    recorder: Recorder
    mapping: Mapping | None = None
    settle_s: float = SETTLE_S
    tell: Callable[[Report], None] = lambda _report: None
    states: "Counter[str]" = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.folder = self.folder.absolute()
        self._seen: dict[str, tuple[tuple[int, ...], float]] = {}
        self._left_alone: dict[str, tuple[int, ...]] = {}
        self._tries: Counter[Content] = Counter()
        self._failures_in_a_row = 0

    def run(self, stopping: Stopping, *, once: bool = False) -> None:
        """Take files until stopped, or, `once`, until none is left.

        Raises Invalid where there is no folder, Conflict where another watches it; with `once` also Transient.
        """
        if not os.path.isdir(self.folder) or not os.access(self.folder, os.W_OK):
            why = f"{self.folder}: there is no such folder, or it is not ours to write."
            raise Invalid("folder_missing", why)
        for name in TARGETS:
            if (self.folder / name).is_symlink():
                raise Invalid("folder_link", f"{self.folder / name} is a link. {NO_LINKS}")
        while True:
            try:
                with single_flight(self.recorder.engine, f"watch {self.folder}") as free:
                    if not free:
                        why = f"{self.folder} is watched by another process."
                        raise Conflict("folder_watched", why)
                    self._finish_moves()
                    self._watch(stopping, once=once)
                return
            except (ReadAgain, Transient, *DATABASE_ERRORS) as error:
                if not isinstance(error, ReadAgain) and not is_retryable(error):
                    raise
                # with the connection the lock is gone too: both are asked for again
                if once and not isinstance(error, ReadAgain):
                    why = f"The database is away: {error}"[:300]
                    raise Transient("database_away", why) from error
                log("watch_database_away", error=str(error)[:200])
                if stopping.wait(AWAY_S[min(self._failures_in_a_row, len(AWAY_S) - 1)]):
                    return
                self._failures_in_a_row += 1

    def _watch(self, stopping: Stopping, *, once: bool) -> None:
        every_s = min(LOOK_EVERY_S, self.settle_s) if once else LOOK_EVERY_S
        while not stopping.is_set():
            left = self._look(stopping)
            self._failures_in_a_row = 0
            if once and not left:
                return
            stopping.wait(every_s)

    def _look(self, stopping: Stopping) -> int:
        """Take what is still. Returns how many files are not yet."""
        waiting = 0
        candidates = sorted(self._candidates())
        there = {file.path.name for file in candidates}
        self._seen = {name: seen for name, seen in self._seen.items() if name in there}
        for file in candidates:
            if stopping.is_set():
                break
            if self._left_alone.get(file.path.name) == file.mark:
                continue
            if self._is_still(file):
                self._take(file)
            else:
                waiting += 1
        return waiting

    def _candidates(self) -> Iterator[Found]:
        """Yield regular files. Links are not followed, and each is told once."""
        for entry in os.scandir(self.folder):
            if entry.name.startswith(".") or entry.name.endswith((*UNFINISHED, REPORT)):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISLNK(status.st_mode):
                self._tell_link(entry.name, status)
            elif stat.S_ISREG(status.st_mode):
                yield Found(self.folder / entry.name, _mark(status))

    def _tell_link(self, name: str, status: os.stat_result) -> None:
        if self._left_alone.get(name) != _mark(status):
            self._left_alone[name] = _mark(status)
            log("watch_link", file=name, why=NO_LINKS)

    def _is_still(self, file: Found) -> bool:
        """Return True if a file has not changed for a moment: by its own clock, or since we look."""
        before, since = self._seen.get(file.path.name, ((), 0.0))
        if before != file.mark:
            since = time.monotonic()
            self._seen[file.path.name] = (file.mark, since)
        written_at = file.mark[2] / 1e9
        return max(time.time() - written_at, time.monotonic() - since) >= self.settle_s

    def _take(self, file: Found) -> None:
        """Record one file and move it; what goes wrong with it is its report's, not ours."""
        report = self._begin_report(file)
        if _mark_of(file.path) != file.mark:
            # written to, or a link by now: the next look says
            log("watch_changed", file=file.path.name)
            return
        try:
            content = Content(_sha256(file.path))
            mapping = mapping_of(file.path, self.mapping, self.recorder)
        except FileNotFoundError:
            log("watch_vanished", file=file.path.name)
            return
        except OSError as error:
            told = error_report("file_unreadable", error.strerror or str(error))
            self._move(file, {**report, **told}, "failed")
            return
        if mapping is not None:
            content = content._replace(mapping_sha256=mapping.sha256())
        report["sha256"] = content.sha256.hex()
        with self.recorder.engine.begin() as connection:
            before = take_file(connection, content, report["file"], report["bytes"])
        if before is None:
            self._record(file, content, mapping, report)
        elif before.state == "recorded":
            self._finish(file, content, dict(before.report))
        else:
            told = {"state": "duplicate", "duplicate_of": before.name}
            self._move(file, {**report, **told}, "done")

    def _begin_report(self, file: Found) -> Report:
        return {
            "file": storable(file.path.name),
            "folder": str(self.folder),
            "bytes": file.mark[1],
            "mapping": self.mapping.name if self.mapping else None,
            "started_at": datetime.now(UTC).isoformat(),
        }

    def _record(
        self, file: Found, content: Content, mapping: Mapping | None, report: Report
    ) -> None:
        try:
            told = read_file(file.path, mapping, self.recorder)
        except FileNotFoundError:
            log("watch_vanished", file=file.path.name)
            return
        except (Transient, *DATABASE_ERRORS) as error:
            told = self._given_up(content, error)
        except Invalid as error:
            told = error_report(error.code, error.message)
        except Exception as error:  # noqa: BLE001 - counted and reported: raised, this file would stop all others forever
            log("watch_poison", file=file.path.name, error=repr(error)[:500])
            told = error_report("unexpected", f"{type(error).__name__}: {error}"[:500])
        report = {**report, **told, "finished_at": datetime.now(UTC).isoformat()}
        if _mark_of(file.path) != file.mark:
            # what was read may be neither the old file nor the new: the next look takes it again
            log("watch_changed", file=file.path.name)
            return
        self._finish(file, content, report)

    def _given_up(self, content: Content, error: Exception) -> Report:
        """Return the report of a file that the database does not take. Raises ReadAgain while another try may help."""
        behind = error.__cause__ if isinstance(error, Transient) and error.__cause__ else error
        reason = str(cause_of(behind)).strip()
        self._tries[content] += 1
        if is_retryable(error) and self._tries[content] < TRIES_MAX:
            raise ReadAgain(reason) from error
        tries = self._tries.pop(content)
        log("watch_given_up", tries=tries, error=reason[:500])
        why = f"The database failed in it, at try {tries} too: {reason}"
        return error_report("database_error", why[:500])

    def _finish(self, file: Found, content: Content, report: Report) -> None:
        """Write down what was recorded, then move the file, then write down that it is moved."""
        target = "failed" if report["state"] == "failed" else "done"
        report.setdefault("moved_to", self._free_name(file.path.name, target, content.sha256))
        with self.recorder.engine.begin() as connection:
            set_state(connection, content, "recorded" if target == "done" else "taken", report)
        if self._move(file, report, target):
            with self.recorder.engine.begin() as connection:
                set_state(connection, content, "done" if target == "done" else "failed", report)

    def _move(self, file: Found, report: Report, target: str) -> bool:
        """Move a file, with its report beside. Returns False if it cannot: it is left alone until it changes."""
        path = file.path
        digest = bytes.fromhex(report.get("sha256", ""))
        moved_to = report.setdefault("moved_to", self._free_name(path.name, target, digest))
        try:
            self._make_target(target)
            _write(self.folder / f"{moved_to}{REPORT}", report, like=path)
            path.rename(self.folder / moved_to)
        except FileNotFoundError:
            log("watch_vanished", file=path.name)
        except OSError as error:
            log("watch_cannot_move", file=path.name, error=str(error))
            self._left_alone[path.name] = file.mark
            return False
        self.states[report["state"]] += 1
        log("watch_file", **report)
        self.tell(report)
        return True

    def _make_target(self, target: str) -> None:
        """Make a folder for files that are done with, open to whom the watched folder is open to."""
        made = self.folder / target
        if made.is_symlink():
            raise OSError(errno.ELOOP, f"{made} is a link. {NO_LINKS}")
        if not made.exists():
            made.mkdir()
            shutil.copymode(self.folder, made)

    def _free_name(self, name: str, target: str, digest: bytes) -> str:
        """Return a free name in done or failed: the file's own, or with the start of its hash and a number."""
        stem, suffix = Path(name).stem, Path(name).suffix
        number = 1
        free = f"{target}/{name}"
        while (self.folder / free).exists() or (self.folder / f"{free}{REPORT}").exists():
            again = f"-{number}" if number > 1 else ""
            free = f"{target}/{stem}.{digest.hex()[:8] or 'again'}{again}{suffix}"
            number += 1
        return free

    def _finish_moves(self) -> None:
        """Write down the moves that a killed watcher made, or that cannot be made any more."""
        with self.recorder.engine.begin() as connection:
            for file in not_moved(connection, str(self.folder)):
                if not (self.folder / file.name).exists():
                    set_state(connection, file.content, "done", file.report)


def _mark(status: os.stat_result) -> tuple[int, ...]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _mark_of(path: Path) -> tuple[int, ...] | None:
    try:
        return _mark(path.lstat())
    except FileNotFoundError:
        return None


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _write(path: Path, report: Report, *, like: Path) -> None:
    """Write a report for whoever may read the file that it is about."""
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    text = storable(json.dumps(report, indent=2, default=str, ensure_ascii=False))
    # "x" never writes through a link that somebody else put there
    with scratch.open("x", encoding="utf-8") as file:
        file.write(f"{text}\n")
    shutil.copymode(like, scratch, follow_symlinks=False)
    scratch.replace(path)
