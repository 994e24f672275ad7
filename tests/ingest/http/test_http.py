import json
import re
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from ingest.parsing.kinds import DATA_TYPES
from tests.conftest import Api
from tests.ingest.samples import event, raw

STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
NDJSON = {"content-type": "application/x-ndjson"}


@pytest.fixture
def shop(api: Api) -> Api:
    api.ingest.put(
        "/v1/products", json={"products": [{"sku": "A", "name": "Apple"}]}
    ).raise_for_status()
    api.ingest.put(
        "/v1/locations", json={"locations": [{"code": "S1"}, {"code": "S2"}]}
    ).raise_for_status()
    return api


def post(api: Api, content: bytes, headers: dict[str, str]) -> httpx.Response:
    return api.ingest.post("/v1/events", content=content, headers=headers)


def test_post_events_takes_a_structured_event(shop: Api) -> None:
    first = post(shop, raw(kind="sale"), STRUCTURED)
    again = post(shop, raw(kind="sale"), STRUCTURED)
    assert (first.status_code, first.json()["outcome"]) == (200, "accepted")
    assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")


def test_post_events_takes_a_binary_event_as_the_same_event(shop: Api) -> None:
    post(shop, raw(kind="sale", source="/shops/Zürich"), STRUCTURED)
    document = event("sale", source="/shops/Z%C3%BCrich")
    headers = {
        f"ce-{name}": document[name] for name in ("id", "source", "specversion", "time", "type")
    }
    answer = post(
        shop, json.dumps(document["data"]).encode(), {**headers, "content-type": "application/json"}
    )
    assert answer.json()["outcome"] == "duplicate"


def test_post_events_answers_each_event_of_a_batch(shop: Api) -> None:
    document = [
        event("sale"),
        event("sale"),
        event("sale", quantity=5),
        event("sale", event_id="x", product="?"),
    ]
    answer = post(shop, json.dumps(document).encode(), BATCH)
    assert answer.status_code == 200
    body = answer.json()
    assert [outcome["outcome"] for outcome in body["outcomes"]] == [
        "accepted",
        "duplicate",
        "conflict",
        "rejected",
    ]
    assert (body["outcomes"][2]["field"], body["outcomes"][3]["reason"]) == (
        "quantity",
        "unknown_product",
    )
    assert [body[name] for name in ("accepted", "duplicate", "conflict", "rejected")] == [
        1,
        1,
        1,
        1,
    ]


def test_post_events_takes_an_empty_batch(shop: Api) -> None:
    """CloudEvents' JSON format allows it: a batch of no events."""
    answer = post(shop, b"[]", BATCH)
    assert answer.status_code == 200
    assert answer.json() == {
        "accepted": 0, "duplicate": 0, "conflict": 0, "rejected": 0, "outcomes": []
    }  # fmt: skip


def test_post_events_takes_lines_and_keeps_the_broken_one(shop: Api, database: sa.Engine) -> None:
    body = raw(kind="sale") + b'\n{"broken\n\n' + raw(kind="return", event_id="r") + b"\n"
    outcomes = [outcome["outcome"] for outcome in post(shop, body, NDJSON).json()["outcomes"]]
    assert outcomes == ["accepted", "rejected", "accepted"]
    with database.connect() as connection:
        assert (
            bytes(connection.execute(sa.text("SELECT raw FROM rejects")).scalar_one())
            == b'{"broken'
        )


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", STRUCTURED, 400, "malformed_json"),
        (b"", NDJSON, 400, "empty"),
        (b"{}", BATCH, 400, "wrong_type"),
        (b'[{"a":', BATCH, 400, "malformed_json"),
        (b"[" * 50_000, BATCH, 400, "too_deep"),
        (raw(kind="sale")[:60], STRUCTURED, 400, "malformed_json"),
        (raw(kind="sale").decode().encode("utf-16"), STRUCTURED, 400, "malformed_json"),
        (raw(kind="sale", product="ghost"), STRUCTURED, 400, "unknown_product"),
        (raw(kind="sale", location="ghost"), STRUCTURED, 400, "unknown_location"),
        (raw(kind="sale"), {"content-type": "text/csv"}, 415, "content_type"),
        (raw(kind="sale"), {"content-type": "application/json"}, 415, "content_type"),
    ],
)  # fmt: skip
def test_post_events_refuses_with_the_place_and_keeps_the_input(
    shop: Api, database: sa.Engine, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = post(shop, content, headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == code
    with database.connect() as connection:
        assert bytes(connection.execute(sa.text("SELECT raw FROM rejects")).scalar_one()) == content


def test_post_events_answers_409_when_one_event_conflicts(shop: Api) -> None:
    post(shop, raw(kind="sale"), STRUCTURED)
    answer = post(shop, raw(kind="sale", quantity=7), STRUCTURED)
    assert (answer.status_code, answer.json()["field"]) == (409, "quantity")


def test_post_events_refuses_more_than_the_limits(shop: Api) -> None:
    assert post(shop, b" " * (17 * 2**20), NDJSON).status_code == 413
    assert post(shop, b"[1" + b",1" * 10_000 + b"]", BATCH).json()["code"] == "batch_too_large"


@pytest.mark.parametrize(
    ("route", "body", "place"),
    [
        ("products", {"products": [{"name": "no sku"}]}, "sku"),
        ("products", {"products": [{"sku": "A", "price": "NaN"}]}, r"products\[0\].price"),
        ("products", {"products": [{"sku": "A"}, {"sku": "A"}]}, "rows 0 and 1"),
        ("products", {"products": [{"sku": "A\x00"}]}, "Row 0"),
        ("locations", {"locations": [{"code": "S", "timezone": "Mars/Olympus"}]}, "Mars/Olympus"),
        ("locations", {"places": []}, "places"),
    ],
)
def test_put_names_the_row_when_a_product_or_location_is_wrong(
    api: Api, route: str, body: Any, place: str
) -> None:
    answer = api.ingest.put(f"/v1/{route}", json=body)
    assert answer.status_code == 400
    assert re.search(place, answer.json()["detail"])


def test_put_products_keeps_what_is_left_out(api: Api) -> None:
    api.ingest.put(
        "/v1/products",
        json={"products": [{"sku": "A", "name": "Apple", "unit": "kg", "price": "1.5"}]},
    )
    api.ingest.put("/v1/products", json={"products": [{"sku": "A", "department": "Fruit"}]})
    product = api.read.get("/v1/products/A").json()
    assert {name: product[name] for name in ("name", "unit", "price", "department")} == {
        "name": "Apple", "unit": "kg", "price": 1.5, "department": "Fruit",
    }  # fmt: skip


def test_schemas_are_served_for_each_kind(api: Api) -> None:
    listed = api.nobody.get("/v1/schemas").json()
    assert len(listed) == len(DATA_TYPES)
    for address in listed.values():
        assert api.nobody.get(address).json()["properties"]["type"]["const"] in listed
    assert api.nobody.get("/v1/schemas/stocktide.gift").status_code == 404
