"""Whether parts that run also answer: asked in the background, so that one that hangs holds up no other."""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

ANSWER_S = 2.0
# A heartbeat that is older than this counts as no answer.
HEARTBEAT_S_MAX = 30.0


class Probed(Protocol):
    """What is asked."""

    state: str
    answered_at: float

    def answers(self) -> bool:
        """Return True if it answers now."""
        ...


class Probes:
    """Asks all parts that should answer, one after the other, in a thread of its own."""

    def __init__(self, parts: Sequence[Probed], *, every_s: float) -> None:
        self._parts = parts
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="probes", daemon=True)

    def start(self) -> None:
        """Start asking."""
        self._thread.start()

    def stop(self) -> None:
        """Stop asking."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            for part in self._parts:
                # while it starts or restarts, its supervisor waits for it anyway
                if part.state in ("ready", "not answering") and part.answers():
                    part.answered_at = time.monotonic()


def answers_at(url: str, timeout_s: float = ANSWER_S) -> bool:
    """Return True if an address of ours answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def beats(path: Path, clock: Callable[[], float] = time.time) -> bool:
    """Return True if a heartbeat is young."""
    try:
        return clock() - path.stat().st_mtime < HEARTBEAT_S_MAX
    except FileNotFoundError:
        return False
