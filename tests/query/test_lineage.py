"""Lineage over a real ledger, lake and API: an event to all that holds it, a figure to its events, and the past."""

import csv
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from etl import run_etl
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.domain.pools import OTHER_PRODUCTS, name_for
from stocktide.entrypoints.api import create_app
from stocktide.foundation.cache_server import connect_cache
from stocktide.foundation.database import create_engine
from stocktide.foundation.embedded import Postgres, Valkey, load_secrets
from stocktide.foundation.home import ROLES, role_password
from stocktide.foundation.keys import create_key
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings, load_settings
from tests.conftest import copied, serving
from tests.forked import run_command
from tests.ingest.samples import START, raw

DAY = START.date()
DAYS, MINUTES_A_DAY = 4, 1440
SHELVES = [("A", "S1"), ("A", "S2"), ("B", "S1")]
REPORT = "sales_by_day"
COUNTED = ("sold", "returned", "received", "adjusted")


@dataclass
class Chain:
    """The service over a ledger and its lake. then: what the report answered after the first run, and when."""

    recorder: Recorder
    lake: Lake
    client: httpx.Client
    then: tuple[str, list[list[Any]]]
    environment: dict[str, str]

    def get(self, path: str, **given: Any) -> dict[str, Any]:
        answer = self.client.get(path, params=given)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def trace(self, event_id: str, source: str = "/shops/S1/till") -> dict[str, Any]:
        return self.get("/v1/events/lineage", source=source, id=event_id)

    def record(self, *raws: bytes) -> list[str]:
        outcomes = self.recorder.record("till", "application/x-ndjson", list(raws))
        return [one.name if one.fault is None else one.fault.message for one in outcomes]


def first_day() -> list[bytes]:
    """Goods ordered and delivered, a price, a sale, and a sale that is taken back later."""
    return [
        raw(kind="order", event_id="po1", quantity=20, order_id="PO1"),
        raw(kind="receipt", event_id="got", quantity=20, order_id="PO1", minute=5, cost=1),
        raw(kind="price", event_id="price", price=2, currency="EUR", minute=6),
        raw(kind="sale", event_id="s1", quantity=2, price=2, order_id="o1", customer_id="anna",
            minute=10),
        raw(kind="sale", event_id="wrong", quantity=7, price=2, order_id="o2", minute=11),
        raw(kind="transfer", event_id="moved", quantity=1, product="B", minute=12),
    ]  # fmt: skip


def later_days(seed: int) -> list[bytes]:
    """Random sales, returns and deliveries on some days."""
    rng = random.Random(seed)
    return [
        raw(
            kind=rng.choice(["sale", "sale", "return", "receipt"]),
            event_id=f"r{number}",
            quantity=rng.randint(1, 9),
            product=product,
            location=location,
            minute=rng.randrange(DAYS * MINUTES_A_DAY),
        )
        for number in range(60)
        for product, location in [rng.choice(SHELVES)]
    ]


def corrections() -> list[bytes]:
    """A part of these events taken back, by another source, days later."""
    taken = ["wrong", *(f"r{number}" for number in range(0, 60, 7))]
    return [
        raw(kind="correction", event_id=f"c-{one}", corrects_id=one, source="/office",
            corrects_source="/shops/S1/till", minute=DAYS * MINUTES_A_DAY)
        for one in taken
    ]  # fmt: skip


