"""Who approves, and when it takes two: judged by what one approver orders from a supplier, however it is split."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from ingest.recording.recording import Recorder
from purchasing.desk.by_rule import TOGETHER
from purchasing.desk.lines import is_one_approver
from stocktide.entrypoints.ordering import desk_of
from stocktide.entrypoints.rule_keeper import RuleKeeper
from stocktide.foundation.sessions import SESSION
from stocktide.foundation.settings import Settings
from tests.conftest import Api
from tests.purchasing.desk.acting import decide, lines, on, propose, signed_in
from tests.purchasing.desk.test_by_rule import KNOWN, LATER


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


@pytest.mark.usefixtures("two_from_fifteen")
def test_lines_of_a_supplier_that_are_approved_together_need_two_as_one_line_would(
    request: pytest.FixtureRequest, database: sa.Engine
) -> None:
    """9 and 7.50 are 16.50 from the mill; the dairy's 3 are an order of their own."""
    desk: Api = request.getfixturevalue("desk")
    propose(database, A=6, B=5, C=2)
    decided = decide(desk, *(on(line, "approve") for line in lines(desk).values()), user="anna")
    by_product = {line["product"]: line for line in decided}
    assert {sku: line["state"] for sku, line in by_product.items()} == {
        "A": "waiting", "B": "waiting", "C": "ordered",
    }  # fmt: skip
    assert "16.5 from mill" in by_product["A"]["note"]
    assert "from 15 on two people approve" in by_product["A"]["note"]


@pytest.mark.usefixtures("two_from_fifteen")
def test_requests_one_after_the_other_are_judged_together(
    request: pytest.FixtureRequest, database: sa.Engine
) -> None:
    """As what one approver ordered from a supplier lately, not as what another did, or what two approved."""
    desk: Api = request.getfixturevalue("desk")
    propose(database, A=6, B=5)
    a, b = (lines(desk)[sku] for sku in "AB")
    (first,) = decide(desk, on(a, "approve"), user="anna")
    assert first["state"] == "ordered"
    (split,) = decide(desk, on(b, "split", quantity=2, until=LATER), user="anna")
    assert split["error"]["code"] == "second_approver"
    assert "16.5 from mill alone, of which 9 were ordered" in split["error"]["detail"]
    (second,) = decide(desk, on(b, "approve"), user="anna")
    assert (second["state"], "of which 9 were ordered" in second["note"]) == ("waiting", True)
    (changed,) = decide(desk, on(second, "change", quantity=3, reason="less"), user="anna")
    (small,) = decide(desk, on(changed, "approve"), user="anna")
    assert (small["state"], small["amount"]) == ("ordered", 4.5)
    propose(database, B=1)
    (again,) = decide(desk, on(lines(desk)["B"], "approve", reason="more"), user="anna")
    assert again["state"] == "waiting"
    body = {"decisions": [on(again, "approve", reason="more")]}
    ben = {SESSION: signed_in(database, "ben", "buyer")}
    (done,) = desk.operate.post("/v1/orders", json=body, headers=ben).json()["lines"]
    assert done["state"] == "ordered"
    propose(database, B=5)
    body = {"decisions": [on(lines(desk)["B"], "approve", reason="more")]}
    (own,) = desk.operate.post("/v1/orders", json=body, headers=ben).json()["lines"]
    assert own["state"] == "ordered"


@pytest.mark.usefixtures("two_from_fifteen")
def test_two_requests_at_once_are_judged_together(
    request: pytest.FixtureRequest, database: sa.Engine
) -> None:
    desk: Api = request.getfixturevalue("desk")
    propose(database, A=6, B=5)
    both = [lines(desk)[sku] for sku in "AB"]
    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(lambda line: decide(desk, on(line, "approve"))[0], both))
    assert sorted(line["state"] for line in done) == ["ordered", "waiting"]


@pytest.mark.usefixtures("two_from_fifteen")
def test_who_lowered_a_price_approves_at_the_one_before(
    request: pytest.FixtureRequest, database: sa.Engine
) -> None:
    """12 at 0.10 are 1.20; at the 1.50 before they are 18. The list, the history and the answer say so."""
    desk: Api = request.getfixturevalue("desk")
    mill = {"suppliers": [{"supplier": "mill"}]}
    desk.operate.put("/v1/terms/suppliers", json=mill).raise_for_status()
    for user, price in (("kim", "1.50"), ("anna", "0.10")):
        sold = [{"supplier": "mill", "product": "A", "price": price, "currency": "EUR"}]
        told = {"supplier_products": sold, "user": user}
        desk.operate.put("/v1/terms/supplier-products", json=told).raise_for_status()
    propose(database, price_micros=100_000, A=12)
    ben = {SESSION: signed_in(database, "ben", "buyer")}
    anna = {SESSION: signed_in(database, "anna", "buyer")}
    line = lines(desk)["A"]
    (waiting,) = desk.operate.post(
        "/v1/orders", json={"decisions": [on(line, "approve")]}, headers=anna
    ).json()["lines"]
    assert (waiting["state"], waiting["amount"]) == ("waiting", 1.2)
    assert "at 1.5, the price before anna (key test operate) set it" in waiting["note"]
    set_lately = lines(desk, state="waiting")["A"]["price_set"]
    assert (set_lately["by"], set_lately["before"]) == ("anna (key test operate)", 1.5)
    *_, approved = desk.read.get(f"/v1/orders/{line['line_id']}/history").json()["history"]
    assert approved["after"]["price_set"]["by"] == "anna (key test operate)"
    body = {"decisions": [on(waiting, "approve")]}
    (done,) = desk.operate.post("/v1/orders", json=body, headers=ben).json()["lines"]
    assert done["state"] == "ordered"


@pytest.mark.usefixtures("two_from_fifteen")
def test_rules_are_one_approver_and_count_with_everybodys(
    request: pytest.FixtureRequest, database: sa.Engine
) -> None:
    desk: Api = request.getfixturevalue("desk")
    propose(database, explanation=KNOWN, A=6, B=5, C=2)
    rules = [{"product": sku, "amount": 50} for sku in "ABC"]
    body = {"approval_rules": rules, "user": "anna"}
    desk.operate.put("/v1/terms/approval-rules", json=body).raise_for_status()
    keeper = RuleKeeper(database, desk_of(Recorder(database, Settings())), None)
    assert keeper.look() == 1
    left = lines(desk)
    assert {sku: line["why_not"] for sku, line in left.items()} == {"A": TOGETHER, "B": TOGETHER}
    desk.operate.put(
        "/v1/terms/approval-rules", json={"approval_rules": [{"product": "B", "approve": False}]}
    ).raise_for_status()
    assert keeper.look() == 1
    (waiting,) = decide(desk, on(lines(desk)["B"], "approve"), user="kim")
    assert (waiting["state"], "of which 9 were ordered" in waiting["note"]) == ("waiting", True)
