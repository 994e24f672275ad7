"""What is approved without a person."""

from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.recording.recording import Recorder
from purchasing.desk.by_rule import ApprovalRule, Candidate, why_not
from purchasing.desk.lines import Line
from purchasing.desk.proposals import Proposal, put_proposals, see
from stocktide.entrypoints.ordering import desk_of
from stocktide.entrypoints.rule_keeper import RuleKeeper
from stocktide.foundation.settings import Settings
from tests.conftest import Api

RULE = ApprovalRule("usual order", 20_000_000, 1.5)
GUESSED = {"from": {"supplier": "nobody is known", "lead": "default: 7 days"}}
KNOWN = {"from": {"supplier": "terms", "lead": "learnt from 9 orders"}, "doubt": None}
LINE = Line(1, "mill", "A", "S1", "proposed", 12_000, price_micros=1_500_000, currency="EUR")
USUAL = Candidate(LINE, KNOWN, rate=1.0, usual_milli=8_000)


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (USUAL, None),
        (replace(USUAL, line=replace(LINE, buyer_milli=3_000)), "a buyer has decided"),
        (replace(USUAL, line=replace(LINE, price_micros=None)), "cost is not known"),
        (replace(USUAL, rate=None), "cost is not known"),
        (replace(USUAL, rate=1.2), "costs more"),
        (replace(USUAL, explanation={**KNOWN, "doubt": {"chance": 0.7}}), "stock is in doubt"),
        (replace(USUAL, explanation=GUESSED), "supplier and lead"),
        (replace(USUAL, explanation={}), "supplier and lead"),
        (replace(USUAL, usual_milli=None), "never ordered before"),
        (replace(USUAL, usual_milli=7_999), "more than is usually ordered"),
    ],
)  # fmt: skip
def test_rule_lets_through_what_is_as_always(candidate: Candidate, why: str | None) -> None:
    said = why_not(RULE, candidate)
    assert said is why is None or (why is not None and why in str(said))


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
    for action, more in (("snooze", {"until": "2099-01-01"}), ("wake", {})):
        body = {"line": c["line_id"], "seen": c["version"], "action": action, **more}
        (c,) = api.operate.post("/v1/orders", json={"decisions": [body]}).json()["lines"]
    desk = desk_of(Recorder(api.engine, Settings()))
    keeper = RuleKeeper(api.engine, desk, replace(RULE, factor_max=None))
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
