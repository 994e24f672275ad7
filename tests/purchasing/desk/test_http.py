"""The order desk over HTTP: what is proposed, decided, ordered and on order."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from ingest.recording.recording import Recorder
from purchasing.desk.listing import list_lines
from purchasing.desk.proposals import NEED_ENDED, Proposal, put_proposals, see
from stocktide.foundation.database import statement
from stocktide.foundation.settings import Settings
from tests.conftest import Api
from tests.ingest.samples import event, raw
from tests.purchasing.desk.acting import decide, lines, on, propose
from tests.stocktide.entrypoints.test_api import check_problem

LATER = (datetime.now(UTC).date() + timedelta(days=40)).isoformat()


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


@pytest.mark.usefixtures("desk")
def test_a_list_is_planned_for_what_is_asked(database: sa.Engine) -> None:
    """Ten times is when the database would take one plan for all: with 100,000 lines it took half a minute."""
    with database.connect() as connection:
        for _ in range(15):
            assert list_lines(connection, supplier="mill").found == 2
        kept = sa.text(
            "SELECT sum(generic_plans) FROM pg_prepared_statements WHERE statement LIKE '%found AS MATERIALIZED%'"
        )
        assert connection.execute(kept).scalar_one() == 0


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
    (refused,) = decide(desk, on(line, "split", quantity=12, until=LATER))
    assert refused["error"]["code"] == "quantity"
    (now,) = decide(desk, on(line, "split", quantity=5, until=LATER, reason="room"), user="anna")
    assert (now["state"], now["ordered"]) == ("ordered", 5.0)
    propose(database, B=5, C=2)
    assert lines(desk).keys() == {"B", "C"}
    rest = lines(desk, state="snoozed")["A"]
    assert (rest["state"], rest["quantity"], rest["snoozed_until"]) == (
        "snoozed",
        7.0,
        LATER,
    )
    (first, *_) = desk.read.get(f"/v1/orders/{rest['line_id']}/history").json()["history"]
    assert (first["action"], first["reason"]) == ("split", "room")
    (ordered,) = decide(desk, on(rest, "approve"))
    assert (ordered["state"], ordered["ordered"]) == ("ordered", 7.0)


def test_a_buyers_number_stays_whatever_runs_propose(desk: Api, database: sa.Engine) -> None:
    line = lines(desk)["A"]
    (changed,) = decide(desk, on(line, "change", quantity=30, reason="street party"), user="anna")
    assert (changed["quantity"], changed["proposed"]) == (30.0, 12.0)
    propose(database, A=7, B=6)
    found = lines(desk)
    assert (found["A"]["quantity"], found["A"]["proposed"]) == (30.0, 7.0)
    assert (found["B"]["quantity"], "C" in found) == (6.0, False)
    history = desk.read.get(f"/v1/orders/{line['line_id']}/history").json()["history"]
    assert [(one["action"], one["by"], one["reason"]) for one in history] == [
        ("propose", "run", None),
        ("change", "anna (key test operate)", "street party"),
        ("propose", "run", None),
    ]
    assert history[2]["before"]["proposed"] == 12.0


def test_a_changed_line_whose_need_ended_says_so(desk: Api, database: sa.Engine) -> None:
    decide(desk, on(lines(desk)["A"], "change", quantity=5, reason="guess"))
    propose(database, B=5)
    line = lines(desk)["A"]
    assert (line["quantity"], line["proposed"], line["at_risk"]) == (5.0, 0.0, None)
    assert line["explanation"] == {"sentence": NEED_ENDED}
    assert line["order_run_id"] == lines(desk)["B"]["order_run_id"]


@pytest.fixture
def broken(desk: Api, database: sa.Engine) -> Api:
    """A at S1 and S2: 12 and 10 of it at 1.2 each, for the mill's price is 2 below 20."""
    desk.operate.put("/v1/locations", json={"locations": [{"code": "S2"}]})
    for kind, row in (
        ("suppliers", {}),
        ("supplier-products", {"product": "A", "price": 2, "currency": "EUR"}),
        ("price-breaks", {"product": "A", "from_quantity": 20, "price": "1.2"}),
    ):
        body = {kind.replace("-", "_"): [{"supplier": "mill", **row}]}
        desk.operate.put(f"/v1/terms/{kind}", json=body).raise_for_status()
    needs = [
        Proposal("mill", "A", place, 1000 * units, price_micros=1_200_000, currency="EUR")
        for place, units in (("S1", 12), ("S2", 10))
    ]
    with database.begin() as connection:
        put_proposals(connection, see(connection), needs, by="run")
    return desk


