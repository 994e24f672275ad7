"""Odd inputs through every door, and what was accepted on through every stage: nothing stops, and all is accounted for.

`FUZZ_REQUESTS` asks for more than CI has time for (20000 for the large one), `FUZZ_SEED` for the same ones again.
"""

import json
import os
import secrets
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import redis
import sqlalchemy as sa

from alerts.evaluator import Evaluator
from catalog.cache import ProductCache
from dashboard.reader import Reader
from dashboard.shell import PAGES
from etl import check_all, run_etl
from forecasting import ForecastSpec, run_forecast
from ingest.files.importing import import_file
from ingest.files.mapping import parse_mapping
from ingest.recording.recording import Recorder
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine
from stocktide.foundation.lake import Lake
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.settings import Settings, load_settings
from tests.conftest import Api
from tests.dashboard.conftest import Dashboard
from tests.ingest.epcis.documents import GTIN, LOT_GTIN, SHOP_GLN
from tests.ingest.mqtt.brokers import Publisher, mosquitto
from tests.ingest.mqtt.subscribers import listening, make_subscriber, settings_for, wait_until
from tests.system.odd_inputs import CODES, PLACES, OddInputs, batches

INPUTS = int(os.environ.get("FUZZ_REQUESTS", "200"))
# Shares of the inputs by their door; the rest goes over HTTP.
MQTT, FILES, EPCIS = 0.2, 0.25, 0.1
BATCH = 40
LEVELS = ((), ("category",), ("region", "location"), ("location", "product"))
OUTCOMES = ("accepted", "duplicate", "conflict", "rejected")
MAPPING = """
name = "fuzz"
timezone = "Europe/Berlin"
source = "/files"

[columns]
id = "VARCHAR"
moment = "TIMESTAMP"
sku = "VARCHAR"
shop = "VARCHAR"
quantity = "DOUBLE"
price = "DOUBLE"

[event]
id = "id"
time = "moment"

[product]
sku = "sku"

[location]
code = "shop"

[[kind]]
kind = "sale"
when = "quantity > 0"
[kind.data]
quantity = "quantity"
price = "price"
currency = "'EUR'"
"""


