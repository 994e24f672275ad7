"""Bodies of requests, in bounded memory: read, unpacked, and cut into lines as they come."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Protocol

import zstandard

from stocktide.foundation.errors import Invalid, TooLarge, UnsupportedMedia

# A decoder of zstd keeps a window of what it has given; larger ones are refused.
ZSTD_WINDOW_BYTES_MAX = 8 * 2**20
# Input of the decoder at once: it may unpack to a thousand times as much.
ZSTD_INPUT_BYTES = 256
# Unpacked in pieces of this size at most, so that a zip bomb is noticed early.
PIECE_BYTES = 2**18


class Unpacker(Protocol):
    """Turns packed pieces into plain ones."""

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        """Yield what the piece holds, bit by bit: the caller may stop before all of it is unpacked."""
        ...

    def finish(self) -> None:
        """Raise Invalid if the packed data ends too early."""
        ...


class Plain:
    """No packing."""

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        """Yield the piece."""
        yield piece

    def finish(self) -> None:
        """Do nothing: nothing can be missing."""


class Gzip:
    """gzip, or deflate in a zlib frame."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=47)

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        """Unpack; raises Invalid if it is not gzip."""
        try:
            while piece:
                yield self._stream.decompress(piece, PIECE_BYTES)
                piece = self._stream.unconsumed_tail
                if self._stream.eof and self._stream.unused_data:
                    # a file of several members, as gzip allows
                    piece = self._stream.unused_data
                    self._stream = zlib.decompressobj(wbits=47)
        except zlib.error as error:
            raise _broken("gzip", error) from None

    def finish(self) -> None:
        """Raise Invalid if the last member is not whole."""
        if not self._stream.eof:
            raise _broken("gzip", "it ends too early")


class Zstd:
    """zstd, frames one after another."""

    def __init__(self) -> None:
        self._decoder = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES_MAX)
        self._stream = self._decoder.decompressobj(write_size=PIECE_BYTES)
        self._within = False

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        """Unpack; raises Invalid if it is not zstd."""
        try:
            # a piece of a few bytes can hold megabytes: little goes in at a time
            for start in range(0, len(piece), ZSTD_INPUT_BYTES):
                part = piece[start : start + ZSTD_INPUT_BYTES]
                while part:
                    yield self._stream.decompress(part)
                    self._within = not self._stream.eof
                    part = b""
                    if self._stream.eof:
                        part = self._stream.unused_data
                        self._stream = self._decoder.decompressobj(write_size=PIECE_BYTES)
        except zstandard.ZstdError as error:
            raise _broken("zstd", error) from None

    def finish(self) -> None:
        """Raise Invalid if the last frame is not whole."""
        if self._within:
            raise _broken("zstd", "it ends too early")


UNPACKERS: dict[str, type[Unpacker]] = {
    "": Plain,
    "identity": Plain,
    "gzip": Gzip,
    "x-gzip": Gzip,
    "deflate": Gzip,
    "zstd": Zstd,
}


def unpacker_of(encoding: str) -> Unpacker:
    """Return the unpacker of a Content-Encoding. Raises UnsupportedMedia."""
    made = UNPACKERS.get(encoding.strip().lower())
    if made is None:
        raise UnsupportedMedia(
            "content_encoding",
            f"Content-Encoding {encoding[:50]!r} is not read here. Send gzip, zstd, or none.",
        )
    return made()


async def pieces(receive: Any, encoding: str) -> AsyncIterator[bytes]:
    """Yield the body's plain pieces as they come. Raises Invalid for a broken packing, Gone when the sender leaves."""
    unpacker = unpacker_of(encoding)
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Invalid("gone", "The sender disconnected before the end of the body.")
        more = message.get("more_body", False)
        for number, piece in enumerate(unpacker.unpack(message.get("body", b""))):
            if number:
                # a small message can unpack to gigabytes of zeros: other requests run in between
                await asyncio.sleep(0)
            if piece:
                yield piece
    unpacker.finish()


async def whole_body(receive: Any, encoding: str, bytes_max: int) -> bytes:
    """Read the whole body. Raises TooLarge as soon as it is too long, and as `pieces`."""
    if not encoding:
        # nearly every small body comes in one piece, and needs no machinery
        message = await receive()
        if not message.get("more_body", False) and message["type"] == "http.request":
            body: bytes = message.get("body", b"")
            if len(body) > bytes_max:
                raise too_large(bytes_max)
            return body
        receive = _put_back(message, receive)
    parts: list[bytes] = []
    length = 0
    async for piece in pieces(receive, encoding):
        length += len(piece)
        if length > bytes_max:
            raise too_large(bytes_max)
        parts.append(piece)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _put_back(message: Any, receive: Any) -> Any:
    """Return a message that was taken already before those that follow."""
    taken = [message]

    async def again() -> Any:
        return taken.pop() if taken else await receive()

    return again


def too_large(bytes_max: int) -> TooLarge:
    """Return the error for a body longer than the limit."""
    return TooLarge(
        "body_too_large", f"The body is longer than {bytes_max} bytes; send smaller batches."
    )


async def lines(
    receive: Any, encoding: str, *, lines_max: int, bytes_max: int
) -> AsyncIterator[list[bytes]]:
    """Yield the body's lines in groups of at most `lines_max` and about `bytes_max`; empty ones are skipped.

    Raises TooLarge for a line longer than `bytes_max`, and as `pieces`.
    """
    group: list[bytes] = []
    size = 0
    rest = b""
    async for piece in pieces(receive, encoding):
        if not rest and b"\n" in piece and piece.isspace():
            continue
        whole, newline, tail = piece.rpartition(b"\n")
        if not newline:
            rest += piece
            if len(rest) > bytes_max:
                raise too_large(bytes_max)
            continue
        for line in (rest + whole).split(b"\n"):
            if not line or line.isspace():
                continue
            if group and (len(group) >= lines_max or size + len(line) > bytes_max):
                yield group
                group, size = [], 0
            group.append(line)
            size += len(line)
        rest = tail
    if rest.strip():
        if group and (len(group) >= lines_max or size + len(rest) > bytes_max):
            yield group
            group = []
        group.append(rest)
    if group:
        yield group


def _broken(name: str, why: object) -> Invalid:
    return Invalid("broken_encoding", f"The body is not {name}: {why}. Pack it again and resend.")
