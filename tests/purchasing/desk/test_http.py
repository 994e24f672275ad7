"""The order desk over HTTP: what is proposed, decided, ordered and on order."""

import csv
import json
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from purchasing.desk.lines import is_one_approver
from purchasing.desk.proposals import Proposal, put_proposals, see
from stocktide.foundation.sessions import SESSION, Sessions
from stocktide.foundation.users import set_user
from tests.conftest import Api
from tests.ingest.samples import raw
from tests.stocktide.entrypoints.test_api import check_problem


@pytest.fixture
def desk(api: Api, database: sa.Engine) -> Api:
    """Three proposals, two of them to the mill."""
    api.operate.put("/v1/products", json={"products": [{"sku": sku} for sku in "ABC"]})
    api.operate.put("/v1/locations", json={"locations": [{"code": "S1"}]})
    propose(database, A=12, B=5, C=2)
    return api


def propose(engine: sa.Engine, **units: int) -> None:
    needs = [
        Proposal(
            "mill" if sku in "AB" else "dairy", sku, "S1", 1000 * quantity, {"need": quantity},
            at_risk_micros=10**6 * quantity, price_micros=1_500_000, currency="EUR",
        )
        for sku, quantity in units.items()
    ]  # fmt: skip
    with engine.begin() as connection:
        seen = see(connection)
        put_proposals(connection, seen, needs, by="run")


def lines(api: Api, **asked: Any) -> dict[str, dict[str, Any]]:
    answer = api.read.get("/v1/orders", params=asked).json()
    assert answer["found"] == len(answer["lines"])
    return {line["product"]: line for line in answer["lines"]}