class Doors:
    """The ways in; each counts what became of what it was given."""

    def __init__(self, api: Api, odd: OddInputs) -> None:
        self.api, self.odd = api, odd
        self.outcomes: dict[str, Counter[str]] = {}
        self.faults: list[str] = []

    def answered(self, answer: httpx.Response, what: object) -> httpx.Response:
        if answer.status_code >= 500:
            self.faults.append(
                f"{answer.status_code} {answer.request.url}: {answer.text[:300]} for {str(what)[:500]}"
            )
        return answer

    def master_data(self, count: int) -> None:
        """Make what events name known, then change it oddly."""
        for code in CODES:
            self.api.operate.put("/v1/products", json={"products": [{"sku": code}]})
        for place in PLACES:
            self.api.operate.put("/v1/locations", json={"locations": [{"code": place}]})
        known = ({"sku": "CAN", "attributes": {"gtin": GTIN}}, {"sku": LOT_GTIN, "unit": "kg"})
        for product in known:
            self.api.operate.put("/v1/products", json={"products": [product]}).raise_for_status()
        shop = {"code": "S1", "attributes": {"gln": SHOP_GLN}}
        self.api.operate.put("/v1/locations", json={"locations": [shop]}).raise_for_status()
        for _ in range(count):
            route, plan = self.odd.plan()
            body = json.dumps(plan)
            self.answered(self.api.operate.put(f"/v1/{route}", content=body), plan)
            for name, one in (("products", self.odd.product()), ("locations", self.odd.location())):
                body = json.dumps({name: [one]})
                self.answered(self.api.operate.put(f"/v1/{name}", content=body), one)

    def http(self, count: int) -> None:
        counted = self.outcomes.setdefault("HTTP", Counter())
        for size in batches(count, BATCH):
            lines = [self.odd.line() for _ in range(size)]
            headers = {"content-type": "application/x-ndjson"}
            answer = self.api.ingest.post("/v1/events", content=b"\n".join(lines), headers=headers)
            told = self.answered(answer, lines)
            if told.status_code < 300:
                counted.update({name: told.json()[name] for name in OUTCOMES})

    def epcis(self, count: int) -> None:
        names = {200: "duplicate", 201: "accepted", 400: "rejected", 409: "conflict"}
        counted = self.outcomes.setdefault("EPCIS", Counter())
        headers = {"content-type": "application/ld+json"}
        for _ in range(count):
            one = self.odd.epcis()
            answer = self.api.ingest.post(
                "/v1/epcis/events", content=json.dumps(one), headers=headers
            )
            counted[names.get(self.answered(answer, one).status_code, str(answer.status_code))] += 1

    def mqtt(self, count: int, folder: Path, engine: sa.Engine) -> None:
        def counts() -> Counter[str]:
            query = "SELECT sum(accepted), sum(duplicate), sum(conflict), sum(rejected) FROM feed_minutes"
            with engine.connect() as connection:
                row = connection.execute(sa.text(query)).one()
            return Counter(dict(zip(OUTCOMES, (int(n or 0) for n in row), strict=True)))

        before = counts()
        with mosquitto(folder) as broker:
            settings = settings_for(broker)
            with listening(make_subscriber(engine, settings)), Publisher(broker) as publisher:
                for size in batches(count, 1_000):
                    for _ in range(size):
                        publisher.send("stocktide/till", self.odd.line())
                    publisher.settle()
                wait_until(lambda: (counts() - before).total() >= count)
        self.outcomes["MQTT"] = counts() - before

    def files(self, count: int, folder: Path, engine: sa.Engine) -> None:
        counted = self.outcomes.setdefault("files", Counter())
        mapping = parse_mapping(MAPPING, "fuzz.toml")
        recorder = Recorder(engine, Settings(create_on_first_sight=True))
        for number, size in enumerate(batches(count, 5_000)):
            path = folder / f"sales-{number}.csv"
            rows = "".join(self.odd.row() for _ in range(size))
            path.write_text(
                f"id,moment,sku,shop,quantity,price\n{rows}", encoding="utf-8", newline=""
            )
            told = import_file(path, mapping, recorder, lambda *_: None).as_dict()
            assert told["accounted"] == told["read"] == size
            counted.update({n: told.get(n, 0) for n in ("accepted", "duplicate", "conflict")})
            counted["rejected"] += sum(told.get("rejected", {}).values())
            counted["left out"] += sum(told.get("left_out", {}).values())


