"""Landlock: the kernel's own sandbox for files, TCP and signals. A process gives up all paths but one folder."""

import ctypes
import os
import struct

CREATE, ADD_RULE, RESTRICT = 444, 445, 446
VERSION_FLAG, RULE_PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_FILE, MAKE_REG = 1, 2, 4, 8, 32, 256
REMOVE_DIR, MAKE_DIR, TRUNCATE = 16, 128, 1 << 14
WITHIN = WRITE_FILE | READ_FILE | READ_DIR | REMOVE_FILE | MAKE_REG | REMOVE_DIR | MAKE_DIR
# Bits that each version of the interface knows: files of 1 to 5, TCP from 4 on, signals and sockets from 6 on.
FILE_BITS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
NET_BITS, SCOPE_BITS = 0b11, 0b11


def version(libc: ctypes.CDLL) -> int:
    """Return the version of the kernel's interface, 0 where it has none."""
    return max(0, int(libc.syscall(CREATE, None, 0, VERSION_FLAG)))


def restrict_to(libc: ctypes.CDLL, folder: str) -> None:
    """Give up every path but a folder's, and TCP and signals to others where the kernel can. Raises OSError."""
    known = version(libc)
    files = (1 << FILE_BITS[min(known, 5)]) - 1
    attributes = struct.pack("=Q", files)
    if known >= 4:
        attributes += struct.pack("=Q", NET_BITS)
    if known >= 6:
        attributes += struct.pack("=Q", SCOPE_BITS)
    ruleset = _checked(libc, CREATE, attributes, len(attributes), 0)
    within = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    allowed = (WITHIN | (TRUNCATE if known >= 3 else 0)) & files
    _checked(libc, ADD_RULE, ruleset, RULE_PATH_BENEATH, struct.pack("=Qi", allowed, within), 0)
    _checked(libc, RESTRICT, ruleset, 0)
    os.close(within)
    os.close(ruleset)


def _checked(libc: ctypes.CDLL, call: int, *arguments: int | bytes) -> int:
    result = int(libc.syscall(call, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"the kernel refuses system call {call} (Landlock)")
    return result
