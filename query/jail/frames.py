"""Messages between a jailed process and its keeper: JSON with descriptors one way, JSON and Arrow the other.

Each is one byte of kind, four of length, and the body. Whoever reads trusts no length beyond what it allows.
"""

import array
import json
import socket
import struct
from typing import Any, Literal

Kind = Literal[b"J", b"A"]
HEADER = struct.Struct("=cI")
# A statement and what is said about it; bytes of an Arrow stream come in frames of at most as many.
JSON_BYTES_MAX = 2**23
ARROW_BYTES_MAX = 2**20
# So many descriptors are passed at once: a jailed process may have 64 open, and those beyond would be lost unsaid.
DESCRIPTORS_MAX = 32


class Broken(Exception):
    """The other side is gone, or sends what nobody would."""


def send(
    connection: socket.socket, document: dict[str, Any], descriptors: tuple[int, ...] = ()
) -> None:
    """Send a document, and descriptors with it. Raises OSError."""
    body = json.dumps(document).encode()
    connection.sendmsg(
        [HEADER.pack(b"J", len(body))],
        [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        if descriptors
        else [],
    )
    connection.sendall(body)


def send_arrow(connection: socket.socket, data: memoryview) -> None:
    """Send a piece of an Arrow stream. Raises OSError."""
    for start in range(0, len(data), ARROW_BYTES_MAX):
        piece = data[start : start + ARROW_BYTES_MAX]
        connection.sendall(HEADER.pack(b"A", len(piece)))
        connection.sendall(piece)


def receive(connection: socket.socket) -> tuple[bytes, bytes]:
    """Receive the kind and the body of a frame. Raises Broken, TimeoutError, OSError."""
    return _body(connection, _exactly(connection, HEADER.size))


def receive_document(connection: socket.socket) -> dict[str, Any]:
    """Receive a document. Raises as `receive`."""
    return document_of(*receive(connection))


def receive_handed(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Receive a document and the descriptors with it. Raises as `receive`."""
    header, descriptors, _flags, _address = socket.recv_fds(
        connection, HEADER.size, DESCRIPTORS_MAX
    )
    header += _exactly(connection, HEADER.size - len(header)) if header else b""
    return document_of(*_body(connection, header)), list(descriptors)


def document_of(kind: bytes, body: bytes) -> dict[str, Any]:
    """Read the document of a frame. Raises Broken."""
    try:
        document = json.loads(body) if kind == b"J" else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Broken("expected a document")
    return document


def _body(connection: socket.socket, header: bytes) -> tuple[bytes, bytes]:
    if len(header) < HEADER.size:
        raise Broken("the other side is gone")
    kind, length = HEADER.unpack(header)
    most = {b"J": JSON_BYTES_MAX, b"A": ARROW_BYTES_MAX}.get(kind, -1)
    if length > most:
        raise Broken(f"a frame of kind {kind!r} with {length:,} bytes")
    return kind, _exactly(connection, length)


def _exactly(connection: socket.socket, length: int) -> bytes:
    body = bytearray()
    while len(body) < length:
        piece = connection.recv(min(length - len(body), 2**18))
        if not piece:
            raise Broken("the other side is gone")
        body += piece
    return bytes(body)
