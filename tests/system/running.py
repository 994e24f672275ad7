"""A real `stocktide up` in a process of its own, on free ports and a home of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from stocktide.foundation.database import create_engine
from stocktide.foundation.keys import create_key
from tests.forked import run_command
from tests.http import NO_TLS

ROOT = Path(__file__).parents[2]
COMMAND_S_MAX = 240.0
READY_S_MAX = 90.0
STOP_S_MAX = 40.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Running:
    """The supervisor's process and what it says of itself."""

    process: "subprocess.Popen[str]"
    environment: dict[str, str]
    home: Path

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads((self.home / "run.json").read_text())
        return state

    def ready(self) -> bool:
        if not (self.home / "run.json").exists():
            return False
        state = self.state()
        parts = state["parts"].values()
        return (
            state["pid"] == self.process.pid
            and len(parts) == 6
            and all(p["state"] == "ready" for p in parts)
        )

    def wait_until_ready(self) -> None:
        wait_until(self.ready, READY_S_MAX, f"not ready; {self.home / 'logs'}")

    def pid(self, part: str) -> int:
        return int(self.state()["parts"][part]["pid"])

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return stocktide(self.environment, *arguments)

    def key(self, scope: str) -> str:
        engine = create_engine(self.state()["services"]["database_url"])
        with engine.begin() as connection:
            key = create_key(connection, f"test {scope} {time.monotonic_ns()}", scope)
        engine.dispose()
        return key

    def client(self, scope: str) -> httpx.Client:
        return httpx.Client(
            base_url=self.state()["api"],
            headers={"Authorization": f"Bearer {self.key(scope)}"},
            timeout=30,
            verify=NO_TLS,
        )

    def password(self) -> str:
        return (self.home / "first-password").read_text().strip()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_S_MAX)

    def kill_everything(self) -> None:
        """kill -9 of the supervisor and of all that it started, at once."""
        everybody = [
            psutil.Process(self.process.pid),
            *psutil.Process(self.process.pid).children(recursive=True),
        ]
        for one in everybody:
            # one may have ended by itself meanwhile
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        self.process.wait()
        psutil.wait_procs(everybody, timeout=10)


def environment_of(home: Path, **settings: object) -> dict[str, str]:
    own = {f"STOCKTIDE_{name.upper()}": str(value) for name, value in settings.items()}
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("STOCKTIDE_")},
        "STOCKTIDE_HOME": str(home),
        "STOCKTIDE_API_PORT": str(free_port()),
        "STOCKTIDE_DASHBOARD_PORT": str(free_port()),
        # the tests ask for runs themselves
        "STOCKTIDE_ETL_CRON": "0 0 1 1 *",
        "STOCKTIDE_FORECAST_CRON": "0 0 1 1 *",
        "STOCKTIDE_REFRESH_CRON": "0 0 1 1 *",
        "STOCKTIDE_DRIFT_CRON": "0 0 1 1 *",
        "STOCKTIDE_QUALITY_CRON": "0 0 1 1 *",
        "STOCKTIDE_MAINTAIN_CRON": "0 0 1 1 *",
        "STOCKTIDE_EXPORTS_CRON": "0 0 1 1 *",
        "STOCKTIDE_CUSTOMER_VALUES_CRON": "0 0 1 1 *",
        "STOCKTIDE_LEAD_TIMES_CRON": "0 0 1 1 *",
        "STOCKTIDE_ORDERS_CRON": "0 0 1 1 *",
        **own,
    }


def stocktide(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line where the chain's `stocktide.toml` is."""
    return run_command(*arguments, environment=environment, folder=ROOT, seconds=COMMAND_S_MAX)


def start_up(home: Path, environment: dict[str, str]) -> Running:
    with (home.parent / f"{home.name}-up.log").open("a") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "stocktide.entrypoints.cli", "up"],
            env=environment,
            stdout=said,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return Running(process, environment, home)


@contextmanager
def up(home: Path, **settings: object) -> Iterator[Running]:
    running = start_up(home, environment_of(home, **settings))
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.stop()


# What readers see of a forecast does not depend on how much it was chosen from; `make demo` chooses from all.
FEWER = {
    'candidates = "auto"': 'candidates = ["WLSS additive", "seasonal_naive"]',
    "backtest_origins = 3": "backtest_origins = 2",
}


def quick_config(folder: Path) -> Path:
    """Write the project's stocktide.toml with fewer candidates and origins, for forecasts in seconds."""
    text = (ROOT / "stocktide.toml").read_text()
    for line, fewer in FEWER.items():
        assert line in text
        text = text.replace(line, fewer)
    written = folder / "stocktide.toml"
    written.write_text(text)
    return written


@contextmanager
def suspended(pid: int) -> Iterator[None]:
    """Stop a process and all that it started, as a server that hangs; they go on at the end."""
    family = [psutil.Process(pid)]
    family += family[0].children(recursive=True)
    for one in family:
        one.suspend()
    try:
        yield
    finally:
        for one in reversed(family):
            if one.is_running():
                one.resume()


def wait_until(holds: Any, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)