def at(api: Api, **asked: str) -> dict[str, dict[str, Any]]:
    return {line["location"]: line for line in lines_of(api, **asked)}


def lines_of(api: Api, **asked: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.read.get("/v1/orders", params=asked).json()["lines"]
    return found


def test_a_price_break_is_of_what_is_ordered_together(broken: Api) -> None:
    first, second = (at(broken)[place] for place in ("S1", "S2"))
    assert (first["amount"], second["amount"]) == (14.4, 12.0)
    (alone,) = decide(broken, on(first, "approve"))
    assert alone["error"]["code"] == "break_missed"
    assert "A costs 2 a unit in this order; 1.2 is the price from 20" in alone["error"]["detail"]
    both = decide(broken, on(first, "approve"), on(second, "approve"))
    order = broken.read.get(f"/v1/purchase-orders/{both[0]['order_id']}").json()
    assert order["total"] == 26.4


def test_less_of_a_product_costs_what_its_supplier_bills_for_less(broken: Api) -> None:
    (changed,) = decide(broken, on(at(broken)["S1"], "change", quantity=5, reason="room"))
    assert (changed["price"], changed["amount"]) == (2.0, 10.0)
    other = at(broken)["S2"]
    assert (other["price"], other["amount"]) == (2.0, 20.0)
    (ordered,) = decide(broken, on(other, "approve"))
    assert (ordered["state"], ordered["amount"]) == ("ordered", 20.0)


def test_who_knows_that_a_break_is_missed_may_order_with_a_reason(broken: Api) -> None:
    (ordered,) = decide(broken, on(at(broken)["S1"], "approve", reason="at once"))
    assert (ordered["state"], ordered["amount"]) == ("ordered", 24.0)
    assert at(broken)["S2"]["price"] == 2.0


def know_mill(desk: Api, **terms: Any) -> None:
    body = {"suppliers": [{"supplier": "mill", "lead_days": 2, **terms}]}
    desk.operate.put("/v1/terms/suppliers", json=body).raise_for_status()


def test_an_order_after_the_cutoff_is_of_the_next_day_and_says_so(
    desk: Api, database: sa.Engine
) -> None:
    a, b, _ = lines(desk).values()
    know_mill(desk)
    (at_once,) = decide(desk, on(a, "approve"))
    know_mill(desk, cutoff="00:00", timezone="UTC")
    (later,) = decide(desk, on(b, "approve"))
    expected = {
        line["order_id"]: date.fromisoformat(line["expected_on"])
        for line in lines(desk, state="ordered").values()
    }
    assert expected[later["order_id"]] - expected[at_once["order_id"]] == timedelta(days=1)
    assert at_once["note"] is None
    assert f"expected on {expected[later['order_id']]:%a %Y-%m-%d}" in later["note"]
    with database.connect() as connection:
        days = connection.execute(sa.text("SELECT reference, expected_on FROM commitments")).all()
    assert {row.reference: row.expected_on for row in days} == expected


def test_who_is_no_supplier_any_more_gets_no_order_without_a_reason(desk: Api) -> None:
    know_mill(desk, active=False)
    line = lines(desk)["A"]
    (refused,) = decide(desk, on(line, "approve"))
    assert refused["error"]["code"] == "supplier_inactive"
    (ordered,) = decide(desk, on(line, "approve", reason="they still have some"))
    assert ordered["state"] == "ordered"


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
    (split,) = decide(desk, on(line, "split", quantity=5, until=LATER, reason="room for no more"))
    assert split["error"]["code"] == "ordered_elsewhere"
    (ordered,) = decide(desk, on(line, "approve", reason="for the fair"))
    assert ordered["state"] == "ordered"


def test_what_came_in_between_hides_no_order_of_somebody_else(
    desk: Api, database: sa.Engine
) -> None:
    """10 were on order when A was proposed; they have come, and 10 others are on order since."""
    headers = {"Content-Type": "application/cloudevents+json"}

    def send(kind: str, name: str, order_id: str) -> None:
        told = event(kind, name, product="A", quantity=10, order_id=order_id)
        answer = desk.operate.post("/v1/events", content=json.dumps(told), headers=headers)
        answer.raise_for_status()

    send("order", "o1", "PHONE-1")
    need = Proposal("mill", "A", "S1", 12_000, on_order_milli=10_000)
    with database.begin() as connection:
        put_proposals(connection, see(connection), [need], by="run")
    send("receipt", "r1", "PHONE-1")
    send("order", "o2", "PHONE-2")
    (refused,) = decide(desk, on(lines(desk)["A"], "approve"))
    assert "10 more of A have come on order" in refused["error"]["detail"]


def test_cancelled_order_is_not_on_order_any_more(desk: Api) -> None:
    (ordered,) = decide(desk, on(lines(desk)["A"], "approve"))
    (refused,) = decide(desk, on(ordered, "cancel"))
    assert refused["error"]["code"] == "reason"
    (cancelled,) = decide(desk, on(ordered, "cancel", reason="supplier has none"))
    assert (cancelled["state"], cancelled["order_id"]) == ("cancelled", ordered["order_id"])
    (row,) = desk.read.get("/v1/stock", params={"product": "A"}).json()["stock"]
    assert row["on_order"] == 0.0


def receive(desk: Api, ordered: dict[str, Any], units: int) -> None:
    receipt = event(
        "receipt", f"{ordered['line_id']} {units}", product=ordered["product"], quantity=units,
        order_id=ordered["order_id"], order_line=ordered["order_line"],
    )  # fmt: skip
    headers = {"Content-Type": "application/cloudevents+json"}
    desk.operate.post("/v1/events", content=json.dumps(receipt), headers=headers).raise_for_status()


def test_what_has_come_of_an_order_is_not_cancelled(desk: Api) -> None:
    a, b = decide(desk, *(on(line, "approve") for line in lines(desk, supplier="mill").values()))
    receive(desk, a, 5)
    receive(desk, b, 5)
    assert (list(lines(desk, state="ordered")), list(lines(desk, state="received"))) == (
        ["A"],
        ["B"],
    )
    cancelled, refused = decide(desk, *(on(one, "cancel", reason="no more") for one in (a, b)))
    assert (cancelled["state"], refused["error"]["code"]) == ("cancelled", "line_received")
    path = f"/v1/purchase-orders/{a['order_id']}"
    order = desk.read.get(path).json()
    # 5 of A came before the rest was cancelled, and 5 of B: at 1.5 each
    assert [(one["received"], one["amount"]) for one in order["lines"]] == [(5.0, 7.5), (5.0, 7.5)]
    assert order["total"] == 15.0
    rows = list(
        csv.DictReader(desk.read.get(path, headers={"Accept": "text/csv"}).text.splitlines())
    )
    assert [(row["received"], row["amount"], row["state"]) for row in rows] == [
        ("5", "7.5", "cancelled"),
        ("5", "7.5", "ordered"),
    ]
    stock = desk.read.get("/v1/stock").json()["stock"]
    assert {row["product"]: (row["on_hand"], row["on_order"]) for row in stock} == {
        "A": (5.0, 0.0),
        "B": (5.0, 0.0),
    }


def test_sums_are_those_of_the_lines_to_the_cent(desk: Api, database: sa.Engine) -> None:
    propose(database, price_micros=1_005_000, A=1, B=1)
    listed = desk.read.get("/v1/orders").json()
    assert [line["amount"] for line in listed["lines"]] == [1.01, 1.01]
    (mill,) = desk.read.get("/v1/orders/suppliers").json()["suppliers"]
    ordered, _ = decide(desk, *(on(line, "approve") for line in listed["lines"]))
    order = desk.read.get(f"/v1/purchase-orders/{ordered['order_id']}").json()
    assert (listed["cost"], mill["amount"], order["total"]) == ({"EUR": 2.02}, 2.02, 2.02)


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
        connection.execute(sa.text("UPDATE commitments SET expected_on = current_date - 1"))
    assert lines(desk, state="late").keys() == {"A", "C"}
    receipt = raw(
        kind="receipt", event_id="r", product="A", quantity=12, order_id=a["order_id"], order_line=1
    )
    headers = {"Content-Type": "application/cloudevents+json"}
    desk.operate.post("/v1/events", content=receipt, headers=headers).raise_for_status()
    assert lines(desk, state="late").keys() == {"C"}
    assert lines(desk, state="received")["A"]["received"] == 12.0


def test_an_order_is_late_by_the_clock_of_its_shop(desk: Api, database: sa.Engine) -> None:
    """Kiritimati is a day and two hours ahead of Niue: what is expected there today was due yesterday or is not yet."""
    decide(desk, on(lines(desk)["A"], "approve"))
    late: dict[str, bool] = {}
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        desk.operate.put("/v1/locations", json={"locations": [{"code": "S1", "timezone": zone}]})
        with database.begin() as connection:
            due = sa.func.local_date(sa.func.now(), "Pacific/Niue")
            commitments = sa.table("commitments", sa.column("expected_on"))
            connection.execute(sa.update(commitments).values(expected_on=due))
            told = connection.execute(statement("alerts/judge_late_orders")).all()
        late[zone] = "A" in lines(desk, state="late")
        assert [row.opens for row in told] == [True] * late[zone]
    assert late == {"Pacific/Kiritimati": True, "Pacific/Niue": False}


def test_a_number_that_somebody_elses_order_has_is_left_out(desk: Api) -> None:
    a, b, c = lines(desk).values()
    (first,) = decide(desk, on(a, "approve"))
    number = int(first["order_id"].removeprefix("PO-"))
    for taken in (1, 2):
        order = event("order", f"o{taken}", product="A", order_id=f"PO-{number + taken}")
        headers = {"Content-Type": "application/cloudevents+json"}
        desk.operate.post("/v1/events", content=json.dumps(order), headers=headers)
    made = [decide(desk, on(one, "approve"))[0]["order_id"] for one in (b, c)]
    assert made == [f"PO-{number + 3}", f"PO-{number + 4}"]


def test_somebody_elses_order_under_a_number_of_ours_is_refused_and_kept(
    desk: Api, database: sa.Engine
) -> None:
    """Of whatever product; a receipt under our number is taken, and so is another number."""
    (ours,) = decide(desk, on(lines(desk)["A"], "approve"))
    number = ours["order_id"]
    headers = {"Content-Type": "application/cloudevents+json"}

    def send(kind: str, event_id: str, **data: Any) -> dict[str, Any]:
        told = json.dumps(event(kind, event_id, **data))
        answer = desk.operate.post("/v1/events", content=told, headers=headers)
        found: dict[str, Any] = answer.json()
        return found

    for event_id, product in (("o1", "A"), ("o2", "B")):
        answer = send("order", event_id, product=product, order_id=number)
        assert "desk_number" in str(answer)
        assert f"ERP-{number}" in str(answer)
    with database.connect() as connection:
        kept = connection.execute(sa.text("SELECT reason, field FROM rejects")).all()
    assert kept == [("desk_number", "data.order_id")] * 2
    assert lines(desk, state="ordered")["A"]["received"] == 0.0
    send("order", "o3", product="B", order_id=f"ERP-{number}")
    send("receipt", "r1", product="A", order_id=number, quantity=5)
    assert lines(desk, state="ordered")["A"]["received"] == 5.0
    stock = desk.read.get("/v1/stock").json()["stock"]
    assert {row["product"]: row["on_order"] > 0 for row in stock} == {"A": True, "B": True}


def test_a_number_that_somebody_elses_order_is_just_getting_is_left_out(
    desk: Api, database: sa.Engine
) -> None:
    """Neither sees the other's row before its commit: the desk waits for those who open orders."""
    a, b, _ = lines(desk).values()
    (first,) = decide(desk, on(a, "approve"))
    number = int(first["order_id"].removeprefix("PO-"))
    recorder = Recorder(database, Settings())
    order = json.dumps(event("order", "o1", product="A", order_id=f"PO-{number + 1}")).encode()
    with ThreadPoolExecutor(1) as threads:
        with database.begin() as connection:
            (outcome,) = recorder.ledger.append(connection, recorder.parser.parse_all([order]))
            assert outcome.name == "accepted"
            approving = threads.submit(decide, desk, on(b, "approve"))
            wait([approving], timeout=0.3)
        (second,) = approving.result()
    assert second["order_id"] == f"PO-{number + 2}"


def test_what_has_come_in_full_is_not_cancelled(desk: Api) -> None:
    (ordered,) = decide(desk, on(lines(desk)["A"], "approve"))
    headers = {"Content-Type": "application/cloudevents+json"}
    told = {"kind": "receipt", "product": "A", "order_id": ordered["order_id"], "order_line": 1}
    for event_id, quantity in (("r1", 5), ("r2", 7)):
        receipt = raw(event_id=event_id, quantity=quantity, **told)
        desk.operate.post("/v1/events", content=receipt, headers=headers).raise_for_status()
    (refused,) = decide(desk, on(ordered, "cancel", reason="too late"))
    assert refused["error"]["code"] == "line_received"
    assert lines(desk, state="received")["A"]["received"] == 12.0


def test_what_a_warehouse_and_its_shops_would_lose_is_summed_once(
    desk: Api, database: sa.Engine
) -> None:
    """Of A the two shops risk 5 and 4, their warehouse 7; of B, which only the warehouse orders, 3. C is bought."""
    places = {"locations": [{"code": "S2"}, {"code": "WH"}]}
    desk.operate.put("/v1/locations", json=places).raise_for_status()
    lacking = (
        ("A", "S1", "WH", 5), ("A", "S2", "WH", 4), ("A", "WH", None, 7), ("B", "WH", None, 3), ("C", "S1", None, 2),
    )  # fmt: skip
    needs = [
        Proposal("depot" if source else "mill", sku, place, 1_000, at_risk_micros=10**6 * risk, source=source)
        for sku, place, source, risk in lacking
    ]  # fmt: skip
    with database.begin() as connection:
        put_proposals(connection, see(connection), needs, by="run")
    for limit, asked, sums in ((100, {}, 14.0), (1, {}, 14.0), (100, {"location": "WH"}, 10.0)):
        answer = desk.read.get("/v1/orders", params={"limit": limit, **asked}).json()
        assert answer["at_risk"] == {"": sums}


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
    decide(desk, on(lines(desk)["C"], "approve"))
    asked = {"state": "ordered"}
    (ordered,) = desk.read.get("/v1/orders/suppliers", params=asked).json()["suppliers"]
    assert (ordered["supplier"], ordered["lines"]) == ("dairy", 1)
