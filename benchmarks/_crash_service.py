"""The service of crash.py: real processes, which are killed and come back."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import psycopg

from benchmarks._crash_events import PLACES, PRODUCTS
from stocktide.entrypoints.listening import listen
from stocktide.foundation.database import create_engine, migrate
from stocktide.foundation.embedded import Postgres, die_with_parent
from stocktide.foundation.errors import Fatal
from stocktide.foundation.keys import create_key

ROOT = Path(__file__).parents[1]
API_PROCESSES = 2
START_S_MAX = 60.0


class Service:
    """Postgres, API processes on one socket, broker and subscriber, over a home of their own."""

    def __init__(self, home: Path, broker_ended_at: Any) -> None:
        self.home = home
        self.postgres = Postgres(home)
        self.postgres.start()
        engine = create_engine(self.postgres.url())
        migrate(engine)
        with engine.begin() as connection:
            self.key = create_key(connection, "crash", "operate")
        engine.dispose()
        self.listening = listen("127.0.0.1", 0)
        self.port: int = self.listening.getsockname()[1]
        self.mqtt_port = _free_port()
        self.kills: Counter[str] = Counter()
        self._broker_ended_at = broker_ended_at
        self._ending = False
        self._lock = threading.Lock()
        self._parts: dict[str, subprocess.Popen[bytes]] = {}
        for name in self._commands():
            self._home_of(name).mkdir()
            self._start(name)
        self._watcher = threading.Thread(target=self._restart_the_dead, daemon=True)
        self._watcher.start()
        self._wait_for_api()

    def _commands(self) -> dict[str, list[str]]:
        apis = {f"api {n}": ["api", "--fd", str(self.listening.fileno())] for n in range(API_PROCESSES)}  # fmt: skip
        return {**apis, "broker": ["broker", "--port", str(self.mqtt_port)], "mqtt": ["mqtt"]}

    def _home_of(self, name: str) -> Path:
        return self.home / name.replace(" ", "-")

    def _start(self, name: str) -> None:
        outside = {n: v for n, v in os.environ.items() if not n.startswith("STOCKTIDE_")}
        environment = {
            **outside,
            "OMP_NUM_THREADS": "1",
            "STOCKTIDE_HOME": str(self._home_of(name)),
            "STOCKTIDE_DATABASE_URL": self.postgres.url(),
            "STOCKTIDE_REDIS_URL": "unix:///nowhere",
            "STOCKTIDE_MQTT_URL": f"mqtt://127.0.0.1:{self.mqtt_port}",
        }
        with (self.home / f"{name}.log").open("ab") as said:
            self._parts[name] = subprocess.Popen(
                [sys.executable, "-m", "stocktide.entrypoints.cli", *self._commands()[name]],
                env=environment,
                cwd=ROOT,
                stdout=said,
                stderr=said,
                pass_fds=[self.listening.fileno()],
                preexec_fn=die_with_parent(signal.SIGTERM),
            )

    def _restart_the_dead(self) -> None:
        while not self._ending:
            with self._lock:
                for name, process in list(self._parts.items()):
                    if process.poll() is not None and not self._ending:
                        self._start(name)
            time.sleep(0.05)

    def _wait_for_api(self) -> None:
        headers = {"Authorization": f"Bearer {self.key}"}
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=START_S_MAX
        ) as client:
            products = [{"sku": f"P{n}"} for n in range(PRODUCTS)]
            client.put("/v1/products", json={"products": products}).raise_for_status()
            places = [{"code": f"L{n}"} for n in range(PLACES)]
            client.put("/v1/locations", json={"locations": places}).raise_for_status()

    def kill_api(self) -> None:
        """Kill one API process (kill -9), in turn."""
        name = f"api {self.kills['API kill -9'] % API_PROCESSES}"
        self._kill(name)
        self.kills["API kill -9"] += 1

    def kill_broker(self) -> None:
        """Kill the broker (kill -9): it forgets what it has not handed on."""
        self._kill("broker")
        self._broker_ended_at.value = time.time()
        self.kills["broker kill -9"] += 1

    def _kill(self, name: str) -> None:
        with self._lock:
            process = self._parts[name]
            process.kill()
            process.wait()

    def crash_postgres(self) -> None:
        """Kill the postmaster (kill -9); the next start recovers."""
        assert self.postgres.process is not None
        self.postgres.process.kill()
        self.postgres.process.wait()
        self._start_postgres()
        self.kills["Postgres kill -9"] += 1

    def restart_postgres(self) -> None:
        """Shut PostgreSQL down fast, and start it."""
        self.postgres.stop()
        self._start_postgres()
        self.kills["Postgres fast restart"] += 1

    def _start_postgres(self) -> None:
        deadline = time.monotonic() + START_S_MAX
        while True:
            # backends of a killed postmaster hold its shared memory until they notice
            with contextlib.suppress(Fatal, psycopg.OperationalError):
                self.postgres.start()
                return
            assert time.monotonic() < deadline, self.postgres.last_log_line()
            time.sleep(0.1)

    def log_of(self, name: str) -> str:
        """Read the log of a part."""
        return (self.home / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        """Stop all parts that take events; the database stays."""
        with self._lock:
            self._ending = True
        self._watcher.join()
        for process in self._parts.values():
            process.send_signal(signal.SIGTERM)
        for process in self._parts.values():
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.listening.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
