"""Watch a jailed process: it is ended where it may not go on, and the caller hears why."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from query.jail import frames
from query.jail.orders import Limits
from stocktide.foundation.errors import Conflict, StocktideError, TooLarge

# How often a running statement is looked at: cancelled, out of time, spilled too much.
LOOK_S = 0.05


@dataclass(frozen=True)
class Inmate:
    """A jailed process: its connection, the handle that ends it, and its folder."""

    connection: socket.socket
    handle: int
    folder: Path


class Watch:
    """Looks at a running process, and ends it where it may not go on."""

    def __init__(
        self, inmate: Inmate, until: float, limits: Limits, is_cancelled: Callable[[], bool]
    ) -> None:
        self._inmate, self._until, self._limits, self._is_cancelled = (
            inmate,
            until,
            limits,
            is_cancelled,
        )
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
        try:
            while self._why is None and not self._over.wait(LOOK_S):
                self._why = self._reason()
        finally:
            # also where looking fails: nothing runs that nobody watches
            if not self._over.is_set():
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._inmate.handle, signal.SIGKILL)

    def _reason(self) -> StocktideError | None:
        if self._is_cancelled():
            return Conflict("query_cancelled", "The statement was cancelled. Nothing was changed.")
        if time.monotonic() > self._until:
            return TooLarge(
                "query_time",
                f"The statement took more than {self._limits.seconds:g} s. Read fewer days, or raise "
                "STOCKTIDE_QUERY_SECONDS_MAX.",
            )
        if folder_bytes(self._inmate.folder) > self._limits.spill_bytes:
            return _too_much_spilled(self._limits)
        return None


def folder_bytes(folder: Path) -> int:
    """Return the bytes on disk of all files under a folder; what is removed meanwhile has none."""
    total = 0
    for path, _folders, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(path, name)).st_blocks * 512
    return total


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