@pytest.fixture(autouse=True)
def _main_module_comes_back() -> Iterator[None]:
    """AppTest leaves its script as the main module, which every process that is spawned later would run."""
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.timeout(600 + INPUTS)
def test_odd_inputs_stop_no_stage_and_are_all_accounted_for(
    database: sa.Engine, api: Api, valkey: "redis.Redis", tmp_path: Path
) -> None:
    number = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(2**32))
    print(f"FUZZ_SEED={number}")  # noqa: T201 - pytest shows it where the test fails
    started = time.monotonic()
    odd = OddInputs(number, datetime.now(UTC))
    doors = Doors(api, odd)
    sent = {"MQTT": int(INPUTS * MQTT), "files": int(INPUTS * FILES), "EPCIS": int(INPUTS * EPCIS)}
    sent["HTTP"] = INPUTS - sum(sent.values())
    doors.master_data(min(400, INPUTS // 5))
    doors.http(sent["HTTP"])
    doors.mqtt(sent["MQTT"], tmp_path, database)
    doors.files(sent["files"], tmp_path, database)
    doors.epcis(sent["EPCIS"])
    in_s = time.monotonic() - started
    for door, count in sent.items():
        assert doors.outcomes[door].total() == count, (door, doors.outcomes[door])
    assert doors.outcomes["HTTP"]["accepted"] > 0
    assert _captured(database) == doors.outcomes["EPCIS"]["accepted"]
    told = _stages(database, valkey, tmp_path)
    _read_routes(doors, max(100, INPUTS // 10))
    print(  # noqa: T201 - for whoever asked for many
        f"{INPUTS} inputs in {in_s:.0f} s: { {door: dict(of) for door, of in doors.outcomes.items()} }; then {told} in "
        f"{time.monotonic() - started - in_s:.0f} s"
    )
    assert not doors.faults, f"{len(doors.faults)} faults:\n" + "\n".join(doors.faults[:10])


def _captured(engine: sa.Engine) -> int:
    """Count the EPCIS events that are kept: those that the ledger has, has refused, or that wait or move nothing."""
    with engine.connect() as connection:
        query = "SELECT movement_state, count(*) FROM epcis_events GROUP BY movement_state"
        states = {row[0]: row[1] for row in connection.execute(sa.text(query))}
    print(f"EPCIS: {states}")  # noqa: T201 - for whoever asked for many
    return sum(states.values())


def _stages(engine: sa.Engine, valkey: "redis.Redis", folder: Path) -> dict[str, Any]:
    """Run every stage on what was accepted, twice, the second time with a place whose zone nobody knows."""
    lake = Lake(str(folder / "lake"))
    told: dict[str, Any] = {}
    for old_zone in (None, "localtime"):
        if old_zone is not None:
            with engine.begin() as connection:
                connection.execute(
                    sa.text("UPDATE locations SET timezone = :z WHERE code = 'S1'"), {"z": old_zone}
                )
        report = run_etl(engine, lake)
        assert report.pairs_held_out == sum(_held_by_stage(engine).values())
        wrong = {f.part for f in check_all(engine, lake).findings if not f.compared.holds}
        assert wrong <= {"held_pairs"}, wrong
        made = run_forecast(
            engine, lake, ForecastSpec(levels=LEVELS, horizon_days=7, backtest_origins=1)
        )
        told = {
            "rows": report.rows_total,
            "held out": _held_by_stage(engine),
            "nodes": made.nodes,
            "warnings": len(made.warnings),
            "published": made.published,
            "pages": _pages(engine, valkey),
        }
        evaluator = Evaluator(engine, load_settings())
        evaluator.evaluate_waiting()
        evaluator._look_at_clock()
        with engine.connect() as connection:
            told["alerts"] = connection.execute(sa.text("SELECT count(*) FROM alerts")).scalar_one()
            told["not judged"] = connection.execute(
                sa.text("SELECT count(*) FROM alert_faults")
            ).scalar_one()
    return told


def _held_by_stage(engine: sa.Engine) -> dict[str, int]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT stage, count(*) FROM held_pairs GROUP BY stage"))
        return {row[0]: row[1] for row in rows}


def _pages(engine: sa.Engine, valkey: "redis.Redis") -> int:
    """Draw every page as an operator sees it; whatever a page raises fails the test."""
    read = create_engine(
        engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    )
    cache = ProductCache(
        connect_cache(f"unix://{valkey.get_connection_kwargs()['path']}"), ttl_s=60
    )
    dashboard = Dashboard(
        Reader(Settings(), read, cache, Sessions(read, "k" * 32, session_hours=1))
    )
    names = [path for pages in PAGES.values() for path, *_ in pages]
    for name in names:
        dashboard.draw(name)
    for code in CODES[::5]:
        dashboard.draw("products", sku=code)
    read.dispose()
    return len(names)


def _read_routes(doors: Doors, count: int) -> None:
    """Ask every route that reads for things that there are, by their odd names."""
    document = doors.api.nobody.get("/openapi.json").json()["paths"]
    routes = [
        (path, of["get"]) for path, of in document.items() if "get" in of and "stream" not in path
    ]
    rng = doors.odd.rng
    likely = (*CODES, *PLACES, "1", "2", "0", "etl", "total", "category")
    for number in range(count):
        path, operation = routes[number % len(routes)]
        parts = [
            quote(rng.choice(likely), safe="") if part.startswith("{") else part
            for part in path.split("/")
        ]
        names = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
        query = {name: rng.choice(likely) for name in names if rng.random() < 0.4}
        doors.answered(doors.api.operate.get("/".join(parts), params=query), query)
