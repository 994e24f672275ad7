"""`stocktide up`: the servers and our own parts under one supervisor."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import sqlalchemy as sa

from stocktide.entrypoints.listening import listen
from stocktide.entrypoints.probing import Probes, answers_at, beats
from stocktide.entrypoints.state_file import StateFile
from stocktide.foundation.database import create_engine
from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line
from stocktide.foundation.embedded import Postgres, Server, Valkey, die_with_parent, kill_tree
from stocktide.foundation.errors import Conflict, StocktideError
from stocktide.foundation.heartbeat import VARIABLE
from stocktide.foundation.home import (
    HomeLock,
    Services,
    embedded_services,
    prepare_database,
    role_url,
)
from stocktide.foundation.keys import replace_key
from stocktide.foundation.settings import Settings
from stocktide.foundation.telemetry import log
from stocktide.foundation.users import set_user

BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
# A part that ran this long is healthy again: after its next exit the back-off starts from its first step.
WELL_AFTER_S = 60.0
STOP_S_MAX = 15.0
TICK_S = 0.2
# Into how many parts the time is divided after which a part counts as hung: it is asked once in each of the many, and
# said to be silent after the first of the few.
PROBES_BY, SILENT_BY = 12, 5
LOCAL = "127.0.0.1"
FIRST_USER = "admin"

Say = Callable[[str], None]


@dataclass
class Part:
    """One supervised process: ours (command) or an embedded server."""

    name: str
    command: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    health_url: str | None = None
    heartbeat: Path | None = None
    descriptors: tuple[int, ...] = ()
    server: Server | None = None
    process: "subprocess.Popen[bytes] | None" = None
    state: str = "waiting"
    restarts: int = 0
    failures: int = 0
    started_at: float = 0.0
    answered_at: float = 0.0
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

    def answers(self) -> bool:
        """Return True if it answers now; one that can be asked in no way counts as answering."""
        if self.server:
            return self.server.answers()
        if self.health_url is not None:
            return answers_at(self.health_url)
        return self.heartbeat is None or beats(self.heartbeat)

    def kill(self) -> None:
        """Kill it with all that it started: it does not answer, so it cannot be asked to end."""
        pid = self.pid()
        if pid is not None:
            kill_tree(pid)


class Supervisor:
    """Starts the parts, restarts what dies, says what happens, stops everything. `say` prints one line."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self.settings = settings
        self._say = say
        self._state_file = StateFile(settings.home, self.say)
        self.parts: list[Part] = []
        self.services: Services | None = None
        self._stopping = False
        self._sockets: list[socket.socket] = []
        hung_after_s = settings.hung_after_s
        self._silent_after_s = hung_after_s / SILENT_BY
        self._probes = Probes(self.parts, every_s=hung_after_s / PROBES_BY)
        self._started_at = datetime.now(UTC)

    def say(self, line: str) -> None:
        """Say one line; where that cannot be written, as on a full disk, all goes on without it."""
        try:
            self._say(line)
        except OSError as error:
            log("not_said", line=line, error=str(error))

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
            self._probes.start()
            self._watch()
        finally:
            self._probes.stop()
            self._stop()
            self._state_file.remove()
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
                part.state, part.answered_at = "ready", time.monotonic()
        self.services = embedded_services(self.settings, postgres, valkey)
        self.say("bringing the schema up to date …")
        prepare_database(self.settings, self.services, self.say)

    def _start_parts(self) -> None:
        assert self.services is not None  # noqa: S101 - the servers come first
        environment = self._prepare_access(self.services)
        working = {**environment, "STOCKTIDE_DATABASE_URL": role_url(self.settings, "worker")}
        command, host = [sys.executable, "-m", "stocktide.entrypoints.cli"], self.settings.api_host
        self.parts += [
            *self._api_parts(environment),
            self._beating("worker", [*command, "worker"], working),
            self._beating("alerts", [*command, "alerts", "run"], working),
            Part(
                "dashboard",
                [*command, "dashboard"],
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
            parts.append(self._beating("mqtt", [*command, "mqtt"], environment))
        return parts

    def _beating(self, name: str, command: list[str], environment: dict[str, str]) -> Part:
        """Return a part that shows by a heartbeat that its loop turns."""
        heartbeat = self.settings.home / "logs" / f"{name}.heartbeat"
        return Part(name, command, {**environment, VARIABLE: str(heartbeat)}, heartbeat=heartbeat)

    def _api_parts(self, environment: dict[str, str]) -> list[Part]:
        """List API processes on one socket. It is ours: while one restarts, its callers wait instead of failing."""
        shared = self._listen(self.settings.api_host, self.settings.api_port)
        return [
            self._api_part(number, shared, environment)
            for number in range(1, self.settings.api_processes + 1)
        ]

    def _api_part(self, number: int, shared: socket.socket, environment: dict[str, str]) -> Part:
        """Return one API process, with a socket of its own beside the shared one: to ask just this one."""
        own = self._listen(LOCAL, 0)
        descriptors = (shared.fileno(), own.fileno())
        words = ["api", "--fd", str(descriptors[0]), "--probe-fd", str(descriptors[1])]
        return Part(
            "api" if number == 1 else f"api-{number}",
            [sys.executable, "-m", "stocktide.entrypoints.cli", *words],
            environment,
            f"http://{LOCAL}:{own.getsockname()[1]}/livez",
            descriptors=descriptors,
        )

    def _listen(self, host: str, port: int) -> socket.socket:
        self._sockets.append(listen(host, port))
        return self._sockets[-1]

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
            "STOCKTIDE_DATABASE_URL": role_url(self.settings, "api"),
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
        with (logs / f"{part.name}.log").open("ab") as said:
            part.process = subprocess.Popen(  # noqa: S603 - our own parts
                part.command,
                env=part.environment,
                stdout=said,
                stderr=said,
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
            running = ("ready", "not answering")
            waiting = [part.name for part in self.parts if part.state not in running]
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
                except (StocktideError, OSError, *DATABASE_ERRORS) as error:
                    self._schedule(part, f"could not be started: {first_line(error)}")
            return
        if not part.alive():
            self._schedule(part, "ended")
        elif part.state == "starting" and part.answers():
            part.state, part.answered_at = "ready", now
            if part.restarts:
                self.say(f"{part.name} is back")
        elif part.state in ("ready", "not answering"):
            self._look_whether_it_answers(part, now)

    def _look_whether_it_answers(self, part: Part, now: float) -> None:
        silent_s = now - part.answered_at
        if silent_s > self.settings.hung_after_s:
            part.kill()
            self._schedule(part, f"has not answered for {silent_s:.0f} s and was killed")
        elif silent_s > self._silent_after_s and part.state == "ready":
            part.state = "not answering"
            self.say(
                f"{part.name} does not answer; it is killed and started again after {self.settings.hung_after_s:g} s"
            )
        elif silent_s <= self._silent_after_s and part.state == "not answering":
            part.state = "ready"
            self.say(f"{part.name} answers again")
        if part.state == "ready" and now - part.started_at > WELL_AFTER_S:
            part.failures = 0

    def _schedule(self, part: Part, why: str) -> None:
        wait_s = BACKOFF_S[min(part.failures, len(BACKOFF_S) - 1)]
        part.failures += 1
        part.state, part.retry_at = "restarting", time.monotonic() + wait_s
        said_in = self.settings.home / "logs" / f"{part.name}.log"
        self.say(f"{part.name} {why}; starting it again in {wait_s:g} s (see {said_in})")

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
        self._state_file.keep(state)

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
        for listening in self._sockets:
            listening.close()


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
