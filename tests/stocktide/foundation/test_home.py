import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import load_secrets
from stocktide.foundation.errors import Conflict, Fatal
from stocktide.foundation.home import (
    HomeLock,
    Services,
    embedded_services,
    read_state,
    running_services,
    signing_key,
    state_path,
    write_state,
)
from stocktide.foundation.settings import load_settings

HOLDER = """
import sys, time
from pathlib import Path
from stocktide.foundation.home import HomeLock
HomeLock(Path(sys.argv[1]), "stocktide up").acquire()
print("held", flush=True)
time.sleep(600)
"""


@contextmanager
def holder(home: Path) -> "Iterator[subprocess.Popen[str]]":
    """Another process that holds the home."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def state_of(pid: int, **more: Any) -> dict[str, Any]:
    """What a supervisor writes."""
    return {"pid": pid, "started_at": datetime.now(UTC).isoformat(), "parts": {}, **more}


def test_lock_names_the_owner_when_another_process_holds_the_home(home: Path) -> None:
    with holder(home) as process:
        with pytest.raises(
            Conflict, match=rf"in use by stocktide up \(pid {process.pid}\)"
        ) as caught:
            HomeLock(home, "stocktide etl").acquire()
        assert str(home) in caught.value.message
        assert caught.value.exit_code == 2


def test_lock_is_free_when_its_owner_was_killed(home: Path) -> None:
    with holder(home) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        lock = HomeLock(home, "stocktide etl")
        lock.acquire()
        assert (home / "lock").read_text() == f"stocktide etl (pid {os.getpid()})\n"
        lock.release()
    assert (home / "lock").read_text() == ""


def test_lock_makes_the_home_when_it_is_not_there(tmp_path: Path) -> None:
    lock = HomeLock(tmp_path / "a" / "b", "stocktide etl")
    lock.acquire()
    lock.release()
    assert (tmp_path / "a" / "b" / "lock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("below", [".", "below"])
def test_lock_is_fatal_when_the_home_cannot_be_written(tmp_path: Path, below: str) -> None:
    (tmp_path / "home").write_text("a file, where a folder should be")
    with pytest.raises(Fatal, match=r"STOCKTIDE_HOME .* cannot be written") as caught:
        HomeLock(tmp_path / "home" / below, "stocktide etl")
    assert caught.value.exit_code == 2


def test_read_state_gives_what_was_written_when_the_writer_runs(home: Path) -> None:
    state = state_of(os.getpid())
    write_state(home, state)
    assert read_state(home) == state
    assert state_path(home).stat().st_mode & 0o777 == 0o600


def test_read_state_is_none_when_nothing_was_written(home: Path) -> None:
    assert read_state(home) is None
    assert read_state(home / "nowhere") is None


def test_read_state_is_none_when_the_writer_was_killed(home: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    write_state(home, state_of(ended.pid))
    ended.wait()
    assert read_state(home) is None


def test_read_state_is_none_when_the_writers_pid_is_anothers_now(home: Path) -> None:
    write_state(home, {**state_of(os.getpid()), "started_at": "2020-01-01T00:00:00+00:00"})
    assert read_state(home) is None


def test_running_services_uses_those_of_a_running_supervisor(home: Path) -> None:
    with holder(home) as process:
        services = Services("postgresql://a", "postgresql://b", "redis://c")
        write_state(home, state_of(process.pid, services=services.__dict__))
        with running_services(load_settings(home=home), "stocktide etl") as found:
            assert found == services


def test_running_services_refuses_when_a_single_command_owns_the_home(home: Path) -> None:
    services = running_services(load_settings(home=home), "stocktide etl")
    with holder(home), pytest.raises(Conflict, match="in use by"), services:
        pass


def test_running_services_starts_and_stops_its_own_when_nothing_runs(home: Path) -> None:
    settings = load_settings(home=home)
    with running_services(settings, "stocktide etl") as services:
        engine = create_engine(services.read_database_url)
        with engine.connect() as connection:
            assert (
                connection.execute(sa.text("SELECT current_user")).scalar_one()
                == "stocktide_reader"
            )
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                connection.execute(sa.text("SELECT * FROM users"))
        engine.dispose()
    pid_file = home / "postgres" / "postmaster.pid"
    assert not pid_file.exists()
    lock = HomeLock(home, "the next command")
    lock.acquire()
    lock.release()


def test_running_services_takes_the_given_ones_when_both_are_set(
    home: Path, database_url: str, valkey_server: Any
) -> None:
    settings = load_settings(home=home, database_url=database_url, redis_url=valkey_server.url)
    with running_services(settings, "stocktide etl") as services:
        assert services == Services(database_url, database_url, valkey_server.url)
    assert not (home / "postgres").exists()


def test_embedded_services_prefer_the_given_reader(home: Path) -> None:
    settings = load_settings(
        home=home,
        database_url="postgresql://a",
        read_database_url="postgresql://b",
        redis_url="redis://c",
    )
    assert embedded_services(settings, None, None).read_database_url == "postgresql://b"


def test_signing_key_is_the_given_one_else_the_homes(home: Path) -> None:
    assert signing_key(load_settings(home=home, secret_key="m" * 32)) == "m" * 32
    assert not (home / "secrets.json").exists()
    assert signing_key(load_settings(home=home)) == load_secrets(home)["signing_key"]
    assert json.loads((home / "secrets.json").read_text())["signing_key"]
