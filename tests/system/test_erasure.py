"""No file of a home holds an erased customer's id: sent in every way, refused, copied to the lake, and asked for."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import sqlalchemy as sa

from stocktide.foundation.database import create_engine
from tests.ingest.mqtt.brokers import Publisher, mosquitto
from tests.ingest.samples import event
from tests.system.running import Running, up, wait_until

pytestmark = pytest.mark.system
CUSTOMER = "Zoë-Quux-4711"
LINES = {"content-type": "application/x-ndjson"}
ASKED = f"SELECT count(*) FROM movements WHERE channel = '{CUSTOMER}'"  # noqa: S608 - nobody's else
BATCH = {"content-type": "application/cloudevents-batch+json"}
SINGLE = {"content-type": "application/cloudevents+json"}
MAPPING = """
name = "till"
source = "/import/erasure"
timezone = "UTC"
[columns]
id = "VARCHAR"
sold = "VARCHAR"
n = "DOUBLE"
customer = "VARCHAR"
[event]
id = "id"
time = "sold::TIMESTAMP"
[product]
sku = "'A'"
[location]
code = "'S1'"
[[kind]]
kind = "sale"
when = "true"
[kind.data]
quantity = "n"
customer_id = "customer"
"""


def bought(number: int, **attributes: Any) -> dict[str, Any]:
    sale = event("sale", f"e{number}", customer_id=CUSTOMER)
    return {**sale, "email": f"{CUSTOMER}@example.org", **attributes}


def post(client: httpx.Client, body: Any, headers: dict[str, str]) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    answer: dict[str, Any] = client.post("/v1/events", content=content, headers=headers).json()
    return answer


def send_all(running: Running, folder: Path) -> None:
    """Send the customer's events in every way, two of them refused."""
    with running.client("operate") as client:
        client.put("/v1/products", json={"products": [{"sku": "A"}]}).raise_for_status()
        client.put("/v1/locations", json={"locations": [{"code": "S1"}]}).raise_for_status()
        # each way twice, so that its pseudonym is cached, and found there
        for number in (0, 10):
            assert post(client, bought(number), SINGLE)["outcome"] == "accepted"
            assert post(client, [bought(number + 1)], BATCH)["accepted"] == 1
            lines = [bought(number + 2), bought(number + 3, subject=CUSTOMER)]
            body = b"\n".join(json.dumps(line).encode() for line in lines)
            assert post(client, body, LINES)["accepted"] == 2
            early = bought(number + 4, time="1970-01-01T00:00:00Z")
            assert post(client, [early], BATCH)["rejected"] == 1
            other = bought(number, time="2026-03-02T08:00:00Z")
            assert post(client, [other], BATCH)["conflict"] == 1
            assert post(client, json.dumps(bought(99)).encode()[:-9], BATCH)["code"]
        binary = {"ce-specversion": "1.0", "ce-id": "b", "ce-source": "/x", "ce-type": "stocktide.sale",
                  "ce-time": "2026-03-01T08:00:00Z", "content-type": "application/json"}  # fmt: skip
        assert post(client, bought(0)["data"], binary)["outcome"] == "accepted"
        asked = {"statement": ASKED}
        client.post("/v1/query", json=asked)
    (folder / "sales.toml").write_text(MAPPING)
    rows = [
        f"f{n},{at},1,{CUSTOMER}" for n, at in enumerate(["2026-03-01 08:00", "1970-01-01 08:00"])
    ]
    (folder / "sales.csv").write_text("\n".join(["id,sold,n,customer", *rows]))
    files = (str(folder / "sales.csv"), "--mapping", str(folder / "sales.toml"), "--json")
    imported = running.run("import", *files)
    assert imported.stdout, imported.stderr
    told = json.loads(imported.stdout)
    assert (told["accepted"], told["rejected"]) == (1, {"time_past": 1}), imported.stdout
    publish(running, folder)
    assert running.run("etl").returncode == 0


def publish(running: Running, folder: Path) -> None:
    """Send the customer's events over MQTT, one of them refused."""
    engine = create_engine(running.state()["services"]["database_url"])

    def counted() -> tuple[int, ...]:
        query = sa.text("SELECT sum(accepted), sum(rejected) FROM feed_minutes")
        with engine.connect() as connection:
            return tuple(int(n or 0) for n in connection.execute(query).one())

    accepted, rejected = counted()
    with mosquitto(folder) as broker, (folder / "mqtt.log").open("w") as said:
        subscriber = subprocess.Popen(
            [sys.executable, "-m", "stocktide.entrypoints.cli", "mqtt"],
            env={**running.environment, "STOCKTIDE_MQTT_URL": broker.url},
            stderr=said,
        )
        log = folder / "mqtt.log"
        wait_until(lambda: "mqtt_connected" in log.read_text(), 30, "no subscriber")
        with Publisher(broker) as publisher:
            for sent in (bought(30), bought(31), bought(32, time="1970-01-01T00:00:00Z")):
                publisher.send("stocktide/till", json.dumps(sent).encode())
            publisher.settle()
            wait_until(lambda: counted() == (accepted + 2, rejected + 1), 20, "not recorded")
        subscriber.terminate()
        assert subscriber.wait(20) == 0
    engine.dispose()


def pseudonym_of(running: Running) -> str:
    with psycopg.connect(running.state()["services"]["database_url"]) as connection:
        ((pseudonym,),) = connection.execute("SELECT pseudonym FROM customers").fetchall()
        return str(pseudonym)


def files_that_name(home: Path) -> set[str]:
    """Files of a home in which the id stands, as text or as JSON escapes it, or a part of it."""
    wanted = [CUSTOMER.encode(), json.dumps(CUSTOMER)[1:-1].encode(), b"Quux-4711"]
    return {
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.is_file() and any(one in path.read_bytes() for one in wanted)
    }


def test_no_file_of_a_home_names_an_erased_customer(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with up(home, personal_attributes="email") as running:
        send_all(running, tmp_path)
        before = files_that_name(home)
        # the search finds what there is: rejects, and the log of the database
        assert any("pg_wal" in name for name in before), before
        shown = running.run(
            "customers", "show", pseudonym_of(running), "--reason", "look", "--json"
        )
        assert json.loads(shown.stdout)["id"] == CUSTOMER, shown.stderr
        with running.client("personal") as client:
            told = client.post(
                "/v1/customers/erase", json={"id": CUSTOMER, "reason": "asked"}
            ).json()
        assert told["rejects_deleted"] >= 4
        assert told["statements_changed"] == 1
        url = running.state()["services"]["database_url"]

        def is_purged() -> bool:
            with psycopg.connect(url) as connection:
                query = "SELECT purged_at FROM customers"
                return all(row[0] is not None for row in connection.execute(query))

        wait_until(is_purged, 60, "the worker has not purged")
        with psycopg.connect(url, autocommit=True) as connection:
            named = connection.execute("SELECT DISTINCT customer_id FROM ledger").fetchall()
            assert named == [(told["pseudonym"],)]
        # an id of nobody any more
        again = running.run("customers", "erase", CUSTOMER, "--reason", "asked twice", "--json")
        assert json.loads(again.stdout)["purged"] == 1, again.stderr
        listed = json.loads(running.run("customers", "log", "--json").stdout)
        assert [one["action"] for one in listed] == ["erase", "erase", "resolve"]
        assert running.stop() == 0
    assert files_that_name(home) == set()
