"""System calls that a jailed process may make: a seccomp filter, assembled here; every other call fails with EPERM.

There is no socket, no exec, no second process, no signal to others, no mount, and no memory that can be executed.
"""

import ctypes
import platform
import struct
from collections.abc import Mapping

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# Name: number on x86_64, number on aarch64 (None: that machine does not have it).
ALLOWED: Mapping[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216),
    "madvise": (28, 233), "mincore": (27, 232), "msync": (26, 227), "membarrier": (324, 283),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "pread64": (17, 67), "pwrite64": (18, 68), "readv": (19, 65), "writev": (20, 66), "preadv": (295, 69),
    "pwritev": (296, 70), "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120), "getcpu": (309, 168), "getpriority": (140, 141),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153),
    "setitimer": (38, 103), "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212), "shutdown": (48, 210),
    "getsockopt": (55, 209), "poll": (7, None), "ppoll": (271, 73), "pselect6": (270, 72),
    "exit": (60, 93), "exit_group": (231, 94), "uname": (63, 160), "sysinfo": (99, 179), "getrusage": (98, 165),
    "fsync": (74, 82), "fdatasync": (75, 83), "ftruncate": (77, 46), "fallocate": (285, 47), "fadvise64": (221, 223),
    "getdents64": (217, 61), "getcwd": (79, 17), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None),
    "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "open": (2, None), "openat": (257, 56), "stat": (4, None), "lstat": (6, None), "newfstatat": (262, 79),
    "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138, 44), "flock": (73, 32), "fcntl": (72, 25),
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "set_tid_address": (218, 96),
    "getrandom": (318, 278), "restart_syscall": (219, 128), "arch_prctl": (158, None),
}  # fmt: skip
# These look at an argument: clone makes threads only, prlimit64 is about this process only, memory is never executable.
CLONE, CLONE3, PRLIMIT = (56, 220), (435, 435), (302, 261)
CLONE_THREAD, PROT_EXEC = 0x00010000, 0x4
EXEC_CHECKED = ("mmap", "mprotect")

_ALLOW, _REFUSE, _MISSING, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2

Instruction = tuple[int, int, int, int]


def machine() -> str:
    """Return the machine's architecture as the kernel calls it."""
    return platform.machine()


def program(architecture: str) -> bytes:
    """Assemble the filter for an architecture; KeyError for one whose numbers we do not have."""
    column = list(ARCHITECTURES).index(architecture)
    code: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, ARCHITECTURES[architecture]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    for name, numbers in ALLOWED.items():
        number = numbers[column]
        if number is not None and name not in EXEC_CHECKED:
            code += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    # glibc makes threads with `clone` where `clone3`, whose flags a filter cannot see, is missing
    code += [(_EQUAL, 0, 1, CLONE3[column]), (_RETURN, 0, 0, _MISSING)]
    code += _if_argument(CLONE[column], 0, (_ANY_BIT, 0, 1, CLONE_THREAD), _ALLOW, _REFUSE)
    code += _if_argument(PRLIMIT[column], 0, (_EQUAL, 0, 1, 0), _ALLOW, _REFUSE)
    for name in EXEC_CHECKED:
        check = (_ANY_BIT, 0, 1, PROT_EXEC)
        code += _if_argument(ALLOWED[name][column] or 0, 2, check, _REFUSE, _ALLOW)
    code += [(_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _if_argument(
    number: int, argument: int, check: Instruction, then: int, otherwise: int
) -> list[Instruction]:
    """Return code for one call that is decided by the low half of an argument."""
    load = (_LOAD, 0, 0, _FIRST_ARGUMENT + 8 * argument)
    return [
        (_EQUAL, 0, 4, number),
        load,
        check,
        (_RETURN, 0, 0, then),
        (_RETURN, 0, 0, otherwise),
    ]


def install(libc: ctypes.CDLL) -> None:
    """Install the filter in this thread and all it starts. Raises OSError if the kernel refuses."""
    code = program(machine())
    buffer = ctypes.create_string_buffer(code, len(code))
    filters = struct.pack("=H6xQ", len(code) // 8, ctypes.addressof(buffer))
    header = ctypes.create_string_buffer(filters, len(filters))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel refuses the filter of system calls (seccomp)")
