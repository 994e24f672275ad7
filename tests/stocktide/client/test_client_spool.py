import os
import subprocess
import sys
from pathlib import Path

import pytest

import stocktide.client.spool
from stocktide.client import StoreFull
from stocktide.client.spool import SpoolStore

LINES = [b'{"id":"%d"}' % number for number in range(60)]
SPOILT = b'{"id":"\x00\x00"}'


def make_spool(folder: Path, lines: list[bytes] = LINES, segment_bytes: int = 100) -> SpoolStore:
    spool = SpoolStore(folder, 10_000, segment_bytes=segment_bytes)
    for line in lines:
        spool.append(line)
    return spool


def segments(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.ndjson") if path.stem.isdecimal())


def test_spool_puts_a_spoilt_line_aside_once_however_often_it_is_sent(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, [b'{"id":"a"}', SPOILT, b'{"id":"b"}'])
    for _ in range(5):
        assert spool.peek(10, 10_000) == [b'{"id":"a"}', b'{"id":"b"}']
    spool.done()
    spool.done()
    assert spool.waiting() == 0
    spool.close()
    assert (tmp_path / "damaged.txt").read_bytes() == SPOILT + b"\n"


def test_spool_reads_no_more_than_a_batch_of_spoilt_lines(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, [SPOILT] * 25 + LINES[:1])
    assert spool.peek(10, 10_000) == []
    spool.done()
    assert spool.waiting() == 16
    spool.peek(10, 10_000)
    spool.done()
    assert spool.peek(10, 10_000) == LINES[:1]
    spool.close()


@pytest.mark.parametrize("left", [0, 1])
def test_spool_sends_new_events_after_its_files_were_removed_by_hand(
    tmp_path: Path, left: int
) -> None:
    spool = make_spool(tmp_path, LINES[:30])
    spool.peek(25, 10_000)
    spool.done()
    spool.close()
    for path in segments(tmp_path)[left:]:
        path.unlink()
    spool = make_spool(tmp_path, LINES[30:32])
    assert spool.peek(100, 10_000)[-2:] == LINES[30:32]
    spool.done()
    assert spool.waiting() == 0
    spool.close()


@pytest.mark.parametrize("cursor", ["1 7", "1 100000", "1 -5", "-3 0", "99 0", "1", "1 2 3", "x y"])
def test_spool_sends_everything_again_when_its_cursor_points_nowhere(
    tmp_path: Path, cursor: str
) -> None:
    make_spool(tmp_path, LINES[:30]).close()
    (tmp_path / "cursor").write_text(cursor, "ascii")
    spool = make_spool(tmp_path, LINES[30:31])
    assert spool.peek(100, 10_000) == LINES[:31]
    spool.close()


def test_spool_goes_on_when_its_files_are_removed_under_it(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, LINES[:30])
    for path in segments(tmp_path):
        path.unlink()
    spool.append(LINES[30])
    assert spool.peek(100, 10_000) == [LINES[30]]
    spool.done()
    assert spool.peek(100, 10_000) == []
    assert spool.waiting() == 0
    spool.close()


def test_spool_keeps_the_next_event_apart_from_one_that_was_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = make_spool(tmp_path, LINES[:1], segment_bytes=10_000)

    def half(file: int, content: bytes) -> None:
        os.write(file, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    def no_cut(_file: int, _size: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as disk:
        disk.setattr(stocktide.client.spool, "write_all", half)
        disk.setattr(os, "ftruncate", no_cut)
        with pytest.raises(StoreFull, match="No space left"):
            spool.append(LINES[1])
    spool.append(LINES[2])
    assert spool.waiting() == 2
    assert spool.peek(10, 10_000) == [LINES[0], LINES[2]]
    spool.close()
    again = SpoolStore(tmp_path, 10_000)
    assert (again.waiting(), again.peek(10, 10_000)) == (2, [LINES[0], LINES[2]])
    again.close()


def test_spool_may_be_closed_twice_and_keeps_nothing_afterwards(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, LINES[:1])
    spool.close()
    with (tmp_path / "other").open("wb") as other:
        spool.close()
        with pytest.raises(ValueError, match="The client is closed"):
            spool.append(LINES[1])
        other.write(b"mine")
    assert (tmp_path / "other").read_bytes() == b"mine"


ON_WINDOWS = """
import sys
from pathlib import Path

sys.modules["fcntl"] = None  # what importing it comes to where there is none
from stocktide.client import Client, SpoolUnsupported

Client("http://127.0.0.1:9", "k", source="/till", close_s=0).close()
try:
    Client("http://127.0.0.1:9", "k", source="/till", spool=Path(sys.argv[1]))
except SpoolUnsupported as error:
    print(error)
"""


def test_client_without_spool_works_where_there_are_no_locks_of_files(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ON_WINDOWS, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "needs a POSIX system" in done.stdout