@pytest.fixture(scope="module")
def chain(
    postgres: Postgres,
    valkey_server: Valkey,
    server_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Chain]:
    settings = load_settings(home=tmp_path_factory.mktemp("lineage"))
    lake = Lake(settings.lake_root)
    with copied(postgres) as url:
        engine = create_engine(url)
        password = role_password(load_secrets(server_home), "api")
        as_api = engine.url.set(drivername="postgresql", username=ROLES["api"], password=password)
        asked_by = create_engine(as_api.render_as_string(hide_password=False))
        with engine.begin() as connection:
            put_products(connection, [ProductIn("A", name="Apple"), ProductIn("B")])
            put_locations(
                connection, [LocationIn("S1", timezone="Europe/Berlin"), LocationIn("S2")]
            )
            key = create_key(connection, "reader", "read")
        app = create_app(settings, asked_by, connect_cache(valkey_server.url), signing_key="x" * 32)
        with (
            serving(app) as api_url,
            httpx.Client(
                base_url=api_url, headers={"Authorization": f"Bearer {key}"}, timeout=30
            ) as client,
        ):
            environment = {
                **os.environ,
                "STOCKTIDE_HOME": str(settings.home),
                "STOCKTIDE_DATABASE_URL": url,
                "STOCKTIDE_REDIS_URL": valkey_server.url,
                "PYTHONPATH": str(Path(__file__).parents[2]),
            }
            made = Chain(Recorder(engine, Settings()), lake, client, ("", []), environment)
            assert set(made.record(*first_day())) == {"accepted"}
            run_etl(engine, lake)
            then = made.get(f"/v1/reports/{REPORT}")
            made.then = (datetime.now(UTC).isoformat(), then["rows"])
            for batch in (later_days(3), corrections()):
                assert set(made.record(*batch)) == {"accepted"}
            run_etl(engine, lake)
            yield made
        asked_by.dispose()
        engine.dispose()


def rows_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    names = [column["name"] for column in answer["columns"]]
    return [dict(zip(names, row, strict=True)) for row in answer["rows"]]


def test_a_sale_is_traced_to_every_row_with_the_version_and_run_that_held_it_first(
    chain: Chain,
) -> None:
    found = chain.trace("s1")
    assert (found["state"], found["words"], found["kind"]) == ("landed", "", "sale")
    [entry] = found["entries"]
    assert (entry["product"], entry["location"], entry["quantity"]) == ("A", "S1", -2.0)
    rows = {row["table"]: row for row in found["rows"]}
    tables = "movements daily_demand daily_stock order_lines orders customers feeds_days"
    assert set(rows) == set(tables.split())
    assert all(row["is_there"] for row in rows.values())
    assert rows["daily_demand"]["key"] == {"product": "A", "location": "S1", "day": str(DAY)}
    assert rows["orders"]["key"] == {"source": "/shops/S1/till", "order_id": "o1"}
    assert rows["customers"]["key"] == {"customer": "hidden"}
    with chain.recorder.engine.connect() as connection:
        first, newest = connection.execute(
            sa.text("SELECT run_id, versions FROM lake_history ORDER BY history_id")
        ).all()
    assert {row["run_id"] for row in rows.values()} == {first.run_id}
    assert {name: row["version"] for name, row in rows.items()} == {
        name: first.versions[name] for name in rows
    }
    assert newest.versions["movements"] > first.versions["movements"]
    assert not any(row["or_before"] for row in rows.values() if row["version"] == 0)


def test_goods_that_went_to_another_place_are_traced_at_both(chain: Chain) -> None:
    found = chain.trace("moved")
    legs = [(one["location"], one["quantity"]) for one in found["entries"]]
    assert legs == [("S1", -1.0), ("S2", 1.0)]
    days = [row["key"]["location"] for row in found["rows"] if row["table"] == "daily_demand"]
    assert days == ["S1", "S2"]


def test_what_an_order_and_its_delivery_went_into_is_a_purchase(chain: Chain) -> None:
    for event_id in ("po1", "got"):
        purchases = [row for row in chain.trace(event_id)["rows"] if row["table"] == "purchases"]
        assert [row["key"]["order_id"] for row in purchases] == ["PO1"]
        assert purchases[0]["is_there"]
    tables = {row["table"] for row in chain.trace("po1")["rows"]}
    assert "daily_demand" not in tables
    assert "prices" in {row["table"] for row in chain.trace("price")["rows"] if row["is_there"]}


def test_the_command_line_traces_too(chain: Chain) -> None:
    home = Path(chain.environment["STOCKTIDE_HOME"])
    told = run_command("trace", "/shops/S1/till", "got", environment=chain.environment, folder=home)
    said = told.stdout
    assert "/shops/S1/till got: accepted, landed." in said
    assert "Purchase orders: order_id PO1, product A, location S1." in said


