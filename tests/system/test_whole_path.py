"""The sample chain through every stage on real servers, and what happens when parts are taken away."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import numpy as np
import psycopg
import pytest
import redis

from data import SampleChain, simulate
from tests.system.running import (
    Running,
    environment_of,
    quick_config,
    stocktide,
    up,
    wait_until,
)

pytestmark = pytest.mark.system
# From before the change of the clocks and Easter on.
DAYS = 80
LINES = {"content-type": "application/x-ndjson"}


@pytest.fixture(scope="module")
def chain() -> SampleChain:
    return simulate(seed=3, days=DAYS, end=date(2026, 6, 1))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("path")
    with up(folder / "home", config=quick_config(folder)) as started:
        yield started


@pytest.fixture(scope="module")
def sent(running: Running, chain: SampleChain) -> Counter[str]:
    """The chain's whole history, sent through HTTP."""
    answers: Counter[str] = Counter()
    with running.client("operate") as client:
        client.put("/v1/products", json={"products": chain.products}).raise_for_status()
        client.put("/v1/locations", json={"locations": chain.locations}).raise_for_status()
        for kind, plans in (("promotions", chain.promotions), ("closures", chain.closures)):
            client.put(f"/v1/calendar/{kind}", json={kind: plans}).raise_for_status()
        for body in chain.batches(4000):
            answer = (
                client.post("/v1/events", content=body, headers=LINES).raise_for_status().json()
            )
            answers.update(
                {n: answer[n] for n in ("accepted", "duplicate", "conflict", "rejected")}
            )
    return answers


def test_ingest_answers_as_the_simulator_expects(sent: Counter[str], chain: SampleChain) -> None:
    expected = chain.expected
    assert dict(sent) == {
        "accepted": expected.accepted,
        "duplicate": expected.duplicate,
        "conflict": expected.conflict,
        "rejected": expected.rejected,
    }


def test_stock_is_the_simulators_book(
    sent: Counter[str], running: Running, chain: SampleChain
) -> None:
    assert sent.total() > 0
    stock: dict[tuple[str, str], float] = {}
    with running.client("read") as client:
        after: str | None = ""
        while after is not None:
            page = (
                client.get("/v1/stock", params={"limit": 500, "after": after})
                .raise_for_status()
                .json()
            )
            stock.update({(row["product"], row["location"]): row["book"] for row in page["stock"]})
            after = page["next"]
    truth = chain.truth
    book = {
        (product["sku"], location["code"]): truth.book[
            truth.pair(product["sku"], location["code"]), -1
        ]
        / 1000
        for product in chain.products
        for location in chain.locations
    }
    assert stock == {pair: on_hand for pair, on_hand in book.items() if pair in stock}
    assert len(stock) == len(book)


def test_whole_path_ends_in_a_published_coherent_forecast(
    sent: Counter[str], running: Running
) -> None:
    assert sent.total() > 0
    for command in ("etl", "forecast", "check"):
        done = running.run(command, "--json")
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["holds"] is True
    with running.client("read") as client:
        root = client.get("/v1/forecasts").raise_for_status().json()
        assert [node["level_name"] for node in root["nodes"]] == ["total"]
        leaves = client.get(
            "/v1/forecasts", params={"level": "location / product", "limit": 500}
        ).json()["nodes"]
        total = root["nodes"][0]["total"]
        assert sum(leaf["total"] for leaf in leaves) == pytest.approx(total, rel=1e-6)
        assert all(leaf["total"] >= 0 for leaf in leaves)
        product = client.get("/v1/products/FR-001").raise_for_status().json()
        assert len(product["forecast"]) == 28
        quantiles = np.array(
            [[day[q] for q in ("q025", "q10", "q50", "q90", "q975")] for day in product["forecast"]]
        )
        assert (np.diff(quantiles, axis=1) >= 0).all()
        assert (quantiles >= 0).all()


def test_daily_demand_is_what_the_simulator_sold(
    sent: Counter[str], running: Running, chain: SampleChain
) -> None:
    assert sent.total() > 0
    with psycopg.connect(running.state()["services"]["read_database_url"]) as connection:
        rows = connection.execute(
            "SELECT p.sku, l.code, d.day, d.sold_milli FROM daily_demand d"
            " JOIN products p USING (product_id) JOIN locations l USING (location_id) WHERE sold_milli > 0"
        ).fetchall()
    truth = chain.truth
    first = truth.days[0].astype("datetime64[D]").astype(date)
    found = np.zeros_like(truth.sold)
    for sku, code, day, sold in rows:
        found[truth.pair(sku, code), (day - first).days] = sold
    np.testing.assert_array_equal(found, truth.sold)


