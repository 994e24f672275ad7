"""What is approved without a person."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from purchasing.desk.approval_rules import ApprovalRule, Rules
from purchasing.desk.by_rule import NO_RULE, Candidate, judge, read_candidates, why_not
from purchasing.desk.lines import Line
from purchasing.desk.proposals import Proposal, put_proposals, see
from purchasing.desk.shell import Desk
from stocktide.entrypoints.ordering import desk_of
from stocktide.entrypoints.rule_keeper import RuleKeeper
from stocktide.foundation.settings import Settings
from tests.conftest import Api
from tests.dashboard.versions import store_three

RULE = ApprovalRule("usual order", 20_000_000, 1.5, change_max=0.3, currency="EUR")
GUESSED = {"from": {"supplier": "nobody is known", "lead": "default: 7 days"}}
KNOWN = {"from": {"supplier": "terms", "lead": "learnt from 9 orders"}, "doubt": None}
LINE = Line(1, "mill", "A", "S1", "proposed", 12_000, price_micros=1_500_000, currency="EUR")
USUAL = Candidate(LINE, KNOWN, rate=1.0, usual_milli=8_000, changed=-0.3)
FRUIT = replace(USUAL, of={"category": "Fruit", "region": "North"})

LATER = (datetime.now(UTC).date() + timedelta(days=40)).isoformat()


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (USUAL, None),
        (replace(USUAL, line=replace(LINE, buyer_milli=3_000)), "a person has decided"),
        (replace(USUAL, line=replace(LINE, price_micros=None)), "cost is not known"),
        (replace(USUAL, rate=None), "cost is not known"),
        # a transfer of our own goods costs nothing again
        (replace(USUAL, line=replace(LINE, price_micros=None, source="WH")), None),
        (replace(USUAL, rate=1.2), "above 20 EUR"),
        (replace(USUAL, told={**KNOWN, "doubt": {"chance": 0.7}}), "stock in doubt"),
        (replace(USUAL, is_moved=True), "another shop has too much"),
        (replace(USUAL, told=GUESSED), "supplier and lead"),
        (replace(USUAL, told={}), "supplier and lead"),
        (replace(USUAL, usual_milli=None), "never ordered before"),
        (replace(USUAL, usual_milli=6_000), "2 times what is usually ordered"),
        (replace(USUAL, changed=None), "no earlier forecast"),
        (replace(USUAL, changed=0.6), "forecast changed by +60 %"),
    ],
)  # fmt: skip
def test_rule_lets_through_what_is_as_always(candidate: Candidate, why: str | None) -> None:
    said = why_not(RULE, candidate)
    assert said is why is None or (why is not None and why in str(said))


def scoped(*, approve: bool = True, **limits: str) -> ApprovalRule:
    return replace(RULE, name=" ".join(limits.values()), limits=limits, approve=approve)


@pytest.mark.parametrize(
    ("rules", "name"),
    [
        ([], None),
        ([scoped()], ""),
        ([scoped(category="Fruit"), scoped()], "Fruit"),
        ([scoped(category="Bread")], None),
        ([scoped(category="Fruit", region="North"), scoped(category="Fruit")], "Fruit North"),
        ([scoped(category="Fruit", region="North"), scoped(supplier="mill")], "mill"),
        ([scoped(supplier="mill"), scoped(product="A")], "A"),
        ([scoped(product="A", location="S2"), scoped(abc="A"), scoped(region="North")], "North"),
    ],
)
def test_narrowest_rule_counts(rules: list[ApprovalRule], name: str | None) -> None:
    for order in (rules, rules[::-1]):
        rule, why = judge(FRUIT, Rules(order))
        assert (rule and rule.name) == name
        assert why == (NO_RULE if name is None else None)
    keeps = [*rules, scoped(approve=False, product="A", supplier="mill")]
    assert judge(FRUIT, Rules(keeps, RULE))[1] == "people approve A mill"


def test_each_run_is_looked_at_once_and_people_see_the_exceptions(
    api: Api, database: sa.Engine
) -> None:
    api.operate.put("/v1/products", json={"products": [{"sku": sku} for sku in "ABC"]})
    api.operate.put("/v1/locations", json={"locations": [{"code": "S1"}]})
    doubt: dict[str, Any] = {**KNOWN, "doubt": {"chance": 0.7, "days_without": 9}}
    needs = [
        Proposal("mill", "A", "S1", 12_000, KNOWN, price_micros=1_500_000, currency="EUR"),
        Proposal("mill", "B", "S1", 5_000, doubt, price_micros=1_500_000, currency="EUR"),
        Proposal("dairy", "C", "S1", 2_000, KNOWN, price_micros=1_500_000, currency="EUR"),
    ]
    with database.begin() as connection:
        put_proposals(connection, see(connection), needs, by="run")
    (c,) = [line for line in api.read.get("/v1/orders").json()["lines"] if line["product"] == "C"]
    for action, more in (("snooze", {"until": LATER}), ("wake", {})):
        body = {"line": c["line_id"], "seen": c["version"], "action": action, **more}
        (c,) = api.operate.post("/v1/orders", json={"decisions": [body]}).json()["lines"]
    desk = desk_of(Recorder(api.engine, Settings()))
    keeper = RuleKeeper(api.engine, desk, replace(RULE, factor_max=None, change_max=None))
    assert [keeper.look(), keeper.look()] == [1, 0]
    left = {line["product"] for line in api.read.get("/v1/orders").json()["lines"]}
    assert left == {"B", "C"}
    (row,) = api.read.get("/v1/stock", params={"product": "A"}).json()["stock"]
    assert row["on_order"] == 12.0
    (ordered,) = api.read.get("/v1/orders", params={"state": "ordered"}).json()["lines"]
    history = api.read.get(f"/v1/orders/{ordered['line_id']}/history").json()["history"]
    assert [(one["action"], one["by"]) for one in history] == [
        ("propose", "run"),
        ("approve", "rule usual order"),
    ]


def test_rules_are_terms_off_by_default_and_the_list_says_why_a_person_is_asked(
    api: Api, database: sa.Engine
) -> None:
    """Audited as terms are; a change is looked at again; one order a supplier whatever rules let its lines through."""
    products = [{"sku": sku, "category": "Fruit" if sku < "D" else "Bread"} for sku in "ABCDE"]
    api.operate.put("/v1/products", json={"products": products}).raise_for_status()
    api.operate.put("/v1/locations", json={"locations": [{"code": "S1"}]}).raise_for_status()
    units = {"A": 10, "B": 400, "C": 10, "D": 10, "E": 10}
    needs = [
        Proposal("mill", sku, "S1", 1000 * many, KNOWN, price_micros=1_500_000, currency="EUR")
        for sku, many in units.items()
    ]
    with database.begin() as connection:
        put_proposals(connection, see(connection), needs, by="run")
    keeper = RuleKeeper(api.engine, desk_of(Recorder(api.engine, Settings())), None)
    assert keeper.look() == 0
    assert {line["why_not"] for line in api.read.get("/v1/orders").json()["lines"]} == {None}
    rules = [
        {"category": "Fruit", "amount": 500},
        {"product": "C", "approve": False},
        {"product": "E", "amount": 50},
    ]
    body = {"approval_rules": rules, "user": "anna"}
    api.operate.put("/v1/terms/approval-rules", json=body).raise_for_status()
    assert [keeper.look(), keeper.look()] == [2, 0]
    left = {line["product"]: line["why_not"] for line in api.read.get("/v1/orders").json()["lines"]}
    assert left == {"B": "above 500 EUR", "C": "people approve product C", "D": NO_RULE}
    ordered = api.read.get("/v1/orders", params={"state": "ordered"}).json()["lines"]
    assert {line["product"]: line["approved_by"] for line in ordered} == {
        "A": "rule category Fruit",
        "E": "rule product E",
    }
    (number,) = {line["order_id"] for line in ordered}
    order = api.read.get(f"/v1/purchase-orders/{number}").json()
    assert order["second_approver"] is None
    api.operate.put(
        "/v1/terms/approval-rules",
        json={"approval_rules": [{"category": "Bread", "amount": 100, "change": 0.2}]},
    ).raise_for_status()
    assert keeper.look() == 0
    (bread,) = api.read.get("/v1/orders", params={"product": "D"}).json()["lines"]
    assert bread["why_not"] == "no earlier forecast to compare with"
    history = api.read.get("/v1/terms/approval-rules", params={"history": True}).json()
    assert {row["recorded_by"] for row in history["approval_rules"][:3]} == {
        "anna (key test operate)"
    }


def test_a_forecast_is_compared_with_the_one_before_over_the_days_of_both(
    database: sa.Engine,
) -> None:
    store_three(database, end=datetime.now(UTC).date())
    with database.begin() as connection:
        put_products(connection, [ProductIn("Apples")])
        put_locations(connection, [LocationIn("S1")])
        needs = [Proposal("mill", "Apples", "S1", 1_000, KNOWN, price_micros=1_500_000)]
        put_proposals(connection, see(connection), needs, by="run")
    desk = Desk(lambda _connection, _events: [])
    totals = """SELECT sum(f.yhat) AS units FROM forecasts f JOIN forecast_nodes n USING (forecast_run_id, node_id)
        WHERE forecast_run_id = :run AND n.unique_id = 'S1/Apples' AND ds IN (
            SELECT a.ds FROM forecasts a JOIN forecasts b USING (ds)
            WHERE a.forecast_run_id = 1 AND b.forecast_run_id = 2)"""
    rules = Rules([replace(RULE, factor_max=None)])
    with database.connect() as connection:
        now, before = (
            connection.execute(sa.text(totals), {"run": run}).scalar_one() for run in (2, 1)
        )
        (one,) = read_candidates(connection, desk, rules)
        (blind,) = read_candidates(connection, desk, Rules())
    assert one.changed == pytest.approx(now / before - 1)
    assert abs(now / before - 1) > 0.01
    assert blind.changed is None
