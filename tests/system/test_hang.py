"""Servers and parts that hang instead of ending: every wait ends, nothing acknowledged is lost, all recovers."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import psutil
import pytest

from stocktide.entrypoints.probing import HEARTBEAT_S_MAX
from tests.http import NO_TLS
from tests.ingest.samples import raw
from tests.system.running import Running, suspended, up, wait_until

pytestmark = pytest.mark.system

ANSWER_S = 3.0
# The limit, once more for who waited for a thread, and the machine's own slowness.
SLOWEST_S = 2 * (ANSWER_S + 2) + 2
BATCH = "application/cloudevents-batch+json"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    home = tmp_path_factory.mktemp("hang") / "home"
    with up(home, database_answer_s=ANSWER_S, hung_after_s=14) as started:
        with started.client("operate") as client:
            client.put("/v1/products", json={"products": [{"sku": "A"}]})
            client.put("/v1/locations", json={"locations": [{"code": "S1"}]})
        yield started


@dataclass
class Caller:
    """A client that calls without a pause and notes what it got: when, which status, how long it took."""

    client: httpx.Client
    kind: str
    number: int
    acknowledged: set[str] = field(default_factory=set)
    calls: list[tuple[float, int, float]] = field(default_factory=list)
    stopping: bool = False

    @property
    def refused(self) -> bool:
        """Return True if it was answered with an error."""
        return any(status != 200 for _, status, _ in self.calls)

    def run(self) -> None:
        count = 0
        while not self.stopping:
            count += 1
            began = time.monotonic()
            event_id = f"{self.kind}-{self.number}-{count}"
            if self.kind == "read":
                answer = self.client.get("/v1/stock")
            else:
                quantity = {"quantity": 1}
                sent = [json.loads(raw(kind=self.kind, event_id=event_id, **quantity))]
                answer = self.client.post(
                    "/v1/events", content=json.dumps(sent), headers={"Content-Type": BATCH}
                )
                if answer.status_code == 200 and answer.json()["accepted"]:
                    self.acknowledged.add(event_id)
            self.calls.append((began, answer.status_code, time.monotonic() - began))
            time.sleep(0.02)


@contextmanager
def calling(running: Running) -> Iterator[list[Caller]]:
    """Four tills, two deliveries and two readers at once."""
    kinds = ("sale", "sale", "sale", "sale", "receipt", "receipt", "read", "read")
    with running.client("operate") as client:
        callers = [Caller(client, kind, number) for number, kind in enumerate(kinds)]
        threads = [threading.Thread(target=caller.run) for caller in callers]
        for thread in threads:
            thread.start()
        try:
            yield callers
        finally:
            for caller in callers:
                caller.stopping = True
            for thread in threads:
                thread.join(60)


def ledger_ids(running: Running) -> list[str]:
    import psycopg

    url = running.state()["services"]["database_url"]
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT event_id FROM ledger")]


def test_a_database_that_hangs_keeps_nobody_waiting_and_loses_nothing(running: Running) -> None:
    api = running.state()["api"]
    with calling(running) as callers:
        time.sleep(2)
        hung_at = time.monotonic()
        with suspended(running.pid("postgres")):
            wait_until(lambda: all(caller.refused for caller in callers), SLOWEST_S, "not refusing")
            refusing_at = began = time.monotonic()
            assert httpx.get(f"{api}/livez", timeout=10, verify=NO_TLS).status_code == 200
            ready = httpx.get(f"{api}/readyz", timeout=10, verify=NO_TLS)
            assert ready.status_code == 503
            assert "database" in ready.json()["detail"]
            assert time.monotonic() - began < 1
            wait_until(
                lambda: running.state()["parts"]["postgres"]["state"] == "not answering",
                5,
                "silent",
            )
            time.sleep(2)
        resumed_at = time.monotonic()
        wait_until(
            lambda: httpx.get(f"{api}/readyz", verify=NO_TLS).status_code == 200, 10, "not ready"
        )
        ready_at = time.monotonic()
        time.sleep(3)
    calls = [call for caller in callers for call in caller.calls]
    assert {status for _, status, _ in calls} == {200, 503}
    assert max(took for _, _, took in calls) < SLOWEST_S
    refused = [took for began, _, took in calls if refusing_at < began < resumed_at - 1]
    assert refused
    assert max(refused) < 2
    after = [status for began, status, _ in calls if began > ready_at + 1]
    assert after
    assert set(after) == {200}
    assert [status for began, status, _ in calls if began < hung_at - 1 and status != 200] == []
    found = ledger_ids(running)
    assert len(found) == len(set(found))
    assert set().union(*(caller.acknowledged for caller in callers)) <= set(found)
    wait_until(running.ready, 10, "not all ready")


def test_a_cache_that_hangs_slows_reads_down_and_stops_none(running: Running) -> None:
    with running.client("read") as client, suspended(running.pid("valkey")):
        for path in ("/v1/products/A", "/v1/trending", "/v1/stock"):
            began = time.monotonic()
            answer = client.get(path)
            assert answer.status_code in (200, 404), path
            assert time.monotonic() - began < 5, path


def test_parts_that_hang_are_killed_and_started_again(running: Running) -> None:
    before = {part: running.pid(part) for part in ("api", "alerts")}
    for pid in before.values():
        os.kill(pid, signal.SIGSTOP)
    # as if it had stopped half a minute ago: a heartbeat counts for so long
    beat = running.home / "logs" / "alerts.heartbeat"
    os.utime(beat, (time.time() - HEARTBEAT_S_MAX,) * 2)

    def replaced() -> bool:
        return running.ready() and all(running.pid(part) != pid for part, pid in before.items())

    wait_until(replaced, 60, "still the old ones")
    assert not any(psutil.pid_exists(pid) for pid in before.values())
    assert (
        httpx.get(f"{running.state()['api']}/readyz", timeout=10, verify=NO_TLS).status_code == 200
    )
    said = (running.home.parent / "home-up.log").read_text()
    assert all(f"{part} has not answered for" in said for part in before)


def test_up_goes_on_when_its_own_files_cannot_be_written(running: Running) -> None:
    state, log = running.home / "run.new", running.home / "logs" / "alerts.log"
    before = running.pid("alerts")
    # what a full disk says, without filling one; and a log that cannot be opened
    state.symlink_to("/dev/full")
    log.rename(log.with_suffix(".kept"))
    log.mkdir()
    os.kill(before, signal.SIGKILL)
    said = running.home.parent / "home-up.log"
    try:
        wait_until(lambda: "alerts could not be started" in said.read_text(), 10, "not said")
        wait_until(lambda: "run.json cannot be written" in said.read_text(), 5, "not said")
        assert "No space left on device" in said.read_text()
        assert running.process.poll() is None
        assert httpx.get(f"{running.state()['api']}/readyz", verify=NO_TLS).status_code == 200
    finally:
        state.unlink()
        log.rmdir()
        log.with_suffix(".kept").rename(log)
    wait_until(lambda: running.ready() and running.pid("alerts") != before, 40, "not back")
    assert "run.json is written again" in said.read_text()
