import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Sequence
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stocktide.foundation.bodies import lines, whole_body
from stocktide.foundation.errors import Invalid, TooLarge, UnsupportedMedia

MIB = 2**20
TEXT = b"\n".join(b'{"line": %d}' % number for number in range(2_000))
PACKED = {
    "": TEXT,
    "identity": TEXT,
    "gzip": gzip.compress(TEXT),
    "x-gzip": gzip.compress(TEXT),
    "deflate": zlib.compress(TEXT),
    "zstd": zstandard.compress(TEXT),
}
# What can be cut off without anything missing: nothing.
CUT = {name: packed for name, packed in PACKED.items() if name not in ("", "identity")}


def sender(body: bytes, size: int, *, leaves: bool = False) -> Any:
    """An ASGI `receive` that gives a body in pieces of some size."""
    parts = [body[start : start + size] for start in range(0, len(body), size)] or [b""]
    waiting = iter(enumerate(parts))

    async def receive() -> dict[str, Any]:
        number, part = next(waiting, (0, b""))
        if leaves and number == len(parts) - 1:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": number < len(parts) - 1}

    return receive


def whole(body: bytes, encoding: str, *, size: int = 4_096, bytes_max: int = 16 * MIB) -> bytes:
    return asyncio.run(whole_body(sender(body, size), encoding, bytes_max))


def groups(
    body: bytes,
    encoding: str = "",
    *,
    size: int = 4_096,
    lines_max: int = 100,
    bytes_max: int = MIB,
) -> list[list[bytes]]:
    async def collect() -> list[list[bytes]]:
        cut = lines(sender(body, size), encoding, lines_max=lines_max, bytes_max=bytes_max)
        return [group async for group in cut]

    return asyncio.run(collect())


@pytest.mark.parametrize("encoding", PACKED)
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_whole_body_is_the_same_however_it_is_packed_and_cut(encoding: str, size: int) -> None:
    assert whole(PACKED[encoding], encoding.upper(), size=size) == TEXT


@pytest.mark.parametrize("encoding", CUT)
@pytest.mark.parametrize("missing", [1, 4, 9, 100])
def test_whole_body_says_so_when_a_packed_one_ends_too_early(encoding: str, missing: int) -> None:
    with pytest.raises(Invalid, match="ends too early"):
        whole(CUT[encoding][:-missing], encoding)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_whole_body_refuses_what_is_not_packed_as_it_says(encoding: str) -> None:
    with pytest.raises(Invalid, match="Pack it again"):
        whole(TEXT, encoding)


def test_whole_body_refuses_an_unknown_packing() -> None:
    with pytest.raises(UnsupportedMedia, match="'br'"):
        whole(TEXT, "br")


@pytest.mark.parametrize("size", [1, 50, 10**6])
@pytest.mark.parametrize(
    ("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)]
)
def test_whole_body_joins_members_and_frames(encoding: str, pack: Any, size: int) -> None:
    """Members of a file as `cat` joins them; an empty one among them."""
    body = pack(b"one,") + pack(b"") + pack(TEXT) + pack(b",three")
    assert whole(body, encoding, size=size) == b"one," + TEXT + b",three"
    with pytest.raises(Invalid, match="ends too early"):
        whole(body + pack(TEXT)[:30], encoding, size=size)


def bomb(encoding: str, filling: bytes, mib: int) -> bytes:
    """So many MiB of one text, packed; zstd makes a few kilobytes of a gigabyte."""
    packer: Any = zlib.compressobj(9, wbits=31)
    if encoding == "zstd":
        packer = zstandard.ZstdCompressor(level=3).compressobj()
    parts = [packer.compress(filling * (MIB // len(filling))) for _ in range(mib)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_whole_body_stops_at_its_limit_when_a_small_body_is_a_bomb(encoding: str) -> None:
    body = bomb(encoding, b" ", 256)
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge, match="longer than 1048576"):
            whole(body, encoding, size=len(body), bytes_max=MIB)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # the limit, one window and what one piece of input can give
    assert peak < 64 * MIB, f"{peak / MIB:.0f} MiB"


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_lines_pass_over_a_bomb_of_empty_lines_in_bounded_memory(encoding: str) -> None:
    body = bomb(encoding, b"\n", 128) + PACKED[encoding]
    tracemalloc.start()
    try:
        found = [line for group in groups(body, encoding, size=len(body)) for line in group]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert b"\n".join(found) == TEXT
    assert peak < 64 * MIB, f"{peak / MIB:.0f} MiB"


def test_lines_refuse_a_line_that_never_ends() -> None:
    with pytest.raises(TooLarge):
        groups(bomb("gzip", b"x", 64), "gzip")


def test_whole_body_says_so_when_the_sender_disconnects() -> None:
    with pytest.raises(Invalid, match="disconnected"):
        asyncio.run(whole_body(sender(TEXT, 100, leaves=True), "", MIB))


def flat(cut: Sequence[Sequence[bytes]]) -> list[bytes]:
    return [line for group in cut for line in group]


@given(
    st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=40),
    st.integers(1, 50),
    st.integers(1, 9),
    st.booleans(),
)
def test_lines_are_all_lines_in_order_however_they_are_cut(
    written: list[bytes], size: int, lines_max: int, ended: bool
) -> None:
    body = b"\n".join(written) + (b"\n" if ended else b"")
    cut = groups(body, size=size, lines_max=lines_max, bytes_max=200)
    assert [line.strip() for line in flat(cut)] == [
        line.strip() for line in written if line.strip()
    ]
    assert all(0 < len(group) <= lines_max for group in cut)
    assert all(sum(map(len, group)) <= 200 or len(group) == 1 for group in cut)
