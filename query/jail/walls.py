"""The walls of the jail, all of the operating system's: a process raises them around itself, and cannot take them down.

In the order of raising: a private folder as root, limits, no capabilities, Landlock, a filter of system calls. Of the
two that keep files away, a root of its own and Landlock, one is enough; both are raised where the system has both.
"""

import ctypes
import os
import resource
import signal
import struct
import sys
from dataclasses import dataclass

from query.jail import landlock, syscalls

NEW_NAMESPACES = 0x10000000 | 0x40000000 | 0x08000000 | 0x04000000  # user, network, IPC, host name
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 21, 38
CAPSET, CAPABILITY_VERSION = {"x86_64": 126, "aarch64": 91}, 0x20080522
# Descriptors beside those that are handed over, which are closed as soon as they are mapped.
OPEN_FILES_MAX = 64


@dataclass(frozen=True)
class Bounds:
    """Limits of one statement, kept by the operating system.

    memory_bytes: private memory of the process. cpu_s: seconds on all cores together. file_bytes: size of a file.
    """

    memory_bytes: int
    cpu_s: int
    file_bytes: int


@dataclass(frozen=True)
class Kernel:
    """Facilities that this system has. landlock: the version of its interface, 0 without."""

    system: str
    machine: str
    seccomp: bool
    landlock: int
    namespaces: bool

    def lacking(self) -> str | None:
        """Return why statements cannot be isolated here and what to do, None where they can."""
        if self.system != "linux":
            return f"it needs Linux, and this is {self.system}. Run the API on Linux to use it."
        if self.machine not in syscalls.ARCHITECTURES:
            known = " and ".join(syscalls.ARCHITECTURES)
            return f"the filter of system calls is written for {known}, and this machine is {self.machine}."
        if not self.seccomp:
            return "the kernel has no filter of system calls (seccomp). Use a kernel with CONFIG_SECCOMP_FILTER."
        if not self.landlock and not self.namespaces:
            return (
                "neither Landlock (Linux 5.13 or newer, in the kernel's list `lsm=`) nor user namespaces "
                "(sysctl user.max_user_namespaces, and the container's seccomp profile) can be used, so nothing would "
                "keep a statement away from files. Allow one of the two."
            )
        return None


def own_libc() -> ctypes.CDLL:
    """Return the C library."""
    return ctypes.CDLL(None, use_errno=True)


def look_around() -> Kernel:
    """Find what this system has, and move into namespaces of our own where it lets us: no network from then on."""
    if sys.platform != "linux":
        return Kernel(sys.platform, syscalls.machine(), seccomp=False, landlock=0, namespaces=False)
    libc = own_libc()
    return Kernel(
        "linux",
        syscalls.machine(),
        seccomp=libc.prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0,
        landlock=landlock.version(libc),
        namespaces=libc.unshare(NEW_NAMESPACES) == 0,
    )


def raise_walls(kernel: Kernel, folder: str, bounds: Bounds) -> None:
    """Shut this process in a folder, for good. Raises OSError where a wall does not stand.

    The caller has one thread, and has loaded all that it will need.
    """
    libc = own_libc()
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel does not end us with our parent")
    os.environ.clear()
    os.chdir(folder)
    if kernel.namespaces:
        os.chroot(".")
    _limit(bounds)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel lets us gain rights (no_new_privs)")
    if libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the kernel lets others look into us (dumpable)")
    _drop_capabilities(libc)
    if kernel.landlock:
        landlock.restrict_to(libc, ".")
    syscalls.install(libc)


def _limit(bounds: Bounds) -> None:
    for what, most in (
        (resource.RLIMIT_DATA, bounds.memory_bytes),
        (resource.RLIMIT_CPU, bounds.cpu_s),
        (resource.RLIMIT_FSIZE, bounds.file_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES_MAX),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        # whoever is bounded already stays so
        hard = resource.getrlimit(what)[1]
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (value, value))
    # a file that grows too long is an error of its writer, not the end of the process
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    header = struct.pack("=Ii", CAPABILITY_VERSION, 0)
    if libc.syscall(CAPSET[syscalls.machine()], header, struct.pack("=6I", *[0] * 6)) != 0:
        raise OSError(ctypes.get_errno(), "the kernel lets us keep rights (capabilities)")


def close_all_but(kept: int) -> None:
    """Close every descriptor but one, and those that lead nowhere: none of whoever started us stays."""
    os.closerange(3, kept)
    os.closerange(kept + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
