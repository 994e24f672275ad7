import json
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from ingest.epcis import CONFLICT_SOURCE, conflict_of, movement_states
from stocktide.foundation.keys import create_key
from tests.conftest import Api
from tests.ingest.epcis.documents import (
    GTIN,
    LOT_CLASS,
    LOT_GTIN,
    SHOP_GLN,
    bare,
    document,
    event,
    sgtin,
)

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


def test_hashes_stand_for_events_without_an_id(api: Api) -> None:
    first = post(api, bare(), "events")
    assert first.status_code == 201
    identity = first.json()["eventID"]
    assert identity.startswith("ni:///sha-256;")
    assert first.headers["location"].startswith("/v1/epcis/events/ni%3A%2F%2F%2Fsha-256%3B")
    again = post(api, bare(recordTime="2026-03-01T12:00:00Z"), "events")
    assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")
    for address in (first.headers["location"], f"/v1/epcis/events/{identity}"):
        found = api.read.get(address).json()
        assert (found["eventID"], found["epcList"]) == (identity, [sgtin(1)])
    assert api.read.get("/v1/epcis/events/urn:example:nothing").status_code == 404


def test_an_event_with_an_id_is_never_changed(api: Api, database: sa.Engine) -> None:
    post(api, bare(eventID="urn:e:1"), "events")
    assert post(api, bare(eventID="urn:e:1"), "events").status_code == 200
    other = post(api, bare(eventID="urn:e:1", action="ADD"), "events")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert [one["action"] for one in events(api)] == ["OBSERVE"]
    with database.connect() as connection:
        kept = connection.execute(
            sa.text("SELECT raw FROM rejects WHERE reason = 'conflict'")
        ).scalar_one()
    assert json.loads(bytes(kept))["action"] == "ADD"


def test_a_conflict_is_shown_with_both_payloads(api: Api, database: sa.Engine) -> None:
    own: dict[str, Any] = {"example:weight": 1.50}
    first = event(eventID="urn:e:1", recordTime="2026-03-01T12:00:00Z", **own)
    other = {**first, "action": "ADD", "bizStep": "receiving", "recordTime": "2026-03-02T12:00:00Z"}
    wrong = {**other, "errorDeclaration": {"declarationTime": "2026-03-02T10:00:00Z"}}
    with database.connect() as connection:
        assert conflict_of(connection, json.dumps(other).encode()) is None
    post(api, document(first))
    post(api, document(other))
    with database.connect() as connection:
        row = connection.execute(sa.text("SELECT raw, source, event_id FROM rejects")).one()
        shown = conflict_of(connection, bytes(row.raw))
        assert conflict_of(connection, json.dumps(wrong).encode()) is None
        assert [conflict_of(connection, raw) for raw in (b"{", b"[]", b"{}")] == [None] * 3
    assert (row.source, row.event_id) == (CONFLICT_SOURCE, "urn:e:1")
    assert shown is not None
    assert (shown["recorded"]["action"], shown["refused"]["action"]) == ("OBSERVE", "ADD")
    assert shown["differing"] == ["action", "bizStep"]


def test_a_declaration_without_an_id_is_shown_beside_the_first_one(
    api: Api, database: sa.Engine
) -> None:
    for reason in ("did_not_occur", "incorrect_data"):
        declared = {"declarationTime": "2026-03-02T10:00:00Z", "reason": reason}
        post(api, document(event(errorDeclaration=declared)))
    with database.connect() as connection:
        row = connection.execute(sa.text("SELECT raw, event_id FROM rejects")).one()
        shown = conflict_of(connection, bytes(row.raw), row.event_id)
    assert shown is not None
    assert shown["differing"] == ["errorDeclaration"]


def test_a_capture_tells_how_many_events_have_moved(shop: Api, database: sa.Engine) -> None:
    answer = post(shop, document(event(bizStep="receiving"), event(bizStep="storing")))
    capture_id = UUID(answer.json()["captureID"])
    with database.connect() as connection:
        assert movement_states(connection, capture_id) == {"rejected": 1, "none": 1}
        assert movement_states(connection, UUID(int=0)) == {}


GOOD = event(eventID="urn:e:good")
BAD = event(eventID="urn:e:bad", action="MOVE")


def test_rollback_captures_all_or_none(api: Api, database: sa.Engine) -> None:
    answer = post(api, document(GOOD, BAD))
    assert answer.status_code == 400
    assert answer.json()["field"] == "$.epcisBody.eventList[1].action"
    assert events(api) == []
    post(api, document(GOOD))
    conflicting = post(api, document(event(eventID="urn:e:new"), {**GOOD, "action": "ADD"}))
    told = job(api, conflicting)
    assert (told["success"], told["events"], told["captureErrorBehaviour"]) == (
        False,
        0,
        "rollback",
    )
    assert [(error["code"], error["status"], error["event"]) for error in told["errors"]] == [
        ("conflict", 409, 1)
    ]
    assert len(events(api)) == 1
    with database.connect() as connection:
        reasons = (
            connection.execute(sa.text("SELECT reason FROM rejects ORDER BY 1")).scalars().all()
        )
    assert reasons == ["conflict", "wrong_value"]


