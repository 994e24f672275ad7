"""Run inside the walls by the tests: try what a statement must not be able to do, and print what came of each.

`python -m tests.query.jail.inside FOLDER PORT WITHOUT`: WITHOUT is a facility that the kernel is taken not to have.
"""

import contextlib
import ctypes
import dataclasses
import json
import mmap
import os
import resource
import socket
import sys
from collections.abc import Callable
from functools import partial

from query.jail import walls

LIMIT = walls.Bounds(memory_bytes=256 * 2**20, cpu_s=20, file_bytes=2**20)
# Numbers of x86_64 that no wrapper of Python's calls.
CALLS = {
    "ptrace": 101, "mount": 165, "unshare": 272, "setns": 308, "bpf": 321, "io_uring_setup": 425, "keyctl": 250,
    "open_by_handle_at": 304, "process_vm_readv": 310, "perf_event_open": 298, "userfaultfd": 323, "memfd_create": 319,
    "execveat": 322, "socketpair": 53, "pidfd_getfd": 438, "openat2": 437, "mknodat": 259, "symlinkat": 266,
    "fsopen": 430, "add_key": 248, "clone3": 435, "kill": 62, "tgkill": 234, "ioctl": 16, "inotify_init1": 294,
    "seccomp": 317, "setuid": 105, "capset": 126, "name_to_handle_at": 303, "x32 getpid": 0x40000000 + 39,
}  # fmt: skip


def attempts(port: int, parent: int) -> dict[str, Callable[[], object]]:
    """What is tried, by name."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(number: int) -> object:
        if libc.syscall(number, 0, 0, 0, 0, 0) < 0 and ctypes.get_errno() in (1, 38):
            raise OSError(ctypes.get_errno(), "refused")
        return "allowed"

    def connect() -> object:
        with socket.socket(socket.AF_INET) as client:
            client.connect(("127.0.0.1", port))
        return "connected"

    def big_file() -> object:
        with open("big", "wb") as file:
            return file.write(b"x" * 2**21)

    def many_files() -> object:
        with contextlib.ExitStack() as stack:
            return [stack.enter_context(open(f"f{n}", "w")) for n in range(100)]

    return {
        "read /etc/passwd": lambda: open("/etc/passwd").read(),
        "read above": lambda: open("../../../../../etc/passwd").read(),
        "read a module": lambda: open(walls.__file__).read(),
        "read /proc/self/environ": lambda: open("/proc/self/environ").read(),
        "list /": lambda: next(name for name in os.listdir("/") if name in ("etc", "proc", "usr")),
        "list above": lambda: next(name for name in os.listdir("..") if name.startswith("other")),
        "write /var": lambda: open("/var/stocktide-escaped", "w"),
        "link out": lambda: os.symlink("/etc/passwd", "link"),
        "another root": lambda: os.chroot("."),
        "connect": connect,
        "local socket": lambda: socket.socket(socket.AF_UNIX),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "fork": os.fork,
        "exec": lambda: os.execv("/bin/true", ["true"]),  # noqa: S606 - it must not run
        "signal to the parent": lambda: os.kill(parent, 0),
        "memory that runs": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_EXEC | mmap.PROT_READ),
        "more memory than allowed": lambda: bytearray(400 * 2**20),
        "a file longer than allowed": big_file,
        "more open files than allowed": many_files,
        "a higher limit": lambda: resource.setrlimit(resource.RLIMIT_DATA, (2**40, 2**40)),
        "a limit of another": lambda: resource.prlimit(parent, resource.RLIMIT_DATA),
        **{name: partial(call, number) for name, number in CALLS.items()},
    }


def main(folder: str, port: int, without: str) -> None:
    """Raise the walls and try all of it."""
    kernel = walls.look_around()
    assert kernel.lacking() is None, kernel.lacking()
    if without == "landlock":
        kernel = dataclasses.replace(kernel, landlock=0)
    elif without == "namespaces":
        kernel = dataclasses.replace(kernel, namespaces=False)
    tries, outcomes = attempts(port, os.getppid()), {}
    output = os.dup(1)
    walls.close_all_but(output)
    walls.raise_walls(kernel, folder, LIMIT)
    for name, attempt in tries.items():
        try:
            outcomes[name] = f"done: {str(attempt())[:80]}"
        except (OSError, MemoryError, StopIteration, ValueError) as error:
            outcomes[name] = f"refused: {type(error).__name__}"
    # with a root of its own this is in its own folder; the test looks
    with contextlib.suppress(OSError):
        os.close(os.open("../written", os.O_CREAT | os.O_WRONLY))
    outcomes["environment"] = f"{'refused' if not os.environ else 'done'}: {dict(os.environ)}"
    with open("own", "w") as own:
        own.write("its own folder may be written")
    os.write(output, json.dumps(outcomes).encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
