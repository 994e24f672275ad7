import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from stocktide.foundation.embedded import Valkey
from tests.http import NO_TLS
from tests.ingest.samples import raw
from tests.system.running import Running, environment_of, start_up, stocktide, up, wait_until

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("up") / "home") as started:
        yield started


VERSIONS = Path(__file__).parents[2] / "sql" / "migrations" / "versions"


def test_up_says_where_and_how_to_sign_in_and_answers(running: Running) -> None:
    state = running.state()
    assert set(state["parts"]) == {"postgres", "valkey", "api", "worker", "alerts", "dashboard"}
    assert httpx.get(f"{state['api']}/healthz", verify=NO_TLS).json() == {"status": "ok"}
    assert httpx.get(f"{state['dashboard']}/healthz", verify=NO_TLS).text == "ok"
    assert len(running.password()) >= 12
    assert (running.home / "first-password").stat().st_mode & 0o077 == 0
    assert (running.home / "secrets.json").stat().st_mode & 0o077 == 0


def test_status_tells_of_the_parts(running: Running) -> None:
    described = json.loads(running.run("status", "--json").stdout)
    assert {part[0]: part[1] for part in described["parts"]} == dict.fromkeys(
        running.state()["parts"], "ready"
    )
    newest = max(path.name for path in VERSIONS.glob("v*.py"))
    assert described["data"]["schema"] == newest[1:5]
    assert running.run("status").returncode == 0


def test_dashboard_lets_nobody_in_without_signing_in(running: Running) -> None:
    dashboard = running.state()["dashboard"]
    page = httpx.get(f"{dashboard}/products?sku=A", headers={"accept": "text/html"}, verify=NO_TLS)
    assert (page.status_code, page.headers["location"]) == (
        303,
        "/signin?next=%2Fproducts%3Fsku%3DA",
    )
    for path in (
        "/_stcore/health",
        "/_stcore/host-config",
        "/static/index.html",
        "/media/x",
        "/component/x",
    ):
        assert httpx.get(dashboard + path, verify=NO_TLS).status_code == 401, path
    wrong = httpx.post(
        f"{dashboard}/signin", data={"username": "admin", "password": "wrong"}, verify=NO_TLS
    )
    assert wrong.status_code == 401
    assert "set-cookie" not in wrong.headers
    assert "User name or password is wrong" in wrong.text


def test_dashboard_sends_a_signed_in_user_to_our_pages_only(running: Running) -> None:
    dashboard = running.state()["dashboard"]
    for after, goes_to in (
        ("/products?q=milk", "/products?q=milk"),
        ("//evil.example", "/"),
        ("https://e.example", "/"),
    ):
        answer = httpx.post(
            f"{dashboard}/signin",
            data={"username": "admin", "password": running.password(), "next": after},
            verify=NO_TLS,
        )
        assert (answer.status_code, answer.headers["location"]) == (303, goes_to)
        assert "httponly" in answer.headers["set-cookie"].lower()


def test_dashboard_process_has_only_the_role_that_cannot_write(running: Running) -> None:
    environment = psutil.Process(running.pid("dashboard")).environ()
    assert "stocktide_reader" in environment["STOCKTIDE_DATABASE_URL"]
    assert running.state()["services"]["database_url"] not in environment.values()
    with (
        psycopg.connect(environment["STOCKTIDE_READ_DATABASE_URL"]) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("INSERT INTO locations (code) VALUES ('x')")


def test_up_restarts_what_dies_and_shows_it(running: Running) -> None:
    for part in ("api", "valkey", "postgres"):
        before = running.pid(part)
        os.kill(before, signal.SIGKILL)
        wait_until(
            lambda part=part, before=before: running.pid(part) != before,
            20,
            f"{part} was not restarted",
        )
        running.wait_until_ready()
        assert running.state()["parts"][part]["restarts"] == 1
    assert httpx.get(f"{running.state()['api']}/healthz", verify=NO_TLS).status_code == 200


def test_second_up_on_the_home_is_refused_in_one_line(running: Running) -> None:
    done = stocktide({**running.environment, "STOCKTIDE_API_PORT": "0x"}, "up")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)
    done = running.run("up")
    assert done.returncode == 2
    assert f"in use by stocktide up (pid {running.process.pid})" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_job_is_queued_once_and_run_by_the_worker(running: Running) -> None:
    with running.client("operate") as client:
        assert client.post("/v1/jobs/etl").json() == {"job": "etl", "queued": True}

    def succeeded() -> bool:
        runs = json.loads(running.run("status", "--json").stdout)["runs"]
        return any(job == "etl" and status == "succeeded" for job, status, *_ in runs)

    wait_until(succeeded, 30, "the worker did not run the job")


def test_failed_forecast_is_recorded_and_leaves_the_rest_running(running: Running) -> None:
    """Nothing is in the lake: a retraining can only fail, and must say why."""
    done = running.run("forecast")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    runs = json.loads(running.run("status", "--json").stdout)["runs"]
    assert any(
        job == "forecast" and status == "failed" and error for job, status, _, _, error in runs
    )


def test_up_refuses_a_taken_port_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = stocktide(environment_of(tmp_path / "home", api_port=port), "up")
    assert done.returncode == 2
    assert f"127.0.0.1:{port} cannot be used" in done.stderr
    assert "STOCKTIDE_API_PORT" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_up_refuses_a_home_that_is_not_writable_in_one_line(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    done = stocktide(environment_of(blocked / "home"), "up")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_up_keeps_everything_over_kill_9_and_refuses_a_newer_schema(tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = environment_of(home, create_on_first_sight=True)
    first = start_up(home, environment)
    try:
        first.wait_until_ready()
        with first.client("operate") as client:
            sent = client.post(
                "/v1/events",
                content=raw(kind="sale"),
                headers={"content-type": "application/x-ndjson"},
            )
            assert sent.json()["accepted"] == 1
        first.kill_everything()
    finally:
        first.stop()
    second = start_up(home, environment)
    try:
        second.wait_until_ready()
        with second.client("operate") as client:
            again = client.post(
                "/v1/events",
                content=raw(kind="sale"),
                headers={"content-type": "application/x-ndjson"},
            )
            assert again.json()["duplicate"] == 1
            assert client.get("/v1/stock").json()["stock"][0]["book"] == -1
        with psycopg.connect(second.state()["services"]["database_url"]) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        assert second.stop() == 0
        done = stocktide(environment, "up")
        assert done.returncode == 2
        assert "made by a newer version" in done.stderr
    finally:
        second.stop()
    assert not (home / "run.json").exists()


def test_up_uses_given_servers_and_embeds_nothing(
    tmp_path: Path, database_url: str, valkey_server: Valkey
) -> None:
    home = tmp_path / "home"
    settings = {"database_url": database_url, "redis_url": valkey_server.url}
    environment = environment_of(home, read_database_url=database_url, **settings)
    given = start_up(home, environment)
    try:
        wait_until(
            lambda: (
                (home / "run.json").exists()
                and [p["state"] for p in given.state()["parts"].values()] == ["ready"] * 4
            ),
            60,
            "not ready",
        )
        assert set(given.state()["parts"]) == {"api", "worker", "alerts", "dashboard"}
        assert not (home / "postgres").exists()
    finally:
        given.stop()


def test_supervisor_killed_alone_takes_its_parts_with_it(running: Running) -> None:
    """The last test of this module: it ends what the others run on."""
    pids = [running.pid(part) for part in running.state()["parts"]]
    running.process.kill()
    running.process.wait()
    wait_until(
        lambda: not any(psutil.pid_exists(pid) for pid in pids),
        20,
        "parts outlived their supervisor",
    )
