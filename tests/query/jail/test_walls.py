"""What the operating system keeps a statement from, tried from inside; and what happens where it cannot."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from query.jail import syscalls
from query.jail.walls import Kernel

ROOT = Path(__file__).parents[3]
WHOLE = Kernel("linux", "x86_64", seccomp=True, landlock=7, namespaces=True)


@pytest.mark.parametrize("without", ["nothing", "landlock", "namespaces"])
def test_nothing_outside_can_be_read_written_or_reached(tmp_path: Path, without: str) -> None:
    """Also with one of the two walls around files alone."""
    folder = tmp_path / "own"
    folder.mkdir()
    (tmp_path / "other").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        command = [sys.executable, "-m", "tests.query.jail.inside", str(folder), port, without]
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            timeout=60,
            check=True,
            env={**os.environ, "SECRET": "x"},
        )
    outcomes = json.loads(done.stdout)
    assert {name: said for name, said in outcomes.items() if not said.startswith("refused")} == {}
    assert len(outcomes) > 50
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "own"]
    assert (folder / "own").read_text() == "its own folder may be written"


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        (Kernel("darwin", "arm64", seccomp=False, landlock=0, namespaces=False), "needs Linux"),
        (Kernel("linux", "riscv64", seccomp=True, landlock=7, namespaces=True), "riscv64"),
        (Kernel("linux", "x86_64", seccomp=False, landlock=7, namespaces=True), "seccomp"),
        (Kernel("linux", "x86_64", seccomp=True, landlock=0, namespaces=False), "neither Landlock"),
    ],
)
def test_a_system_that_cannot_isolate_says_what_it_lacks(kernel: Kernel, words: str) -> None:
    assert words in str(kernel.lacking())


@pytest.mark.parametrize(
    "kernel",
    [
        WHOLE,
        Kernel("linux", "aarch64", seccomp=True, landlock=1, namespaces=False),
        Kernel("linux", "x86_64", seccomp=True, landlock=0, namespaces=True),
    ],
)
def test_a_system_that_can_isolate_lacks_nothing(kernel: Kernel) -> None:
    assert kernel.lacking() is None


# Takes Landlock and namespaces away from a process and all it starts, by a filter of system calls of its own.
TAKEN_AWAY = """
import ctypes, struct, sys
from pathlib import Path
from query.jail import walls
libc = walls.own_libc()
numbers = (444, 272)
code = [(0x20, 0, 0, 0)]
for number in numbers:
    code += [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050026)]
code += [(0x06, 0, 0, 0x7FFF0000)]
raw = b"".join(struct.pack("=HBBI", *one) for one in code)
buffer = ctypes.create_string_buffer(raw, len(raw))
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, struct.pack("=H6xQ", len(code), ctypes.addressof(buffer)), 0, 0) == 0
from query import Jail, Limits
from stocktide.foundation.errors import Conflict
jail = Jail(Path(sys.argv[1]))
try:
    jail.run("SELECT 1", {}, {}, lambda _tables: None, Limits(1, 2**27, 2**27, 1, 2**20, 1))
except Conflict as error:
    print(error.code, error.message)
print("why:", jail.why_off())
jail.close()
"""


@pytest.mark.skipif(
    syscalls.machine() != "x86_64", reason="names system calls by the numbers of x86_64"
)
def test_sql_stays_off_and_says_why_where_files_cannot_be_kept_away(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TAKEN_AWAY, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True, text=True)
    first, second = done.stdout.splitlines()
    assert first.startswith("query_off SQL is off here: neither Landlock")
    assert "user namespaces" in second


KEPT = """
import sys
from pathlib import Path
from contextlib import nullcontext
from query import Jail, Limits
jail = Jail(Path(sys.argv[1]))
assert jail.why_off() is None
print(jail.process.pid, flush=True)
forever = "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r) SELECT count(*) FROM r"
jail.run(forever, {}, {}, lambda _tables: nullcontext([]), Limits(60, 2**27, 2**27, 1, 2**20, 1))
"""


def alive(group: int) -> list[int]:
    """Processes of a group that run; those that only wait to be reaped do not."""
    running = []
    for process in psutil.process_iter(["pid", "status"]):
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                running.append(process.pid)
    return running


def wait_for(group: int, count: int) -> None:
    until = time.monotonic() + 20
    while len(alive(group)) != count:
        assert time.monotonic() < until, alive(group)
        time.sleep(0.05)


def test_nothing_runs_on_when_its_keeper_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEPT, str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        group = int(keeper.stdout.readline())
        wait_for(group, 2)
        keeper.kill()
    wait_for(group, 0)


@pytest.mark.parametrize("architecture", sorted(syscalls.ARCHITECTURES))
def test_the_filter_names_each_call_once_and_ends_in_a_refusal(architecture: str) -> None:
    column = list(syscalls.ARCHITECTURES).index(architecture)
    numbers = [pair[column] for pair in syscalls.ALLOWED.values() if pair[column] is not None]
    assert len(numbers) == len(set(numbers))
    code = syscalls.program(architecture)
    assert code[-8:] == b"\x06\x00\x00\x00\x01\x00\x05\x00"
    assert len(code) // 8 < 4096