def test_proceed_captures_each_by_itself(api: Api, database: sa.Engine) -> None:
    proceed = {"GS1-Capture-Error-Behaviour": "proceed"}
    told = job(api, post(api, document(GOOD, BAD, event(bizStep="shiping"), GOOD), **proceed))
    assert (told["success"], told["events"], told["duplicates"]) == (False, 1, 1)
    assert [(error["status"], error["event"]) for error in told["errors"]] == [(400, 1), (400, 2)]
    assert len(events(api)) == 1
    with database.connect() as connection:
        raws = (
            connection.execute(sa.text("SELECT raw FROM rejects ORDER BY reject_id"))
            .scalars()
            .all()
        )
    assert json.loads(bytes(raws[0])) == BAD
    assert post(api, document(GOOD), **{"GS1-Capture-Error-Behaviour": "maybe"}).status_code == 400


def test_jobs_are_listed_newest_first_in_pages(api: Api) -> None:
    made = [
        job(api, post(api, document(event(eventID=f"urn:e:{n}"))))["captureID"] for n in range(5)
    ]
    answer = api.ingest.get("/v1/epcis/capture", params={"perPage": 2})
    seen = [one["captureID"] for one in answer.json()]
    while "next" in answer.links:
        answer = api.ingest.get(answer.links["next"]["url"])
        seen += [one["captureID"] for one in answer.json()]
    assert seen == made[::-1]
    assert api.ingest.get("/v1/epcis/capture/none").status_code == 404
    assert api.ingest.get("/v1/epcis/capture", params={"nextPageToken": "x"}).status_code == 400


def test_a_feed_sees_its_own_jobs_alone(api: Api, database: sa.Engine) -> None:
    address = post(api, document(GOOD)).headers["location"]
    with database.begin() as connection:
        other = create_key(connection, "other feed", "ingest")
    headers = {"Authorization": f"Bearer {other}"}
    assert api.nobody.get(address, headers=headers).status_code == 404
    assert api.nobody.get("/v1/epcis/capture", headers=headers).json() == []
    assert api.operate.get(address).json()["success"] is True
    assert len(api.operate.get("/v1/epcis/capture").json()) == 1


def test_own_types_fields_and_master_data_are_kept(api: Api, database: sa.Engine) -> None:
    own = event(
        "https://example.com/types/Own", eventID="urn:e:own", **{"example:a": {"b": [1, None, "x"]}}
    )
    header = {
        "epcisMasterData": {
            "vocabularyList": [{"type": "urn:x:y", "vocabularyElementList": [{"id": "urn:x:1"}]}]
        }
    }
    told = job(api, post(api, document(own, epcisHeader=header, sender="us")))
    assert told["movements"]["states"] == {"none": 1}
    (found,) = events(api, eventType="https://example.com/types/Own")
    assert found["example:a"] == {"b": [1, None, "x"]}
    with database.connect() as connection:
        kept = connection.execute(sa.text("SELECT header FROM epcis_captures")).scalar_one()
        assert (
            connection.execute(sa.text("SELECT element FROM epcis_vocabulary")).scalar_one()
            == "urn:x:1"
        )
    assert (kept["sender"], kept["epcisHeader"]) == ("us", header)
    assert job(api, post(api, document(epcisHeader=header)))["success"] is True


@pytest.mark.parametrize("route", ["capture", "events"])
def test_what_is_no_document_is_refused_and_kept(api: Api, database: sa.Engine, route: str) -> None:
    inputs = [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"[]", "wrong_value"),
        (b'"x"', "wrong_value"),
        (b"{}", "missing_field"),
        (b"\xff\xfe{", "malformed_json"),
        (b"[" * 50_000, "too_deep"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too_deep"),
        (b'{"type": "EPCISDocument", "\\u0000": 1}', "bad_text"),
        (b'{"type": "EPCISDocument", "x": "\\udc00"}', "malformed_json"),
        (b'{"type": 1e999999999999999999999}', "not_a_number"),
        (b"1" * 5_000, "malformed_json"),
        (b"1" * 4_000, "wrong_value"),
    ]
    for content, code in inputs:
        answer = post(api, content, route)
        assert (answer.status_code, answer.json()["code"]) == (400, code), content[:40]
        assert answer.headers["content-type"] == "application/problem+json"
    xml = api.ingest.post(
        f"/v1/epcis/{route}", content=b"<a/>", headers={"content-type": "text/xml"}
    )
    assert (xml.status_code, xml.json()["code"]) == (415, "content_type")
    with database.connect() as connection:
        kept = connection.execute(sa.text("SELECT raw FROM rejects")).scalars().all()
    assert {bytes(raw) for raw in kept} == {content for content, _ in inputs} | {b"<a/>"}
    assert api.read.post(f"/v1/epcis/{route}", content=b"{}").status_code == 403
    assert api.nobody.post(f"/v1/epcis/{route}", content=b"{}").status_code == 401


def test_too_many_events_are_too_large(api: Api) -> None:
    answer = post(api, document(*([GOOD] * 10_001)))
    assert (answer.status_code, answer.json()["code"]) == (413, "batch_too_large")


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


@pytest.mark.parametrize("quantity", ["sNaN", "NaN", "Infinity", "-sNaN7", "1e1000000"])
def test_a_quantity_that_is_no_number_is_kept_as_it_came_and_moves_nothing(
    shop: Api, database: sa.Engine, quantity: str
) -> None:
    goods = [{"epcClass": LOT_CLASS, "quantity": quantity, "uom": "KGM"}]
    answer = post(shop, bare(epcList=None, quantityList=goods), "events")
    assert answer.status_code == 201, answer.text
    assert events(shop, GE_quantity="0") == []
    assert on_hand(database) == {}
