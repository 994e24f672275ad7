"""The process itself, killed and stopped."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psutil
import pytest

from alerts.addresses import Allowed
from alerts.triage import silence
from alerts.webhooks import Filters, create_webhook
from stocktide.entrypoints.cli.alerts import alerts
from stocktide.foundation.embedded import Valkey
from stocktide.foundation.errors import Invalid
from stocktide.foundation.keys import create_key
from tests.alerts.shops import Shops
from tests.http import NO_TLS
from tests.system.running import free_port

WAIT_S = 20.0


def wait_until(done: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + WAIT_S
    while not done():
        assert process.poll() is None, process.stderr and process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.02)


@contextmanager
def running(shops: Shops, *command: str, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    url = shops.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    named = {f"STOCKTIDE_{name.upper()}": value for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "stocktide.entrypoints.cli", *(command or ("alerts", "run"))],
        env={**os.environ, "STOCKTIDE_DATABASE_URL": url, **named},
        stderr=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()


def test_killed_evaluator_leaves_no_change_unjudged(shops: Shops) -> None:
    """Stock from before its first start, stock while it runs, stock while it is dead: all of it is judged."""
    shops.stock(1, 1, 0, queue=False)
    with running(shops) as process:
        wait_until(lambda: ("out_of_stock", "1/1") in shops.open(), process)
        shops.stock(1, 2, 0)
        wait_until(lambda: ("out_of_stock", "1/2") in shops.open(), process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    shops.stock(2, 1, 0)
    shops.stock(1, 1, 3)
    with running(shops) as process:
        wait_until(lambda: len(shops.history()) == 4, process)
        assert shops.open() == {("out_of_stock", "1/2"), ("out_of_stock", "2/1")}
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0


def test_two_evaluators_open_each_alert_once_and_see_silence(shops: Shops) -> None:
    shops.minutes("till", [30])
    with shops.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO access_keys (name, scope, key_hash, expect_every_s) VALUES ('till', 'ingest', 'x', 60)"
        )
    with (
        running(shops, alert_timer_s="0.2") as first,
        running(shops, alert_timer_s="0.2") as second,
    ):
        wait_until(lambda: ("silent_feed", "till") in shops.open(), first)
        for n in range(20):
            shops.stock(1, 1, n % 2)
        wait_until(lambda: shops.scalar("SELECT count(*) FROM stock_changes") == 0, second)
        assert psutil.Process(first.pid).memory_info().rss < 300 * 2**20
    told = [event for event in shops.history() if event[1] == "out_of_stock"]
    for before, after in itertools.pairwise(told):
        assert before != after
    assert shops.history().count(("opened", "silent_feed", "till")) == 1


def test_evaluator_announces_what_opened_under_a_silence_that_has_passed(shops: Shops) -> None:
    with shops.engine.begin() as connection:
        create_webhook(
            connection, "pager", "https://192.0.2.1/", Filters(), by="test", allowed=Allowed(private=True)
        )  # fmt: skip
        connection.exec_driver_sql("UPDATE webhooks SET active = false")
    shops.stock(1, 1, 0)
    shops.evaluate()
    with shops.engine.begin() as connection:
        until = datetime.now(UTC) + timedelta(seconds=2)
        silence(connection, 1, until=until, by="ann", reason="rebuilt")
    for units in (5, 0):
        shops.stock(1, 1, units)
        shops.evaluate()
    with shops.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE webhooks SET active = true")
    with running(shops, alert_timer_s="0.2") as process:
        wait_until(lambda: shops.scalar("SELECT alert_id FROM deliveries") == 2, process)
    assert datetime.now(UTC) > until


def test_process_says_what_is_missing() -> None:
    with pytest.raises(Invalid, match="Set STOCKTIDE_DATABASE_URL"):
        alerts(["run"], standalone_mode=False)


def test_api_stops_at_once_though_a_stream_is_open(
    shops: Shops, valkey_server: Valkey, home: Path
) -> None:
    """A server waits for its answers to end, and a stream's never does by itself."""
    with shops.engine.begin() as connection:
        key = create_key(connection, "reader", "read")
    url = f"http://127.0.0.1:{(port := free_port())}"
    settings = {"home": str(home), "redis_url": valkey_server.url, "api_port": str(port)}
    with (
        running(shops, "api", **settings) as process,
        httpx.Client(base_url=url, verify=NO_TLS) as client,
    ):
        wait_until(lambda: answers(client), process)
        headers = {"Authorization": f"Bearer {key}"}
        with client.stream("GET", "/v1/alerts/stream", headers=headers) as answer:
            lines = answer.iter_lines()
            assert next(lines) == ": connected"
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert process.wait(WAIT_S) is not None
            assert time.monotonic() - began < 5
            assert list(lines)[-1] == ""


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False