def test_reads_never_fail_while_valkey_is_stopped_and_hit_again_after(
    sent: Counter[str], running: Running
) -> None:
    assert sent.total() > 0
    statuses: Counter[int] = Counter()
    answers: set[str] = set()
    done = threading.Event()

    def read(client: httpx.Client) -> None:
        while not done.is_set():
            answer = client.get("/v1/products/FR-002")
            statuses[answer.status_code] += 1
            answers.add(answer.text)

    with running.client("read") as client:
        readers = [threading.Thread(target=read, args=(client,)) for _ in range(4)]
        for reader in readers:
            reader.start()
        time.sleep(0.5)
        before = running.pid("valkey")
        os.kill(before, signal.SIGSTOP)  # hangs: worse than gone
        time.sleep(1.5)
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: running.pid("valkey") != before, 20, "valkey was not restarted")
        running.wait_until_ready()
        time.sleep(2)
        done.set()
        for reader in readers:
            reader.join()
    assert set(statuses) == {200}
    assert len(answers) == 1
    assert statuses[200] > 50
    cache = redis.Redis.from_url(running.state()["services"]["redis_url"], decode_responses=True)
    assert int(cache.get("stocktide:hits") or 0) > 0
    cache.close()


def test_import_killed_with_everything_ends_as_without_the_kill(
    running: Running, tmp_path: Path
) -> None:
    """kill -9 of all processes in the middle of an import; up; import again: nothing lost, nothing twice.

    The last test on the running system: it ends it.
    """
    rows = 40_000
    file = tmp_path / "sales.csv"
    lines = (
        f"r{n},A{n % 50},S{n % 3},{1 + n % 4},2026-03-{1 + n % 28:02d} 10:00:00"
        for n in range(rows)
    )
    file.write_text("id,sku,shop,pieces,sold_at\n" + "\n".join(lines) + "\n")
    mapping = tmp_path / "till.toml"
    mapping.write_text(
        'name = "till"\ntimezone = "UTC"\nsource = "till"\n'
        '[columns]\nid = "VARCHAR"\nsku = "VARCHAR"\nshop = "VARCHAR"\npieces = "BIGINT"\nsold_at = "TIMESTAMP"\n'
        '[event]\nid = "id"\ntime = "sold_at"\n[product]\nsku = "sku"\n[location]\ncode = "shop"\n'
        '[[kind]]\nkind = "sale"\nwhen = "true"\n[kind.data]\nquantity = "pieces"\n'
    )
    importing = threading.Thread(
        target=running.run, args=("import", str(file), "--mapping", str(mapping))
    )
    importing.start()
    url = running.state()["services"]["database_url"]
    wait_until(lambda: 0 < _ledger(url)[0] < rows, 30, "the import was never seen in the middle")
    running.kill_everything()
    importing.join()
    with up(running.home) as second:
        url = second.state()["services"]["database_url"]
        committed = _ledger(url)[0]
        assert 0 < committed < rows
        done = second.run("import", str(file), "--mapping", str(mapping), "--json")
        tally = json.loads(done.stdout)
        assert (tally["accepted"], tally["duplicate"]) == (rows - committed, committed)
        assert _ledger(url) == (rows, -1000 * sum(1 + n % 4 for n in range(rows)))
        for command in ("etl", "check"):
            assert second.run(command).returncode == 0


def _ledger(url: str) -> tuple[int, int]:
    """Return how many rows there are of the imported file, and what they move."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*), coalesce(sum(quantity_milli), 0) FROM ledger"
            " JOIN sources USING (source_id) WHERE source = 'till'"
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def test_demo_once_runs_every_stage_and_prints_them(tmp_path: Path) -> None:
    done = stocktide(environment_of(tmp_path / "unused"), "demo", "--once", "--days", "60")
    assert done.returncode == 0, done.stderr
    stages = (
        "simulate", "start", "ingest over HTTP", "etl", "forecast", "lead times", "orders", "check", "read back",
    )  # fmt: skip
    assert [stage for stage in stages if stage not in done.stdout] == []
