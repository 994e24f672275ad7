"""CPU time of processes and all that they started, as the system counts it. No benchmark itself."""

import contextlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

MICROSECONDS = 1e6


@dataclass
class Spent:
    """CPU seconds of some processes within a block, and of this one; set at its end."""

    others: dict[str, float]
    own: float = 0.0

    def us_each(self, count: int) -> dict[str, float]:
        """Return microseconds of each group of processes for one of `count`."""
        return {name: MICROSECONDS * spent / count for name, spent in self.others.items()}


def cpu_seconds(pids: Collection[int]) -> float:
    """Return user and system time of processes, their running children, and the ended ones they waited for."""
    total = 0.0
    for pid in pids:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            # a backend may end between the list and the question; its parent then counts it
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                running = _running_seconds(process.pid) or times.user + times.system
                total += running + times.children_user + times.children_system
    return total


def _running_seconds(pid: int) -> float:
    """Return what the threads of a process spent, to the nanosecond where Linux says so; 0 elsewhere.

    The usual counters go by the hundredth of a second, which is as much as a COPY of 10,000 rows takes.
    """
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(path.read_text().split()[0])
    return total / 1e9


@contextlib.contextmanager
def cpu_of(groups: dict[str, Collection[int]]) -> Iterator[Spent]:
    """Measure what groups of processes, each by its pids, and this process spend within the block."""
    before = {name: cpu_seconds(pids) for name, pids in groups.items()}
    spent = Spent({})
    own = time.process_time()
    yield spent
    spent.own = time.process_time() - own
    spent.others = {name: cpu_seconds(pids) - before[name] for name, pids in groups.items()}
