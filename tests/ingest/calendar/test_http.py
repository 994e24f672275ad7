from typing import Any

import pytest
import sqlalchemy as sa

from ingest.calendar import KINDS
from stocktide.foundation.keys import Limits, create_key
from tests.conftest import Api
from tests.stocktide.entrypoints.test_api import check_problem

SPAN = {"from": "2027-03-01", "to": "2027-03-14"}
BODIES: dict[str, dict[str, Any]] = {
    "events": {"id": "x", "name": "Fair", "day": "2027-03-01", "location": "S1"},
    "prices": {"id": "x", "product": "A", "from": "2027-03-01", "price": "1.29"},
    "promotions": {"id": "x", "product": "A", **SPAN, "discount": 0.3, "kind": "leaflet"},
    "closures": {"id": "x", "location": "S1", **SPAN},
    "regressors": {"id": "x", "name": "temperature", "location": "S1", **SPAN, "value": 17.5},
}


@pytest.mark.parametrize("kind", KINDS)
def test_plan_is_recorded_read_and_withdrawn(shop: Api, kind: str) -> None:
    path, body = f"/v1/calendar/{kind}", {kind: [BODIES[kind]], "user": "anna"}
    counts = [shop.ingest.put(path, json=body).json() for _ in range(2)]
    assert counts == [
        {"recorded": 1, "changed": 0, "unchanged": 0, "warnings": []},
        {"recorded": 0, "changed": 0, "unchanged": 1, "warnings": []},
    ]
    answer = shop.read.get(path).json()
    (plan,) = answer[kind]
    assert (plan["id"], plan["recorded_by"]) == ("x", "anna (key test ingest)")
    sent = {name: value for name, value in BODIES[kind].items() if name != "price"}
    assert sent.items() <= plan.items()
    assert shop.ingest.delete(f"{path}/x").json() == {"withdrawn": "x"}
    assert shop.read.get(path).json()[kind] == []
    (gone,) = shop.read.get(path, params={"history": True}).json()[kind]
    assert gone["withdrawn_by"] == "key test ingest"
    check_problem(shop.ingest.delete(f"{path}/x"), 404, "plan_unknown")


def test_pages_of_plans_follow_each_other(shop: Api) -> None:
    plans = [{**BODIES["events"], "id": f"e{n}"} for n in range(5)]
    shop.ingest.put("/v1/calendar/events", json={"events": plans}).raise_for_status()
    seen: list[str] = []
    after: int | None = 0
    while after is not None:
        answer = shop.read.get("/v1/calendar/events", params={"limit": 2, "after": after}).json()
        seen += [plan["id"] for plan in answer["events"]]
        after = answer["next"]
    assert seen == [plan["id"] for plan in plans]


WRONG: list[tuple[str, dict[str, Any], int, str, str]] = [
    ("promotions", {"product": "Z"}, 404, "unknown_product", "promotions[0].product: there is no product 'Z'"),
    ("promotions", {"to": "2027-02-01"}, 400, "bad_span", "promotions[0].to: 2027-02-01 is before 2027-03-01"),
    ("promotions", {"discount": 30}, 400, "bad_discount", "Did you mean 0.3?"),
    ("promotions", {"colour": "red"}, 400, "body", "unknown field `colour`"),
    ("promotions", {"id": "a b"}, 400, "body", "promotions[0].id"),
    ("promotions", {"from": "soon"}, 400, "body", "promotions[0].from"),
    ("prices", {"price": -1}, 400, "bad_price", "prices[0].price: -1"),
    ("closures", {"state": "ajar"}, 400, "body", "ajar"),
    ("closures", {"location": "S9"}, 404, "unknown_location", "PUT /v1/locations"),
    ("events", {"days_after": 61}, 400, "body", "days_after"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changed", "status", "code", "said"), WRONG)
def test_wrong_plan_answers_with_its_place(
    shop: Api, kind: str, changed: dict[str, Any], status: int, code: str, said: str
) -> None:
    answer = shop.ingest.put(f"/v1/calendar/{kind}", json={kind: [{**BODIES[kind], **changed}]})
    assert said in check_problem(answer, status, code)["detail"]
    assert shop.read.get(f"/v1/calendar/{kind}").json()[kind] == []


def test_limited_key_plans_nothing(shop: Api, database: sa.Engine) -> None:
    with database.begin() as connection:
        key = create_key(connection, "till", "ingest", Limits(locations=["S1"]))
    headers = {"Authorization": f"Bearer {key}"}
    body = {"events": [BODIES["events"]]}
    put = shop.nobody.put("/v1/calendar/events", json=body, headers=headers)
    check_problem(put, 403, "key_limits")
    check_problem(shop.nobody.delete("/v1/calendar/events/x", headers=headers), 403, "key_limits")


def test_openapi_describes_each_kind_of_plan(shop: Api) -> None:
    paths = shop.nobody.get("/openapi.json").json()["paths"]
    for kind in KINDS:
        body = paths[f"/v1/calendar/{kind}"]["put"]["requestBody"]["content"]["application/json"]
        item = body["schema"]["properties"][kind]["items"]
        assert set(BODIES[kind]) <= set(item["properties"])
        assert "$ref" not in str(item)