def decide(api: Api, *decisions: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    answer = api.operate.post("/v1/orders", json={"decisions": decisions, **more})
    found: list[dict[str, Any]] = answer.raise_for_status().json()["lines"]
    return found


def on(line: dict[str, Any], action: str, **more: Any) -> dict[str, Any]:
    return {"line": line["line_id"], "action": action, "seen": line["version"], **more}


def test_lines_are_listed_by_what_they_risk(desk: Api) -> None:
    found = lines(desk)
    assert list(found) == ["A", "B", "C"]
    assert (found["A"]["quantity"], found["A"]["amount"], found["A"]["at_risk"]) == (
        12.0,
        18.0,
        12.0,
    )
    assert found["A"]["explanation"] == {"need": 12}
    assert list(lines(desk, supplier="dairy")) == ["C"]
    check_problem(desk.read.get("/v1/orders", params={"state": "lost"}), 400, "state")


def test_what_is_approved_is_one_order_a_supplier_and_on_order_at_once(desk: Api) -> None:
    decided = decide(desk, *(on(line, "approve") for line in lines(desk).values()), user="anna")
    orders = {line["product"]: (line["order_id"], line["order_line"]) for line in decided}
    assert orders["A"][0] == orders["B"][0] != orders["C"][0]
    assert (orders["A"][1], orders["B"][1], orders["C"][1]) == (1, 2, 1)
    stock = desk.read.get("/v1/stock").json()["stock"]
    assert {row["product"]: row["on_order"] for row in stock} == {"A": 12.0, "B": 5.0, "C": 2.0}
    assert lines(desk) == {}
    assert lines(desk, state="ordered").keys() == {"A", "B", "C"}
    receipt = {
        "specversion": "1.0", "id": "r", "source": "/dock", "type": "stocktide.receipt", "time": "2026-03-01T10:00:00Z",
        "data": {"product": "A", "location": "S1", "quantity": 12, "order_id": orders["A"][0], "order_line": 1},
    }  # fmt: skip
    headers = {"Content-Type": "application/cloudevents+json"}
    desk.operate.post("/v1/events", content=json.dumps(receipt), headers=headers).raise_for_status()
    (row,) = desk.read.get("/v1/stock", params={"product": "A"}).json()["stock"]
    assert (row["on_hand"], row["on_order"]) == (12.0, 0.0)


def test_a_part_is_ordered_now_and_the_rest_comes_up_on_its_day(
    desk: Api, database: sa.Engine
) -> None:
    line = lines(desk)["A"]
    (refused,) = decide(desk, on(line, "split", quantity=12, until="2099-01-01"))
    assert refused["error"]["code"] == "quantity"
    (now,) = decide(
        desk, on(line, "split", quantity=5, until="2099-01-01", reason="room"), user="anna"
    )
    assert (now["state"], now["ordered"]) == ("ordered", 5.0)
    propose(database, B=5, C=2)
    rest = lines(desk)["A"]
    assert (rest["state"], rest["quantity"], rest["snoozed_until"]) == (
        "snoozed",
        7.0,
        "2099-01-01",
    )
    (first, *_) = desk.read.get(f"/v1/orders/{rest['line_id']}/history").json()["history"]
    assert (first["action"], first["reason"]) == ("split", "room")
    (ordered,) = decide(desk, on(rest, "approve"))
    assert (ordered["state"], ordered["ordered"]) == ("ordered", 7.0)


def test_a_buyers_number_stays_whatever_runs_propose(desk: Api, database: sa.Engine) -> None:
    line = lines(desk)["A"]
    (changed,) = decide(
        desk, on(line, "change", quantity="30.5", reason="street party"), user="anna"
    )
    assert (changed["quantity"], changed["proposed"]) == (30.5, 12.0)
    propose(database, A=7, B=6)
    found = lines(desk)
    assert (found["A"]["quantity"], found["A"]["proposed"]) == (30.5, 7.0)
    assert (found["B"]["quantity"], "C" in found) == (6.0, False)
    history = desk.read.get(f"/v1/orders/{line['line_id']}/history").json()["history"]
    assert [(one["action"], one["by"], one["reason"]) for one in history] == [
        ("propose", "run", None),
        ("change", "anna (key test operate)", "street party"),
        ("propose", "run", None),
    ]
    assert history[2]["before"]["proposed"] == 12.0


def test_who_decides_on_what_has_changed_is_told_so(desk: Api, database: sa.Engine) -> None:
    line = lines(desk)["A"]
    propose(database, A=9, B=5, C=2)
    first, other = decide(desk, on(line, "approve"), on(lines(desk)["B"], "approve"))
    assert first["error"]["code"] == "line_changed"
    assert "9 of A for S1" in first["error"]["detail"]
    assert (first["state"], other["state"], other["error"]) == ("proposed", "ordered", None)


def test_what_somebody_else_ordered_since_keeps_an_approval_back(desk: Api) -> None:
    order = {
        "specversion": "1.0", "id": "o", "source": "/office", "type": "stocktide.order", "time": "2026-03-01T10:00:00Z",
        "data": {"product": "A", "location": "S1", "quantity": 12, "order_id": "PHONE-1"},
    }  # fmt: skip
    headers = {"Content-Type": "application/cloudevents+json"}
    desk.operate.post("/v1/events", content=json.dumps(order), headers=headers).raise_for_status()
    line = lines(desk)["A"]
    (refused,) = decide(desk, on(line, "approve"))
    assert "12 more of A have come on order for S1" in refused["error"]["detail"]
    # the reason of a split says why it is split, not that both are wanted
    (split,) = decide(
        desk, on(line, "split", quantity=5, until="2099-01-01", reason="room for no more")
    )
    assert split["error"]["code"] == "ordered_elsewhere"
    (ordered,) = decide(desk, on(line, "approve", reason="for the fair"))
    assert ordered["state"] == "ordered"


def test_cancelled_order_is_not_on_order_any_more(desk: Api) -> None:
    (ordered,) = decide(desk, on(lines(desk)["A"], "approve"))
    (refused,) = decide(desk, on(ordered, "cancel"))
    assert refused["error"]["code"] == "reason"
    (cancelled,) = decide(desk, on(ordered, "cancel", reason="supplier has none"))
    assert (cancelled["state"], cancelled["order_id"]) == ("cancelled", ordered["order_id"])
    (row,) = desk.read.get("/v1/stock", params={"product": "A"}).json()["stock"]
    assert row["on_order"] == 0.0


@pytest.fixture
def two_from_fifteen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines that cost 15 or more need two people."""
    monkeypatch.setenv("STOCKTIDE_ORDER_SECOND_APPROVAL", "15")


@pytest.mark.usefixtures("two_from_fifteen")
def test_a_dear_line_needs_two_people(request: pytest.FixtureRequest, database: sa.Engine) -> None:
    """A key is one, whomever it names; a person is known by their session."""
    desk: Api = request.getfixturevalue("desk")
    line = lines(desk)["A"]
    (waiting,) = decide(desk, on(line, "approve"), user="anna")
    assert (waiting["state"], waiting["order_id"]) == ("waiting", None)
    for user in ("anna", "Anna ", "ben"):
        (again,) = decide(desk, on(waiting, "approve"), user=user)
        assert again["error"]["code"] == "second_approver"
    cheap = on(lines(desk)["B"], "approve")
    body = {"decisions": [on(waiting, "approve"), cheap]}
    for name, role, status in (
        ("eve", "viewer", 403),
        ("anna", "buyer", 200),
        ("ben", "buyer", 200),
    ):
        signed = {SESSION: signed_in(database, name, role)}
        answer = desk.operate.post("/v1/orders", json=body, headers=signed)
        assert answer.status_code == status
    dear, _ = answer.json()["lines"]
    order = desk.read.get(f"/v1/purchase-orders/{dear['order_id']}").json()
    assert (order["ordered_by"], order["second_approver"]) == ("anna (key test operate)", "ben")


def signed_in(engine: sa.Engine, name: str, role: str) -> str:
    """Return the text of a session of a new user, signed as the API under test expects."""
    sessions = Sessions(engine, "x" * 32, session_hours=1)
    with engine.begin() as connection:
        set_user(connection, name, "a long enough password", role)
        cookie = sessions.begin(connection, name, None)
    assert cookie is not None
    return cookie


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("anna (key erp)", "ben (key erp)", True),
        ("key erp", "anna (key erp)", True),
        ("anna", "Anna (key erp)", True),
        ("anna (key erp)", "anna (key till)", True),
        ("anna", "ben", False),
        ("anna", "key erp", False),
        ("anna (key erp)", "ben (key till)", False),
    ],
)
def test_who_counts_as_one_approver(first: str, second: str, is_one: bool) -> None:
    assert is_one_approver(first, second) is is_one
    assert is_one_approver(second, first) is is_one


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"action": "change", "reason": "x", "quantity": "many"}, "quantity", "not a number"),
    ({"action": "change", "reason": "x", "quantity": "1.0005"}, "quantity", "quantity"),
    # a barcode that was scanned into the wrong field
    ({"action": "change", "reason": "x", "quantity": 8710400012345}, "quantity", "larger than"),
    ({"action": "burn"}, "body", "burn"),
]


@pytest.mark.parametrize(("told", "code", "said"), WRONG)
def test_wrong_decision_is_refused_whole(
    desk: Api, told: dict[str, Any], code: str, said: str
) -> None:
    line = lines(desk)["A"]
    body = {"decisions": [{"line": line["line_id"], "seen": line["version"], **told}]}
    assert said in check_problem(desk.operate.post("/v1/orders", json=body), 400, code)["detail"]
    unknown = {"decisions": [{"line": 10**9, "seen": 1, "action": "approve"}]}
    check_problem(desk.operate.post("/v1/orders", json=unknown), 404, "line_unknown")
    check_problem(desk.read.get("/v1/orders/999999999/history"), 404, "line_unknown")
    twice = {"decisions": [on(line, "approve")] * 2}
    check_problem(desk.operate.post("/v1/orders", json=twice), 400, "repeated")


def test_what_was_ordered_is_kept_by_the_database(desk: Api, database: sa.Engine) -> None:
    (ordered,) = decide(desk, on(lines(desk)["A"], "approve"))
    for change in (
        "UPDATE order_lines SET ordered_milli = 1 WHERE line_id = :id",
        "UPDATE order_lines SET state = 'rejected', order_id = NULL, ordered_milli = NULL WHERE line_id = :id",
        "DELETE FROM order_lines WHERE line_id = :id",
    ):
        with (
            database.connect() as connection,
            pytest.raises(DBAPIError, match="is ordered: it is not changed"),
        ):
            connection.execute(sa.text(change), {"id": ordered["line_id"]})
    with database.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(sa.text("DELETE FROM order_actions"))


@pytest.fixture
def at_most_100(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event is of at most 100 in money."""
    monkeypatch.setenv("STOCKTIDE_AMOUNT_MAX", "100")


@pytest.mark.usefixtures("at_most_100")
def test_what_the_ledger_does_not_take_is_said_and_nothing_is_ordered(
    request: pytest.FixtureRequest,
) -> None:
    desk: Api = request.getfixturevalue("desk")
    found = lines(desk)
    (much,) = decide(desk, on(found["A"], "change", quantity=100, reason="a slip"))
    body = {"decisions": [on(much, "approve"), on(found["B"], "approve")]}
    problem = check_problem(desk.operate.post("/v1/orders", json=body), 400, "order_refused")
    assert "does not take the order of A S1" in problem["detail"]
    assert lines(desk, state="ordered") == {}
    assert lines(desk)["A"]["state"] == "proposed"


def test_what_has_not_come_by_its_day_is_late(desk: Api, database: sa.Engine) -> None:
    a, _ = decide(desk, on(lines(desk)["A"], "approve"), on(lines(desk)["C"], "approve"))
    assert lines(desk, state="late") == {}
    with database.begin() as connection:
        connection.execute(sa.text("UPDATE purchase_orders SET expected_on = current_date - 1"))
    assert lines(desk, state="late").keys() == {"A", "C"}
    receipt = raw(
        kind="receipt", event_id="r", product="A", quantity=12, order_id=a["order_id"], order_line=1
    )
    headers = {"Content-Type": "application/cloudevents+json"}
    desk.operate.post("/v1/events", content=receipt, headers=headers).raise_for_status()
    assert lines(desk, state="late").keys() == {"C"}
    assert lines(desk, state="ordered")["A"]["received"] == 12.0


def test_what_has_come_in_full_is_not_cancelled(desk: Api) -> None:
    (ordered,) = decide(desk, on(lines(desk)["A"], "approve"))
    headers = {"Content-Type": "application/cloudevents+json"}
    told = {"kind": "receipt", "product": "A", "order_id": ordered["order_id"], "order_line": 1}
    for event_id, quantity in (("r1", 5), ("r2", 7)):
        receipt = raw(event_id=event_id, quantity=quantity, **told)
        desk.operate.post("/v1/events", content=receipt, headers=headers).raise_for_status()
    (refused,) = decide(desk, on(ordered, "cancel", reason="too late"))
    assert refused["error"]["code"] == "line_received"
    assert lines(desk, state="ordered")["A"]["received"] == 12.0


def test_purchase_order_is_read_as_data_and_as_a_file(desk: Api) -> None:
    sold = [{"supplier": "mill", "product": "A", "pack": 6, "sku": "M-1"}]
    desk.operate.put("/v1/terms/suppliers", json={"suppliers": [{"supplier": "mill"}]})
    desk.operate.put("/v1/terms/supplier-products", json={"supplier_products": sold})
    found = lines(desk)
    a, b = decide(desk, on(found["A"], "approve"), on(found["B"], "approve"), user="anna")
    decide(desk, on(b, "cancel", reason="none left"))
    path = f"/v1/purchase-orders/{a['order_id']}"
    order = desk.read.get(path).json()
    assert (order["supplier"], order["total"], order["ordered_by"]) == (
        "mill",
        18.0,
        "anna (key test operate)",
    )
    figures = [
        (line["product"], line["ordered"], line["packs"], line["state"]) for line in order["lines"]
    ]
    assert figures == [("A", 12.0, 2.0, "ordered"), ("B", 5.0, None, "cancelled")]
    file = desk.read.get(path, headers={"Accept": "text/csv"})
    first = next(csv.DictReader(file.text.splitlines()))
    assert (first["supplier_sku"], first["ordered"], first["packs"], first["amount"]) == (
        "M-1",
        "12",
        "2",
        "18",
    )
    printed = desk.read.get(path, headers={"Accept": "application/pdf"})
    assert printed.headers["Content-Disposition"] == f'attachment; filename="{a["order_id"]}.pdf"'
    assert printed.content.startswith(b"%PDF-")
    check_problem(desk.read.get("/v1/purchase-orders/PO-none"), 404, "order_unknown")


def test_suppliers_are_listed_with_what_they_cost(desk: Api) -> None:
    mill, dairy = desk.read.get("/v1/orders/suppliers").json()["suppliers"]
    assert (mill["supplier"], mill["lines"], mill["amount"], mill["at_risk"]) == (
        "mill",
        2,
        25.5,
        17.0,
    )
    assert (dairy["lines"], dairy["cutoff"]) == (1, None)
