"""Files under HOME are for their owner alone: those that are made, and those that an older version made."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.run import run_etl
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import runtime_folder
from stocktide.foundation.home import running_services, write_state
from stocktide.foundation.lake import Lake
from stocktide.foundation.private_files import ADMITTED_MODE, tighten
from stocktide.foundation.settings import load_settings


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """The usual umask, and again afterwards: it is the process's."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> dict[str, str]:
    """Return what group or others may use below a folder; the way through to the database's own user is not it."""
    found = {}
    for at, _folders, names in os.walk(folder):
        for path in (Path(at), *(Path(at, name) for name in names)):
            mode = stat.S_IMODE(path.lstat().st_mode)
            allowed = ADMITTED_MODE if path == folder and os.geteuid() == 0 else 0o700
            if not path.is_symlink() and mode & ~allowed & 0o077:
                found[str(path)] = oct(mode)
    return found


def test_nothing_under_a_home_is_open_to_others_once_it_is_used(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An older version left the home and its lake open."""
    old = home / "lake" / "movements" / "part.parquet"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"x")
    assert old.stat().st_mode & 0o044
    caplog.set_level("INFO", "stocktide")
    settings = load_settings(home=home)
    with running_services(settings, "stocktide etl") as services:
        engine = create_engine(services.database_url)
        Lake(str(home / "new lake"))
        run_etl(engine, Lake(settings.lake_root))
        write_state(home, {})
        engine.dispose()
        assert open_to_others(home) == {}
        assert open_to_others(runtime_folder(home)) == {}
    lines = [record for record in caplog.records if record.getMessage() == "home_tightened"]
    assert len(lines) == 1
    with running_services(settings, "stocktide etl"):
        pass
    lines = [record for record in caplog.records if record.getMessage() == "home_tightened"]
    assert len(lines) == 1


@given(modes=st.lists(st.integers(0, 0o777), min_size=1, max_size=8))
def test_tighten_takes_from_others_and_leaves_the_owner_what_it_has(
    tmp_path_factory: pytest.TempPathFactory, modes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("tight")
    outside = tmp_path_factory.mktemp("outside") / "file"
    outside.touch(mode=0o644)
    home = folder / "home"
    home.mkdir()
    for number, mode in enumerate(modes):
        (home / f"{number}").mkdir()
        (home / f"{number}" / "file").touch()
        (home / f"{number}" / "file").chmod(mode)
        (home / f"{number}").chmod(mode | 0o700)
    (home / "link").symlink_to(outside)
    tighten(home)
    assert open_to_others(home) == {}
    for number, mode in enumerate(modes):
        assert (home / f"{number}" / "file").stat().st_mode & 0o777 == mode & 0o700
        assert (home / f"{number}").stat().st_mode & 0o777 == 0o700
    assert outside.stat().st_mode & 0o777 == 0o644
