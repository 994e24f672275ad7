"""A process that is stopped before each of its steps of input and output, and killed in one of them.

The kernel asks us before each (seccomp's user notification), whichever library makes it and in whichever thread. A step
is what changes something that outlives the process: a file or folder that is made, written, renamed, removed or synced,
and what is sent to a server.
"""

import ctypes
import fcntl
import os
import platform
import select
import signal
import struct
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle

from tests.forked import CONTEXT, start_forked

# Name: number on x86_64, number on aarch64 (None: that machine does not have it).
STEPS = {
    "write": (1, 64), "pwrite64": (18, 68), "writev": (20, 66), "pwritev": (296, 70), "pwritev2": (328, 287),
    "sendto": (44, 206), "sendmsg": (46, 211), "fsync": (74, 82), "fdatasync": (75, 83), "ftruncate": (77, 46),
    "fallocate": (285, 47), "copy_file_range": (326, 285), "mkdir": (83, None), "mkdirat": (258, 34),
    "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "link": (86, None), "linkat": (265, 37), "open": (2, None), "openat": (257, 56),
    "creat": (85, None),
}  # fmt: skip
SECCOMP = {"x86_64": 317, "aarch64": 277}
ARCHITECTURES = list(SECCOMP)
PR_SET_NO_NEW_PRIVS, SET_MODE_FILTER, NEW_LISTENER = 38, 1, 8
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ASK = 0x7FFF0000, 0x7FC00000
NUMBER = 0
RECEIVE, SEND, CONTINUE = 0xC0502100, 0xC0182101, 1
QUESTION = struct.Struct("=QIIiIQ6Q")
ANSWER = struct.Struct("=QqiI")
# of files: those written to; of others only sockets are seen by somebody else
OPENS = {"open": 1, "openat": 2}
TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT
WRITES = {"write", "writev", "pwrite64", "pwritev", "pwritev2"}


def numbers() -> dict[int, str]:
    """The system calls that are steps, by their number on this machine."""
    column = ARCHITECTURES.index(platform.machine())
    found = {known[column]: name for name, known in STEPS.items()}
    return {number: name for number, name in found.items() if number is not None}


def run_until(step: int | None, main: Callable[..., None], *arguments: object) -> int:
    """Run main(*arguments) in a separate process, and kill it before it makes a step; returns the steps it made.

    step: counted from 0; None, or beyond the last: the process ends by itself, and AssertionError says if it failed.
    """
    ours, theirs = CONTEXT.Pipe()
    process = start_forked(_asking, theirs, main, arguments)
    theirs.close()
    assert process.pid is not None
    listener = recv_handle(ours)
    try:
        made = _count(listener, process.pid, step)
    finally:
        os.close(listener)
    process.join()
    assert process.exitcode == (-signal.SIGKILL if step is not None and made == step else 0)
    return made


def _count(listener: int, pid: int, step: int | None) -> int:
    names, made = numbers(), 0
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        ((_, events),) = poll.poll()
        if not events & select.POLLIN:
            return made
        question = bytearray(QUESTION.size)
        try:
            fcntl.ioctl(listener, RECEIVE, question)
        except FileNotFoundError:
            # the thread that asked has been ended meanwhile
            continue
        identity, thread, _, number, _, _, *given = QUESTION.unpack(question)
        if _is_step(names[number], thread, given):
            if made == step:
                os.kill(pid, signal.SIGKILL)
                return made
            made += 1
        answer = bytearray(ANSWER.pack(identity, 0, 0, CONTINUE))
        try:
            fcntl.ioctl(listener, SEND, answer)
        except FileNotFoundError:
            continue


def _is_step(name: str, thread: int, given: list[int]) -> bool:
    if name in OPENS:
        return bool(given[OPENS[name]] & TO_WRITE)
    if name in WRITES:
        # threads wake one another by files that nobody else sees
        return os.readlink(f"/proc/{thread}/fd/{given[0]}").startswith(("/", "socket:"))
    return True


def _asking(told: Connection, main: Callable[..., None], arguments: tuple[object, ...]) -> None:
    """Have the kernel ask before each step of this thread and of those that it starts, then run."""
    installed, handed_over = threading.Event(), threading.Event()
    listener = -1

    def hand_over() -> None:
        # it started before, and is not asked about
        installed.wait()
        send_handle(told, listener, None)
        handed_over.set()

    threading.Thread(target=hand_over).start()
    listener = _install()
    installed.set()
    handed_over.wait()
    os.close(listener)
    main(*arguments)


def _install() -> int:
    asked = numbers()
    code = [(LOAD, 0, 0, NUMBER)]
    for number in asked:
        code += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ASK)]
    code.append((RETURN, 0, 0, ALLOW))
    program = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(program, len(program))
    filters = struct.pack("=H6xQ", len(code), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    listener: int = libc.syscall(
        SECCOMP[platform.machine()], SET_MODE_FILTER, NEW_LISTENER, filters
    )
    assert listener >= 0, os.strerror(ctypes.get_errno())
    return listener