def test_a_correction_and_what_it_takes_back_name_each_other(chain: Chain) -> None:
    wrong, correction = chain.trace("wrong"), chain.trace("c-wrong", "/office")
    assert (wrong["corrected_by"]["id"], correction["corrects"]["id"]) == ("c-wrong", "wrong")
    assert correction["kind"] == "correction"
    there = {row["table"]: row["is_there"] for row in wrong["rows"]}
    assert (there["movements"], there["orders"]) == (True, False)


def test_an_event_that_is_not_in_the_lake_is_told_where_it_is(chain: Chain) -> None:
    assert chain.record(raw(kind="sale", event_id="just-now", minute=30)) == ["accepted"]
    waiting = chain.trace("just-now")
    assert (waiting["state"], waiting["rows"]) == ("waiting", [])
    assert "`stocktide etl`" in waiting["words"]
    [why] = chain.record(raw(kind="sale", event_id="bad", product="unknown"))
    assert "The product 'unknown' is unknown." in why
    refused = chain.trace("bad")
    assert (refused["outcome"], refused["state"]) == ("rejected", "refused")
    assert refused["refused"][0]["reason"] == "unknown_product"
    other = chain.client.get("/v1/events/lineage", params={"source": "x", "id": "s1"})
    assert other.status_code == 404
    assert other.json()["elsewhere"] == ["/shops/S1/till"]


def test_the_past_says_what_it_said(chain: Chain) -> None:
    at, rows = chain.then
    past = chain.get(f"/v1/reports/{REPORT}", as_of=at)
    assert past["rows"] == rows
    assert past["past"] is not None
    now = chain.get(f"/v1/reports/{REPORT}")
    assert (now["rows"] != rows, now["past"]) == (True, None)
    events = rows_of(chain.get("/v1/lineage/events", product="A", day=DAY, as_of=at))
    assert {event["event_id"] for event in events} == {"got", "price", "s1", "wrong"}
    assert all(event["in_force"] for event in events)


@pytest.mark.parametrize(
    ("report", "as_of", "status", "code"),
    [
        (REPORT, "2020-01-01", 404, "report_past"),
        (REPORT, "last monday", 400, "report_as_of"),
        ("forecast_items", "2026-03-01", 400, "report_of_now"),
        # predictions of customers are of no run of the ETL
        ("customer_list", "2026-03-01", 400, "report_of_now"),
    ],
)
def test_a_past_that_cannot_be_had_says_why(
    chain: Chain, report: str, as_of: str, status: int, code: str
) -> None:
    answer = chain.client.get(f"/v1/reports/{report}", params={"as_of": as_of})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def forecast(connection: sa.Connection, version: int, nodes: dict[int, dict[str, str]]) -> int:
    """Store a run that read a version of the lake, with its items."""
    run_id: int = connection.execute(
        sa.text(
            "INSERT INTO forecast_runs (cutoff, horizon_days, method, lake_version, hierarchy)"
            " VALUES (:cutoff, 7, 'any', :version, '[]') RETURNING forecast_run_id"
        ),
        {"cutoff": DAY + timedelta(days=DAYS), "version": version},
    ).scalar_one()
    for node_id, keys in nodes.items():
        connection.execute(
            sa.text(
                "INSERT INTO forecast_nodes (forecast_run_id, node_id, level, level_name, unique_id, label, keys)"
                " VALUES (:run, :node, :level, 'some', :label, :label, CAST(:keys AS jsonb))"
            ),
            {
                "run": run_id,
                "node": node_id,
                "level": len(keys),
                "label": " / ".join(keys.values()) or "Total",
                "keys": json.dumps(keys),
            },
        )
    return run_id


