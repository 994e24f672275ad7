"""`stocktide up`: the servers and our own parts under one supervisor."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import sqlalchemy as sa

from stocktide.entrypoints.listening import listen
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres, Server, Valkey, die_with_parent
from stocktide.foundation.errors import Conflict, StocktideError
from stocktide.foundation.home import (
    HomeLock,
    Services,
    embedded_services,
    prepare_database,
    state_path,
    write_state,
)
from stocktide.foundation.keys import replace_key
from stocktide.foundation.settings import Settings
from stocktide.foundation.users import set_user

BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# A part that ran this long is healthy again: after its next exit the back-off starts from its first step.
WELL_AFTER_S = 60.0
STOP_S_MAX = 15.0
TICK_S = 0.2
FIRST_USER = "admin"

Say = Callable[[str], None]


@dataclass
class Part:
    """One supervised process: ours (command) or an embedded server."""

    name: str
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    health_url: str | None = None
    descriptors: tuple[int, ...] = ()
    server: Server | None = None
    process: "subprocess.Popen[bytes] | None" = None
    state: str = "waiting"
    restarts: int = 0
    failures: int = 0
    started_at: float = 0.0
    retry_at: float = 0.0

    def pid(self) -> int | None:
        """Return the pid of the running process."""
        process = self.server.process if self.server else self.process
        return process.pid if process else None

    def alive(self) -> bool:
        """Return True if the process runs."""
        if self.server:
            return self.server.alive()
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Starts the parts, restarts what dies, says what happens, stops everything. `say` prints one line."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self.settings = settings
        self.say = say
        self.parts: list[Part] = []
        self.services: Services | None = None
        self._stopping = False
        self._listening: socket.socket | None = None
        self._started_at = datetime.now(UTC)

    def run(self) -> None:
        """Run until a signal says stop. Raises Conflict, Fatal before anything of ours was started."""
        lock = HomeLock(self.settings.home, "stocktide up")
        lock.acquire()
        try:
            for port, name in (
                (self.settings.api_port, "API"),
                (self.settings.dashboard_port, "DASHBOARD"),
                (self.settings.mqtt_broker_port, "MQTT_BROKER"),
            ):
                if port is not None:
                    _require_free(self.settings.api_host, port, name)
            self._handle_signals()
            self._start_servers()
            self._start_parts()
            self._watch()
        finally:
            self._stop()
            state_path(self.settings.home).unlink(missing_ok=True)
            lock.release()

    def _handle_signals(self) -> None:
        def stop(_number: int, _frame: FrameType | None) -> None:
            self._stopping = True

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)

    def _start_servers(self) -> None:
        home = self.settings.home
        postgres = None if self.settings.database_url else Postgres(home)
        valkey = None if self.settings.redis_url else Valkey(home)
        for server in (postgres, valkey):
            if server is not None:
                self.say(f"starting {server.name} …")
                part = Part(
                    server.name, server=server, state="starting", started_at=time.monotonic()
                )
                self.parts.append(part)
                server.start()
                part.state = "ready"
        self.services = embedded_services(self.settings, postgres, valkey)
        self.say("bringing the schema up to date …")
        prepare_database(self.settings, self.services)

    def _start_parts(self) -> None:
        assert self.services is not None  # noqa: S101 - the servers come first
        environment = self._prepare_access(self.services)
        python, host = sys.executable, self.settings.api_host
        self.parts += [
            *self._api_parts(environment),
            Part("worker", [python, "-m", "stocktide.entrypoints.cli", "worker"], environment),
            Part(
                "alerts", [python, "-m", "stocktide.entrypoints.cli", "alerts", "run"], environment
            ),
            Part(
                "dashboard",
                [python, "-m", "stocktide.entrypoints.cli", "dashboard"],
                self._dashboard_environment(environment),
                f"http://{host}:{self.settings.dashboard_port}/healthz",
            ),
            *self._mqtt_parts(environment),
        ]
        for part in self.parts:
            if part.server is None:
                self._start(part)

    def _mqtt_parts(self, environment: dict[str, str]) -> list[Part]:
        """List the subscriber where a broker is set, and the demo's own broker where its port is."""
        settings, command = self.settings, [sys.executable, "-m", "stocktide.entrypoints.cli"]
        port, url = settings.mqtt_broker_port, settings.mqtt_url
        parts = []
        if port is not None:
            url = url or f"mqtt://{settings.api_host}:{port}"
            parts.append(Part("broker", [*command, "broker", "--port", str(port)], environment))
        if url is not None:
            environment = {**environment, "STOCKTIDE_MQTT_URL": url}
            parts.append(Part("mqtt", [*command, "mqtt"], environment))
        return parts

    def _api_parts(self, environment: dict[str, str]) -> list[Part]:
        """List API processes on one socket. It is ours: while one restarts, its callers wait instead of failing."""
        host, port = self.settings.api_host, self.settings.api_port
        self._listening = listen(host, port)
        descriptor = self._listening.fileno()
        command = [
            sys.executable,
            "-m",
            "stocktide.entrypoints.cli",
            "api",
            "--fd",
            str(descriptor),
        ]
        return [
            Part(
                "api" if number == 1 else f"api-{number}",
                command,
                environment,
                f"http://{host}:{port}/healthz",
                descriptors=(descriptor,),
            )
            for number in range(1, self.settings.api_processes + 1)
        ]

    def _prepare_access(self, services: Services) -> dict[str, str]:
        """Create the first user and the dashboard's key; print how to sign in. Returns our parts' environment."""
        engine = create_engine(services.database_url)
        password = None
        with engine.begin() as connection:
            if connection.execute(sa.text("SELECT count(*) FROM users")).scalar_one() == 0:
                password = secrets.token_urlsafe(12)
                set_user(connection, FIRST_USER, password, "operator")
            key = replace_key(connection, "dashboard (made by stocktide up)", "operate")
        engine.dispose()
        note = self.settings.home / "first-password"
        if password is not None:
            note.touch(mode=0o600)
            note.write_text(password + "\n")
        self._sign_in = (
            f"user {FIRST_USER}, password {password} (kept in {note})"
            if password
            else "with your user; a forgotten password: stocktide users password NAME"
        )
        return {
            **os.environ,
            "STOCKTIDE_HOME": str(self.settings.home),
            "STOCKTIDE_DATABASE_URL": services.database_url,
            "STOCKTIDE_READ_DATABASE_URL": services.read_database_url,
            "STOCKTIDE_REDIS_URL": services.redis_url,
            "STOCKTIDE_API_PORT": str(self.settings.api_port),
            "STOCKTIDE_DASHBOARD_PORT": str(self.settings.dashboard_port),
            "STOCKTIDE_DASHBOARD_KEY": key,
        }

    def _dashboard_environment(self, environment: dict[str, str]) -> dict[str, str]:
        """Return the dashboard's environment: it has the read-only role, and no way to the owner's."""
        return {**environment, "STOCKTIDE_DATABASE_URL": environment["STOCKTIDE_READ_DATABASE_URL"]}

    def _start(self, part: Part) -> None:
        part.state, part.started_at = "starting", time.monotonic()
        if part.server is not None:
            part.server.start()
            return
        logs = self.settings.home / "logs"
        logs.mkdir(exist_ok=True)
        with (logs / f"{part.name}.log").open("ab") as log:
            part.process = subprocess.Popen(  # noqa: S603 - our own parts
                part.command,
                env=part.environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                pass_fds=part.descriptors,
                preexec_fn=die_with_parent(signal.SIGKILL),
                process_group=0,
            )

    def _watch(self) -> None:
        said = ""
        announced = False
        while not self._stopping:
            for part in self.parts:
                self._look_after(part)
            self._write_state()
            waiting = [part.name for part in self.parts if part.state != "ready"]
            line = f"still starting: {', '.join(waiting)}" if waiting else ""
            if line and line != said:
                self.say(line)
            said = line
            if not waiting and not announced:
                announced = True
                self._announce()
            time.sleep(TICK_S)

    def _look_after(self, part: Part) -> None:
        now = time.monotonic()
        if part.state == "restarting":
            if now >= part.retry_at:
                part.restarts += 1
                try:
                    self._start(part)
                except StocktideError as error:
                    self._schedule(part, error.message)
            return
        if not part.alive():
            self._schedule(part, "ended")
        elif part.state == "starting" and (part.health_url is None or _healthy(part.health_url)):
            part.state = "ready"
            if part.restarts:
                self.say(f"{part.name} is back")
        elif part.state == "ready" and now - part.started_at > WELL_AFTER_S:
            part.failures = 0

    def _schedule(self, part: Part, why: str) -> None:
        wait_s = BACKOFF_S[min(part.failures, len(BACKOFF_S) - 1)]
        part.failures += 1
        part.state, part.retry_at = "restarting", time.monotonic() + wait_s
        log = self.settings.home / "logs" / f"{part.name}.log"
        self.say(f"{part.name} {why}; starting it again in {wait_s:g} s (see {log})")

    def _announce(self) -> None:
        host = self.settings.api_host
        self.say("")
        self.say(f"Dashboard  http://{host}:{self.settings.dashboard_port}")
        self.say(f"API        http://{host}:{self.settings.api_port}/docs")
        self.say(f"Sign in    {self._sign_in}")
        self.say("Stop       Ctrl-C")

    def _write_state(self) -> None:
        assert self.services is not None  # noqa: S101 - the servers come first
        parts: dict[str, Any] = {
            part.name: {"state": part.state, "pid": part.pid(), "restarts": part.restarts}
            for part in self.parts
        }
        state = {
            "pid": os.getpid(),
            "started_at": self._started_at.isoformat(),
            "parts": parts,
            "services": self.services.__dict__,
            "api": f"http://{self.settings.api_host}:{self.settings.api_port}",
            "dashboard": f"http://{self.settings.api_host}:{self.settings.dashboard_port}",
        }
        text = json.dumps(state)
        if text != getattr(self, "_written", None):
            self._written = text
            write_state(self.settings.home, state)

    def _stop(self) -> None:
        ours = [part for part in self.parts if part.server is None and part.alive()]
        if ours:
            self.say("stopping …")
        for part in ours:
            assert part.process is not None  # noqa: S101 - it is alive
            part.process.terminate()
        deadline = time.monotonic() + STOP_S_MAX
        for part in ours:
            assert part.process is not None  # noqa: S101 - it is alive
            try:
                part.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                part.process.kill()
                part.process.wait()
        for part in reversed(self.parts):
            if part.server is not None:
                part.server.stop()
        if self._listening is not None:
            self._listening.close()


def _require_free(host: str, port: int, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Conflict(
                "port_taken",
                f"{host}:{port} cannot be used: {error.strerror}. Set STOCKTIDE_{name}_PORT to a free port.",
            ) from None


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
