import os
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tests import scratch


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(scratch, "MEMORY", tmp_path)
    monkeypatch.setattr(scratch, "BYTES_FREE_MIN", 0)
    return tmp_path


def test_scratch_is_a_folder_of_this_process_and_ends_those_of_dead_ones(memory: Path) -> None:
    dead, living, ours = (memory / f"{scratch.PREFIX}{pid}" for pid in (2**22 + 1, 1, os.getpid()))
    for folder in (dead, living, ours):
        (folder / "database").mkdir(parents=True)
    assert scratch.memory_scratch() == ours
    assert list(ours.iterdir()) == []
    assert not dead.exists()
    assert living.exists()


def test_there_is_no_scratch_when_memory_is_short(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "BYTES_FREE_MIN", 1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=999))
    assert scratch.memory_scratch() is None
    assert list(memory.iterdir()) == []


def test_there_is_no_scratch_when_there_is_no_memory_file_system(
    memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "MEMORY", memory / "absent")
    assert scratch.memory_scratch() is None


def test_clear_leaves_what_multiprocessing_removes_itself(tmp_path: Path) -> None:
    scratch_folder, theirs = tmp_path / "scratch", tmp_path / "scratch" / "pymp-x"
    theirs.mkdir(parents=True)
    (scratch_folder / "database").mkdir()
    (scratch_folder / "file").touch()
    scratch.clear(scratch_folder)
    assert list(scratch_folder.iterdir()) == [theirs]
    theirs.rmdir()
    scratch.clear(scratch_folder)
    assert not scratch_folder.exists()