def test_forecasts_that_read_an_event_are_listed_with_its_items(chain: Chain) -> None:
    nodes = {
        0: {},
        1: {"location": "S1"},
        2: {"location": "S2"},
        3: {"location": "S1", "product": "A"},
        4: {"location": "S1", "product": OTHER_PRODUCTS},
        5: {"category": name_for("category")},
    }
    with chain.recorder.engine.begin() as connection:
        versions = connection.execute(
            sa.text(
                "SELECT CAST(versions->>'daily_demand' AS int) FROM lake_history ORDER BY history_id"
            )
        ).scalars()
        before, after = (forecast(connection, version, nodes) for version in versions)
    landed_first, landed_later = (chain.trace(one)["forecasts"] for one in ("s1", "r1"))
    assert [run["forecast_run_id"] for run in landed_first["runs"]] == [after, before]
    assert [run["forecast_run_id"] for run in landed_later["runs"]] == [after]
    assert all(run["includes"] for run in landed_first["runs"])
    labels = {node["label"] for node in landed_first["runs"][0]["nodes"]}
    assert labels == {"Total", "S1", "S1 / A", "(no category)"}


def test_alerts_that_were_raised_since_are_listed(chain: Chain) -> None:
    with chain.recorder.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO alerts (rule, product_id, location_id, value_milli, limit_milli, last_value_milli)"
                " SELECT 'out_of_stock', product_id, location_id, 0, 0, 0 FROM products, locations"
                " WHERE sku = 'A'"
            )
        )
    alerts = chain.trace("s1")["alerts"]
    assert [(one["product"], one["location"]) for one in alerts["alerts"]] == [("A", "S1")]
    assert alerts["found"] == 1


def test_a_past_whose_files_are_gone_says_how_far_back_it_goes(chain: Chain) -> None:
    order_lines = DeltaTable(chain.lake.path("order_lines"))
    gone = order_lines.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert gone
    past = {"as_of": chain.then[0]}
    answer = chain.client.get("/v1/reports/bought_together", params=past)
    assert (answer.status_code, answer.json()["code"]) == (404, "report_past_gone")
    assert "kept for 14 days" in answer.json()["detail"]
    assert "STOCKTIDE_LAKE_HISTORY_DAYS" in answer.json()["detail"]


@settings(max_examples=20)
@given(
    st.sampled_from([None, "A", "B"]),
    st.sampled_from([None, "S1", "S2"]),
    st.integers(0, DAYS),
    st.integers(0, DAYS),
)
def test_events_of_days_add_up_to_the_figures(
    chain: Chain, product: str | None, location: str | None, begin: int, length: int
) -> None:
    first = DAY + timedelta(days=begin)
    span: dict[str, date] = {"from": first, "to": first + timedelta(days=length)}
    asked = {"product": product, "location": location, **span}
    found = rows_of(
        chain.get("/v1/lineage/events", **{name: one for name, one in asked.items() if one})
    )
    counted: dict[str, float] = dict.fromkeys(COUNTED, 0.0)
    for event in found:
        if event["in_force"] and event["counts_as"]:
            taken = event["counts_as"] == "sold"
            counted[event["counts_as"]] += -event["quantity"] if taken else event["quantity"]
    days = DayRows(chain).sums(product, location, span["from"], span["to"])
    assert counted == pytest.approx(days)


@dataclass
class DayRows:
    """Figures of daily_demand."""

    chain: Chain

    def sums(
        self, product: str | None, location: str | None, first: date, last: date
    ) -> dict[str, float]:
        with self.chain.recorder.engine.connect() as connection:
            row = connection.execute(
                sa.text(
                    "SELECT coalesce(sum(sold_milli), 0) / 1000.0 AS sold,"
                    " coalesce(sum(returned_milli), 0) / 1000.0 AS returned,"
                    " coalesce(sum(received_milli), 0) / 1000.0 AS received,"
                    " coalesce(sum(adjusted_milli), 0) / 1000.0 AS adjusted"
                    " FROM daily_demand JOIN products USING (product_id) JOIN locations USING (location_id)"
                    " WHERE coalesce(:product, sku) = sku AND coalesce(:location, code) = code"
                    " AND day BETWEEN :first AND :last"
                ),
                {"product": product, "location": location, "first": first, "last": last},
            ).one()
        return {name: float(value) for name, value in row._mapping.items()}


