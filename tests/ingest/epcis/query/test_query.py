"""The event query over HTTP: every parameter finds what it should, and nothing else."""

from datetime import datetime
from typing import Any

import httpx
import jsonschema_rs
import pytest
import sqlalchemy as sa

from tests.conftest import Api
from tests.ingest.epcis.documents import CLASS, CONTEXT, LOT_CLASS, SHOP, document, event, sgtin

SHELF = "urn:epc:id:sgln:0614141.00777.shelf-1"
BOX = "urn:epc:id:sscc:0614141.1234567890"
CRATE = "urn:epc:id:grai:4012345.66666.87"
MASTER = {
    "epcisMasterData": {
        "vocabularyList": [
            {
                "type": "urn:epcglobal:epcis:vtype:ReadPoint",
                "vocabularyElementList": [
                    {"id": "urn:example:region", "children": [SHOP]},
                    {"id": SHOP, "children": [SHELF]},
                ],
            }
        ]
    }
}
EVENTS = [
    event(eventID="urn:e:0", eventTime="2026-03-01T08:00:00Z", bizStep="shipping", disposition="in_transit",
          epcList=[sgtin(1), sgtin(2)], readPoint={"id": SHOP}, action="OBSERVE",
          bizTransactionList=[{"type": "po", "bizTransaction": "urn:example:po:1"}],
          sourceList=[{"type": "location", "source": SHOP}]),
    event(eventID="urn:e:1", eventTime="2026-03-01T09:00:00Z", bizStep="receiving", epcList=[sgtin(2)],
          readPoint={"id": SHELF}, bizLocation={"id": SHOP}, action="ADD",
          quantityList=[{"epcClass": LOT_CLASS, "quantity": 200, "uom": "KGM"}, {"epcClass": CLASS, "quantity": 3}],
          destinationList=[{"type": "owning_party", "destination": "urn:epc:id:pgln:4012345.00000"}],
          persistentDisposition={"set": ["completeness_verified"]}),
    event("AggregationEvent", eventID="urn:e:2", eventTime="2026-03-01T10:00:00Z", parentID=BOX,
          childEPCs=["https://brand.example/01/10614141073464/21/2"], action="DELETE",
          bizStep="https://example.com/steps/wrapping"),
    event("TransformationEvent", eventID="urn:e:3", eventTime="2026-03-01T11:00:00Z", inputEPCList=[sgtin(3)],
          inputQuantityList=[{"epcClass": LOT_CLASS, "quantity": 10}], outputEPCList=[sgtin(4)],
          outputQuantityList=[{"epcClass": CLASS, "quantity": 7}], transformationID="urn:example:t:1"),
    event("TransactionEvent", eventID="urn:e:4", eventTime="2026-03-01T12:00:00Z", epcList=[CRATE]),
    event("AssociationEvent", eventID="urn:e:5", eventTime="2026-03-01T13:00:00Z"),
    event(eventID="urn:e:6", eventTime="2026-03-01T14:00:00Z",
          errorDeclaration={"declarationTime": "2026-03-05T00:00:00Z", "reason": "incorrect_data",
                            "correctiveEventIDs": ["urn:e:7"]}),
]  # fmt: skip
# A query, and the numbers of the events that it finds.
QUERIES: list[tuple[dict[str, Any], str]] = [
    ({}, "0123456"),
    ({"eventType": "ObjectEvent"}, "016"),
    ({"eventType": "TransformationEvent|AssociationEvent"}, "35"),
    ({"eventType": ["TransformationEvent", "AssociationEvent"]}, "35"),
    ({"eventType": "https://example.com/Unheard"}, ""),
    ({"GE_eventTime": "2026-03-01T09:00:00Z", "LT_eventTime": "2026-03-01T11:00:00.000Z"}, "12"),
    ({"GE_eventTime": "2026-03-01T12:00:00+02:00"}, "23456"),
    ({"GE_recordTime": "2026-03-01T00:00:00Z"}, "0123456"),
    ({"LT_recordTime": "2026-03-01T00:00:00Z"}, ""),
    ({"EQ_action": "ADD"}, "145"),
    ({"EQ_action": "ADD|DELETE"}, "1245"),
    ({"EQ_bizStep": "shipping"}, "0"),
    ({"EQ_bizStep": "https://ref.gs1.org/cbv/BizStep-shipping|receiving"}, "01"),
    ({"EQ_bizStep": "urn:epcglobal:cbv:bizstep:receiving"}, "1"),
    ({"EQ_bizStep": "https://example.com/steps/wrapping"}, "2"),
    ({"EQ_disposition": "in_transit"}, "0"),
    ({"EQ_persistentDisposition_set": "completeness_verified"}, "1"),
    ({"EQ_persistentDisposition_unset": "completeness_verified"}, ""),
    ({"EQ_readPoint": SHOP}, "0"),
    ({"EQ_readPoint": "https://id.gs1.org/414/0614141007776"}, "0"),
    ({"WD_readPoint": SHOP}, "01"),
    ({"WD_readPoint": "urn:example:region"}, "01"),
    ({"EQ_bizLocation": SHOP}, "1"),
    ({"WD_bizLocation": "urn:example:region"}, "1"),
    ({"MATCH_epc": sgtin(2)}, "012"),
    ({"MATCH_epc": "https://id.gs1.org/01/10614141073464/21/2"}, "012"),
    ({"MATCH_epc": CLASS}, "0126"),
    ({"MATCH_epc": "urn:epc:idpat:sgtin:0614141.*.*"}, "0126"),
    ({"MATCH_epc": sgtin(3)}, ""),
    ({"MATCH_epc": f"{sgtin(77)}|{CRATE}"}, "4"),
    ({"MATCH_parentID": BOX}, "2"),
    ({"MATCH_parentID": "urn:epc:idpat:sscc:0614141.*"}, "2"),
    ({"MATCH_parentID": "urn:epc:idpat:grai:4012345.55555.*"}, "5"),
    ({"MATCH_epc": "urn:epc:idpat:grai:4012345.66666.*|urn:epc:idpat:giai:4000001.*"}, "45"),
    ({"MATCH_inputEPC": sgtin(3)}, "3"),
    ({"MATCH_outputEPC": sgtin(4)}, "3"),
    ({"MATCH_anyEPC": f"{sgtin(4)}|{BOX}"}, "23"),
    ({"MATCH_epcClass": LOT_CLASS}, "1"),
    ({"MATCH_epcClass": "https://id.gs1.org/01/04012345123456/10/998877"}, "1"),
    ({"MATCH_epcClass": "urn:epc:idpat:lgtin:4012345.012345.*"}, "1"),
    ({"MATCH_inputEPCClass": LOT_CLASS}, "3"),
    ({"MATCH_outputEPCClass": CLASS}, "3"),
    ({"MATCH_anyEPCClass": LOT_CLASS}, "13"),
    ({"EQ_quantity": "200"}, "1"),
    ({"EQ_quantity": "7|200"}, "13"),
    ({"GT_quantity": "10"}, "1"),
    ({"GE_quantity": "10"}, "13"),
    ({"LT_quantity": "5"}, "1"),
    ({"LE_quantity": "7"}, "13"),
    ({"EQ_quantity_KGM": "200"}, "1"),
    ({"GE_quantity_GRM": "1"}, ""),
    ({"EQ_eventID": "urn:e:3|urn:e:5"}, "35"),
    ({"EXISTS_errorDeclaration": "true"}, "6"),
    ({"EQ_errorReason": "incorrect_data"}, "6"),
    ({"EQ_correctiveEventID": "urn:e:7"}, "6"),
    ({"GE_errorDeclarationTime": "2026-03-05T00:00:00Z"}, "6"),
    ({"LT_errorDeclarationTime": "2026-03-05T00:00:00Z"}, ""),
    ({"EQ_transformationID": "urn:example:t:1"}, "3"),
    ({"EQ_bizTransaction_po": "urn:example:po:1"}, "04"),
    ({"EQ_bizTransaction_https://ref.gs1.org/cbv/BTT-po": "urn:example:po:1"}, "04"),
    ({"EQ_bizTransaction_inv": "urn:example:po:1"}, ""),
    ({"EQ_source_location": SHOP}, "0"),
    ({"EQ_destination_owning_party": "urn:epc:id:pgln:4012345.00000"}, "1"),
    ({"EQ_bizStep": "shipping", "MATCH_epc": sgtin(2)}, "0"),
    ({"EQ_bizStep": "receiving", "EQ_disposition": "in_transit"}, ""),
    ({"eventCountLimit": "2"}, "56"),
    ({"eventCountLimit": "2", "orderBy": "eventTime", "orderDirection": "ASC"}, "01"),
    ({"maxEventCount": "7"}, "0123456"),
]
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"EQ_bizSteps": "shipping"}, "EQ_bizSteps"),
    ({"nothing": "1"}, "nothing"),
    ({"EQ_bizTransaction_": "x"}, "EQ_bizTransaction_"),
    ({"GE_quantity_": "1"}, "GE_quantity_"),
    ({"EQ_action": "MOVE"}, "EQ_action"),
    ({"GE_eventTime": "yesterday"}, "GE_eventTime"),
    ({"GE_eventTime": "2026-02-30T00:00:00Z"}, "GE_eventTime"),
    ({"GE_eventTime": ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"]}, "GE_eventTime"),
    ({"GT_quantity": "many"}, "GT_quantity"),
    ({"GT_quantity": "1|2"}, "GT_quantity"),
    ({"EQ_quantity": "1e999999999"}, "EQ_quantity"),
    ({"EQ_quantity": "NaN"}, "EQ_quantity"),
    ({"perPage": "0"}, "perPage"),
    ({"perPage": "1001"}, "perPage"),
    ({"perPage": "²"}, "perPage"),
    ({"eventCountLimit": "1", "maxEventCount": "1"}, "maxEventCount"),
    ({"orderBy": "weight"}, "orderBy"),
    ({"orderDirection": "UP"}, "orderDirection"),
    ({"nextPageToken": "mine"}, "nextPageToken"),
    ({"nextPageToken": "WzFd"}, "nextPageToken"),
    ({"EQ_bizStep": ""}, "EQ_bizStep"),
    ({"EQ_bizStep": "\x00"}, "EQ_bizStep"),
    ({"MATCH_epc": "|".join(["urn:a:b"] * 1001)}, "MATCH_epc"),
    ({"MATCH_epc": "urn:epc:idpat:sgtin:0614141.*.1"}, "MATCH_epc"),
]


@pytest.fixture
def filled(api: Api) -> Api:
    answer = api.ingest.post("/v1/epcis/capture", json=document(*EVENTS, epcisHeader=MASTER))
    assert answer.status_code == 202, answer.text
    return api


def found(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["type"] == "EPCISQueryDocument"
    listed: list[dict[str, Any]] = body["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    return listed


def numbers(events: list[dict[str, Any]]) -> str:
    return "".join(sorted(one["eventID"][-1] for one in events))


def test_each_parameter_finds_what_it_should(filled: Api) -> None:
    for parameters, wanted in QUERIES:
        answer = filled.read.get("/v1/epcis/events", params=parameters)
        assert numbers(found(answer)) == wanted, parameters


def test_a_parameter_that_is_unknown_or_wrong_is_named(filled: Api) -> None:
    for parameters, name in REFUSED:
        answer = filled.read.get("/v1/epcis/events", params=parameters)
        assert (answer.status_code, answer.json().get("field")) == (400, name), answer.text
    too_many = filled.read.get("/v1/epcis/events", params={"maxEventCount": "6"})
    assert (too_many.status_code, too_many.json()["code"]) == (413, "query_too_large")


def test_no_more_events_are_read_than_a_page_shows(filled: Api) -> None:
    read: list[int] = []

    @sa.event.listens_for(filled.engine, "after_cursor_execute")
    def _seen(_c: Any, cursor: Any, query: str, *_more: Any) -> None:
        if "FROM epcis_events" in query:
            read.append(cursor.rowcount)

    parameters = {"maxEventCount": "2147483647", "perPage": "2"}
    first = filled.read.get("/v1/epcis/events", params=parameters)
    following = filled.read.get(first.links["next"]["url"])
    assert (len(found(first)), len(found(following)), max(read)) == (2, 2, 3)


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_pages_give_everything_once_and_in_order(filled: Api, direction: str) -> None:
    for order in ("eventTime", "recordTime"):
        seen: list[dict[str, Any]] = []
        parameters: dict[str, Any] = {
            "perPage": 3,
            "orderBy": order,
            "orderDirection": direction,
            "eventCountLimit": 6,
        }
        answer = filled.read.get("/v1/epcis/events", params=parameters)
        while True:
            seen += found(answer)
            following = answer.links.get("next")
            if following is None:
                break
            assert len(found(answer)) == 3
            answer = filled.read.get(following["url"])
        assert len(seen) == 6
        assert len({one["eventID"] for one in seen}) == 6
        keys = [datetime.fromisoformat(one[order]) for one in seen]
        assert keys == sorted(keys, reverse=direction == "DESC")


def test_the_answer_is_a_valid_document_that_can_be_captured_elsewhere(
    filled: Api, test_data: Any
) -> None:
    schema = (test_data / "epcis" / "EPCIS-JSON-Schema.json").read_text()
    answer = filled.read.get("/v1/epcis/events")
    assert answer.headers["content-type"] == "application/ld+json"
    assert answer.headers["gs1-epcis-version"] == "2.0.0"
    jsonschema_rs.Draft7Validator(schema, validate_formats=True).validate(answer.json())
    again = filled.ingest.post("/v1/epcis/capture", json=answer.json())
    job = filled.ingest.get(again.headers["location"]).json()
    assert (job["success"], job["events"], job["duplicates"]) == (True, 0, 7)


def test_events_keep_what_their_own_prefixes_mean(api: Api) -> None:
    contexts = [
        CONTEXT,
        [CONTEXT[0], {"example": "https://other.example/"}],
        [CONTEXT[0], {"more": "urn:more:"}],
    ]
    for number, context in enumerate(contexts):
        name = "more:x" if number == 2 else "example:x"
        one = event(eventID=f"urn:e:{number}", **{name: 0.1 + number})  # type: ignore[arg-type]
        assert (
            api.ingest.post("/v1/epcis/events", json={"@context": context, **one}).status_code
            == 201
        )
    body = api.read.get(
        "/v1/epcis/events", params={"orderBy": "recordTime", "orderDirection": "ASC"}
    ).json()
    assert body["@context"] == [
        CONTEXT[0], {"example": "https://ns.example.com/epcis/", "more": "urn:more:"},
    ]  # fmt: skip
    events = body["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert [one.get("@context") for one in events] == [None, contexts[1], None]
    assert [one.get("example:x") for one in events] == [0.1, 1.1, None]


def test_what_was_seen_is_listed_known_or_not(filled: Api) -> None:
    steps = filled.read.get("/v1/epcis/bizSteps").json()["@set"]
    assert steps == ["https://example.com/steps/wrapping", "receiving", "shipping"]
    assert len(filled.read.get("/v1/epcis/readPoints").json()["@set"]) == 2
    assert len(filled.read.get("/v1/epcis/bizLocations").json()["@set"]) == 1
    assert len(filled.read.get("/v1/epcis/eventTypes").json()["@set"]) == 5
    some = filled.read.get("/v1/epcis/eventTypes/AssociationEvent/events")
    assert numbers(found(some)) == "5"


def test_options_tell_versions_and_limits(api: Api) -> None:
    capture = api.ingest.options("/v1/epcis/capture")
    assert capture.headers["gs1-epcis-capture-limit"] == "10000"
    assert api.read.options("/v1/epcis/events").headers["gs1-cbv-version"] == "2.0.0"
