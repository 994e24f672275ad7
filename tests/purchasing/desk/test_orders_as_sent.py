"""An order stays as its supplier got it: each line's day, pack, code and names, whatever becomes of terms and lines."""

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from purchasing.desk.document import line_cells
from purchasing.desk.listing import STATES
from purchasing.desk.proposals import Proposal, put_proposals, see
from purchasing.desk.purchase_order import read_order
from purchasing.proposing.prepare import Defaults
from purchasing.telling.digest import read_digest
from stocktide.foundation.database import statement
from tests.conftest import Api
from tests.ingest.samples import event
from tests.purchasing.desk.acting import decide, lines, on

LEAD_DAYS = {"A": 5, "B": 15}
LATER = (datetime.now(UTC).date() + timedelta(days=40)).isoformat()


@pytest.fixture
def two_lead_times(desk: Api, database: sa.Engine) -> Api:
    """A and B are one order of the mill, and come ten days apart."""
    needs = [
        Proposal("mill", sku, "S1", 6_000, {"lead_days": days}, price_micros=10**6, currency="EUR")
        for sku, days in LEAD_DAYS.items()
    ]
    with database.begin() as connection:
        put_proposals(connection, see(connection), needs, by="run")
    decide(desk, *(on(line, "approve") for line in lines(desk).values()))
    return desk


def days_of(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["product"]: row["expected_on"] for row in rows}


def test_each_line_is_expected_on_its_own_day(two_lead_times: Api, database: sa.Engine) -> None:
    desk, today = two_lead_times, datetime.now(UTC).date()
    own = {sku: str(today + timedelta(days)) for sku, days in LEAD_DAYS.items()}
    ordered = lines(desk, state="ordered", sort="expected")
    assert list(ordered) == ["A", "B"]
    assert days_of(list(ordered.values())) == own
    order_id = ordered["A"]["order_id"]
    path = f"/v1/purchase-orders/{order_id}"
    order = desk.read.get(path).json()
    assert days_of(order["lines"]) == own
    assert (order["expected_from"], order["expected_on"]) == (own["A"], own["B"])
    file = desk.read.get(path, headers={"Accept": "text/csv"}).text
    assert days_of(list(csv.DictReader(file.splitlines()))) == own
    with database.connect() as connection:
        told = read_order(connection, order_id)["lines"]
        assert {line["product"]: line_cells(line)[4] for line in told} == own
        ledger = connection.execute(
            sa.text("SELECT sku, expected_on FROM commitments JOIN products USING (product_id)")
        )
        assert {row.sku: str(row.expected_on) for row in ledger} == own
    # what has come, or was taken back, still has its day
    receive(desk, ordered["A"])
    decide(desk, on(ordered["B"], "cancel", reason="none left"))
    assert lines(desk, state="received")["A"]["expected_on"] == own["A"]
    assert lines(desk, state="cancelled")["B"]["expected_on"] == own["B"]
    assert days_of(desk.read.get(path).json()["lines"]) == own


def receive(desk: Api, line: dict[str, Any]) -> None:
    told = event(
        "receipt", f"r{line['line_id']}", product=line["product"], quantity=line["ordered"],
        order_id=line["order_id"], order_line=line["order_line"],
    )  # fmt: skip
    headers = {"Content-Type": "application/cloudevents+json"}
    desk.operate.post("/v1/events", content=json.dumps(told), headers=headers).raise_for_status()


def days_pass(engine: sa.Engine, days: int) -> None:
    """Let what is on order be due so many days sooner."""
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE commitments SET expected_on = expected_on - :days"), {"days": days}
        )


def test_each_line_is_late_after_its_own_day(two_lead_times: Api, database: sa.Engine) -> None:
    days_pass(database, LEAD_DAYS["A"] + 1)
    assert lines(two_lead_times, state="late").keys() == {"A"}
    with database.connect() as connection:
        assert read_digest(connection, Defaults(), link="")["late"] == 1
        (alert,) = connection.execute(statement("alerts/judge_late_orders")).all()
    assert (alert.opens, json.loads(alert.details)["lines"]) == (True, 1)


def know(desk: Api, **kinds: dict[str, Any]) -> None:
    """Put one row of each kind: what people know of A, its mill and its shop."""
    for kind, row in kinds.items():
        at = "" if kind in ("products", "locations") else "terms/"
        path = f"/v1/{at}{kind.replace('_', '-')}"
        desk.operate.put(path, json={kind: [row]}).raise_for_status()


def test_what_was_sent_does_not_change_with_the_terms(desk: Api) -> None:
    def terms(name: str, unit: str, pack: int) -> None:
        know(
            desk,
            suppliers={"supplier": "mill", "name": f"Mill {name}", "email": f"{name}@mill.test"},
            supplier_products={"supplier": "mill", "product": "A", "pack": pack, "sku": name},
            products={"sku": "A", "name": f"Flour {name}", "unit": unit},
            locations={"code": "S1", "name": f"Shop {name}"},
        )

    terms("old", "kg", 6)
    found = lines(desk)
    a, _ = decide(desk, on(found["A"], "approve"), on(found["B"], "approve"))
    kinds = ("application/json", "text/csv", "application/pdf")

    def sent() -> list[bytes]:
        path = f"/v1/purchase-orders/{a['order_id']}"
        return [desk.read.get(path, headers={"Accept": kind}).content for kind in kinds]

    before = sent()
    line = json.loads(before[0])["lines"][0]
    assert (line["packs"], line["supplier_sku"], line["unit"]) == (2.0, "old", "kg")
    terms("new", "KGM", 7)
    assert sent() == before


def test_lists_and_their_suppliers_count_the_same_lines(
    two_lead_times: Api, database: sa.Engine
) -> None:
    desk = two_lead_times
    ordered = lines(desk, state="ordered")
    receive(desk, ordered["A"])
    days_pass(database, LEAD_DAYS["B"] + 1)
    needs = [Proposal("mill", "A", "S1", 5_000), Proposal("dairy", "C", "S1", 5_000)]
    with database.begin() as connection:
        put_proposals(connection, see(connection), needs, by="run")
    decide(desk, on(lines(desk)["C"], "snooze", until=LATER))
    found: dict[str, dict[str, int]] = {}
    for state in STATES:
        answer = desk.read.get("/v1/orders/suppliers", params={"state": state}).json()
        found[state] = {one["supplier"]: one["lines"] for one in answer["suppliers"]}
        listed = [line["supplier"] for line in lines(desk, state=state).values()]
        assert found[state] == {one: listed.count(one) for one in listed}, state
    mill, dairy = {"mill": 1}, {"dairy": 1}
    assert found == {
        **{state: {} for state in STATES},
        **dict.fromkeys(("open", "proposed", "ordered", "late", "received"), mill),
        **dict.fromkeys(("snoozed", "withdrawn"), dairy),
    }