def test_all_rows_that_fail_a_rule_come_as_csv(chain: Chain) -> None:
    answer = chain.client.get("/v1/quality/products_without_category")
    assert answer.headers["content-type"].startswith("text/csv")
    head, *rows = csv.reader(answer.text.splitlines())
    assert (head, {row[0] for row in rows}) == (["sku", "day", "sold"], {"A", "B"})
    assert chain.client.get("/v1/quality/none").json()["code"] == "rule_missing"


STOCK = (
    "SELECT p.sku, l.code, k.known, CASE WHEN k.known THEN k.book END AS book, k.on_hand, k.on_order, k.in_transit, "
    "k.reserved, k.price, k.currency, k.promotion, k.cost, k.cost_currency, k.last_sale_at "
    "FROM stock k JOIN products p USING (product_id) JOIN locations l USING (location_id) ORDER BY ALL"
)


def ask(chain: Chain, statement: str, **more: Any) -> httpx.Response:
    return chain.client.post("/v1/query", json={"statement": statement, **more})


def test_stock_of_the_past_is_what_the_table_said(chain: Chain) -> None:
    """After random days and corrections, and with goods on order, promised and on their way."""
    minute = (DAYS + 1) * MINUTES_A_DAY
    outcomes = chain.record(
        raw(kind="order", event_id="po2", quantity=8, order_id="PO2", minute=minute),
        raw(kind="receipt", event_id="part", quantity=3, order_id="PO2", minute=minute + 1, cost=2),
        raw(kind="reservation", event_id="kept", quantity=2, minute=minute + 2),
        raw(kind="dispatch", event_id="sent", quantity=1, minute=minute + 3),
        raw(kind="price", event_id="less", price=1, currency="EUR", promotion=True, minute=minute + 4),
    )  # fmt: skip
    assert set(outcomes) == {"accepted"}
    run_etl(chain.recorder.engine, chain.lake)
    now = ask(chain, STOCK).json()
    at = datetime.now(UTC).isoformat()
    assert ask(chain, STOCK, as_of=at).json()["rows"] == now["rows"]
    assert any(row[5] and row[7] and row[10] for row in now["rows"])
    assert any(row[6] for row in now["rows"])
    [first] = [row for row in ask(chain, STOCK, as_of=chain.then[0]).json()["rows"] if row[0] == "A"]  # fmt: skip
    # 20 came, of which 2 and 7 were sold; that the 7 were a mistake was not known then
    assert first[2:8] == [True, 11, 11, 0, 0, 0]


def test_a_statement_of_the_past_reads_no_row_beyond_it_and_says_so(chain: Chain) -> None:
    count = "SELECT count(*), count(*) FILTER (live) FROM movements"
    then = ask(chain, count, as_of=chain.then[0])
    assert then.json()["rows"] == [[len(first_day()) + 1, 0]]
    assert then.json()["movements_version"] == 0
    assert then.headers["Stocktide-Past"] == then.json()["past"] < chain.then[0]
    assert "past" not in ask(chain, count).json()
    alerts = ask(chain, "SELECT * FROM alerts", as_of=chain.then[0])
    before = ask(chain, count, as_of="2020-01-01")
    assert [one.json()["code"] for one in (alerts, before)] == ["report_of_now", "report_past"]
    with chain.recorder.engine.connect() as connection:
        noted = sa.text("SELECT statement FROM statements WHERE statement LIKE '-- as of%'")
        assert connection.execute(noted).scalars().all()


def test_the_command_line_asks_the_past_too(chain: Chain) -> None:
    folder = Path(chain.environment["STOCKTIDE_HOME"])
    arguments = ["SELECT sum(sold) AS sold FROM daily_demand", "--as-of", chain.then[0]]
    done = run_command("sql", *arguments, environment=chain.environment, folder=folder)
    assert "what was recorded since is not in it" in done.stdout
    assert "9" in done.stdout
