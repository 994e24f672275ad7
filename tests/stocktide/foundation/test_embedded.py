import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from stocktide.foundation import embedded
from stocktide.foundation.embedded import Postgres, Valkey, load_secrets, runtime_folder
from stocktide.foundation.errors import Fatal

# A supervisor in a process of its own; without the kernel's help its servers outlive it when it is killed.
SUPERVISOR = """
import sys, time
from pathlib import Path
import psycopg
from stocktide.foundation import embedded
if sys.argv[2] == "orphan":
    embedded.die_with_parent = lambda _signal: None
postgres, valkey = embedded.Postgres(Path(sys.argv[1])), embedded.Valkey(Path(sys.argv[1]))
postgres.start()
valkey.start()
with psycopg.connect(postgres.url(), autocommit=True) as connection:
    connection.execute("CREATE TABLE kept (x int)")
    connection.execute("INSERT INTO kept VALUES (42)")
print(postgres.process.pid, valkey.process.pid, flush=True)
time.sleep(600)
"""


def killed_supervisor(home: Path, how: str) -> tuple[int, int]:
    """Start servers under a supervisor, kill it, and give the servers' pids."""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, str(home), how], stdout=subprocess.PIPE, text=True
    )
    with supervisor:
        assert supervisor.stdout
        line = supervisor.stdout.readline()
        supervisor.send_signal(signal.SIGKILL)
    postgres, valkey = map(int, line.split())
    return postgres, valkey


def runs(pid: int) -> bool:
    """Tell whether the process runs; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 30
    while runs(pid):
        assert time.monotonic() < deadline, f"process {pid} still runs"
        time.sleep(0.05)


@pytest.fixture
def servers(home: Path) -> Iterator[tuple[Postgres, Valkey]]:
    """Servers on the home, not started; ended after the test."""
    postgres, valkey = Postgres(home), Valkey(home)
    yield postgres, valkey
    valkey.stop()
    postgres.stop()


def test_servers_end_orphans_and_keep_the_data_when_a_supervisor_was_killed(
    home: Path, servers: tuple[Postgres, Valkey]
) -> None:
    half_made = home / "postgres.new"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("broken")
    pids = killed_supervisor(home, "orphan")
    assert all(runs(pid) for pid in pids)
    for server in servers:
        server.start()
    assert not any(runs(pid) for pid in pids)
    with psycopg.connect(servers[0].url()) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (42,)
    assert servers[1].answers()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_servers_end_with_their_supervisor_when_it_is_killed(
    home: Path, servers: tuple[Postgres, Valkey]
) -> None:
    for pid in killed_supervisor(home, "child"):
        wait_until_gone(pid)
    servers[0].start()
    with psycopg.connect(servers[0].url()) as connection:
        assert connection.execute("SELECT x FROM kept").fetchone() == (42,)


def test_postgres_says_the_logs_last_line_when_it_does_not_start(home: Path) -> None:
    server = Postgres(home)
    server.start()
    server.stop()
    with (server.folder / "postgresql.conf").open("a") as configuration:
        configuration.write("\nno_such_setting = 1\n")
    with pytest.raises(Fatal, match=r"postgres did not start: .*postgres\.log") as caught:
        server.start()
    assert caught.value.exit_code == 2
    assert not server.alive()


@pytest.mark.parametrize("content", ["", "nonsense\n", "{own}\n", "{gone}\n"])
def test_orphan_pid_is_none_when_the_pid_file_is_stale(home: Path, content: str) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    text = content.format(own=os.getpid(), gone=ended.pid)
    postgres, valkey = Postgres(home), Valkey(home)
    assert postgres.orphan_pid() is None
    postgres.folder.mkdir()
    (postgres.folder / "postmaster.pid").write_text(text)
    valkey.pid_file.write_text(text)
    assert (postgres.orphan_pid(), valkey.orphan_pid()) == (None, None)
    postgres.end_orphan()


def test_runtime_folder_is_short_and_one_for_each_home(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a" * 50] * 3)
    deep.mkdir(parents=True)
    folder = runtime_folder(deep)
    assert runtime_folder(deep) == folder != runtime_folder(tmp_path)
    assert len(str(folder / "pg" / ".s.PGSQL.5432")) < 107
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_runtime_folder_is_refused_when_it_belongs_to_another_user(home: Path) -> None:
    folder = runtime_folder(home)
    os.chown(folder, 12345, -1)
    try:
        with pytest.raises(Fatal, match="belongs to another user"):
            runtime_folder(home)
    finally:
        folder.rmdir()


def test_load_secrets_makes_them_once_for_the_owner_only(home: Path) -> None:
    made = load_secrets(home)
    assert load_secrets(home) == made
    assert len(set(made.values())) == 3
    assert (home / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_valkey_keeps_nothing_and_starts_again_when_stopped(home: Path) -> None:
    import redis

    server = Valkey(home)
    server.start()
    client = redis.Redis.from_url(server.url)
    client.set("a", "1")
    server.stop()
    assert not server.alive()
    assert not server.answers()
    server.start()
    assert client.get("a") is None
    client.close()
    server.stop()


def test_postgres_binaries_are_found_without_import() -> None:
    assert (embedded.postgres_binaries() / "postgres").is_file()
