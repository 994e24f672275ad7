"""The API as a process of its own, to look at what it needs of memory."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import sqlalchemy as sa

from stocktide.entrypoints.listening import listen
from stocktide.foundation.database import create_engine
from stocktide.foundation.keys import create_key
from tests.http import NO_TLS

START_S_MAX = 60.0
MIB = 2**20


@dataclass
class ApiProcess:
    """Where it is, an operator's key, and its process."""

    port: int
    key: str
    process: "subprocess.Popen[bytes]"
    engine: sa.Engine
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, verify=NO_TLS)

    def peak_mib(self) -> float:
        """The most memory that it ever had resident."""
        status = Path(f"/proc/{self.process.pid}/status")
        if not status.exists():
            # elsewhere than on Linux: what it has now
            return float(psutil.Process(self.process.pid).memory_info().rss) / MIB
        lines = status.read_text().splitlines()
        line = next(line for line in lines if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024


@contextmanager
def api_process(database_url: str, home: Path, **settings: object) -> Iterator[ApiProcess]:
    """Serve a database until the end of the block."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        key = create_key(connection, "process", "operate")
    listening = listen("127.0.0.1", 0)
    home.mkdir(exist_ok=True)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("STOCKTIDE_")},
        **{f"STOCKTIDE_{name.upper()}": str(value) for name, value in settings.items()},
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_DATABASE_URL": database_url,
        "STOCKTIDE_REDIS_URL": "unix:///nowhere",
        "STOCKTIDE_SECRET_KEY": "x" * 40,
    }
    log = home / "api.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "stocktide.entrypoints.cli",
                "api",
                "--fd",
                str(listening.fileno()),
            ],
            env=environment,
            stdout=said,
            stderr=said,
            pass_fds=[listening.fileno()],
        )
    try:
        api = ApiProcess(listening.getsockname()[1], key, process, engine, log)
        _wait(api)
        yield api
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        listening.close()
        engine.dispose()


def _wait(api: ApiProcess) -> None:
    deadline = time.monotonic() + START_S_MAX
    while True:
        assert api.process.poll() is None, api.log.read_text()
        assert time.monotonic() < deadline, api.log.read_text()
        try:
            httpx.get(f"{api.url}/healthz", timeout=10, verify=NO_TLS).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)
