import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tests.conftest import Api
from tests.ingest.epcis.documents import GTIN, LOT_GTIN, SHOP_GLN, bare, document, event, sgtin

LD = {"content-type": "application/ld+json"}


@pytest.fixture
def shop(api: Api) -> Api:
    api.ingest.put(
        "/v1/products",
        json={
            "products": [
                {"sku": "CAN", "attributes": {"gtin": GTIN}},
                {"sku": LOT_GTIN, "unit": "kg"},
            ]
        },
    ).raise_for_status()
    api.ingest.put(
        "/v1/locations",
        json={"locations": [{"code": "S1", "attributes": {"gln": SHOP_GLN}}, {"code": "S2"}]},
    ).raise_for_status()
    return api


def post(api: Api, value: Any, route: str = "capture", **headers: str) -> httpx.Response:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return api.ingest.post(f"/v1/epcis/{route}", content=body, headers={**LD, **headers})


def job(api: Api, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    found: dict[str, Any] = api.ingest.get(answer.headers["location"]).json()
    return found


def events(api: Api, **parameters: Any) -> list[dict[str, Any]]:
    answer = api.read.get("/v1/epcis/events", params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["epcisBody"]["queryResults"]["resultsBody"][
        "eventList"
    ]
    return found


def on_hand(database: sa.Engine) -> dict[tuple[str, str], int]:
    with database.connect() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT sku, code, on_hand_milli FROM stock JOIN products USING (product_id) "
                "JOIN locations USING (location_id)"
            )
        )
        return {(row.sku, row.code): row.on_hand_milli for row in rows}


def test_section_9_6_examples_are_captured_and_queried_back(api: Api, test_data: Path) -> None:
    for path in sorted((test_data / "epcis").glob("Example_9.6.*.jsonld")):
        given = json.loads(path.read_text())
        answer = post(api, path.read_bytes())
        told = job(api, answer)
        assert (told["success"], told["running"], told["errors"]) == (True, False, [])
        for wanted in given["epcisBody"]["eventList"]:
            found = events(api, EQ_eventID=wanted["eventID"])
            assert len(found) == 1
            record_time = found[0].pop("recordTime")
            assert record_time.endswith("Z")
            assert found[0] == wanted


def test_received_goods_are_in_stock(shop: Api, database: sa.Engine) -> None:
    received = event(
        bizStep="receiving",
        epcList=[sgtin(1), sgtin(2)],
        quantityList=[
            {
                "epcClass": "urn:epc:class:lgtin:4012345.012345.998877",
                "quantity": 2500,
                "uom": "GRM",
            }
        ],
        bizLocation={"id": "urn:epc:id:sgln:0614141.00777.0"},
    )
    told = job(shop, post(shop, document(received)))
    assert told["movements"]["states"] == {"recorded": 1}
    assert on_hand(database) == {("CAN", "S1"): 2000, (LOT_GTIN, "S1"): 2500}
    again = job(shop, post(shop, document(received)))
    assert (again["events"], again["duplicates"]) == (0, 1)
    assert on_hand(database) == {("CAN", "S1"): 2000, (LOT_GTIN, "S1"): 2500}


def test_bare_event_is_captured_once(shop: Api) -> None:
    first = post(shop, bare(), "events")
    again = post(shop, bare(), "events")
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert first.headers["location"] == again.headers["location"]
    found = shop.read.get(first.headers["location"]).json()
    assert found["epcList"] == [sgtin(1)]
    assert found["eventID"] == first.json()["eventID"]
