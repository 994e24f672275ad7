"""The models against GS1's own JSON schema: what it accepts we accept, and what it refuses we refuse.

Where we are looser or stricter on purpose, a test says so, and docs/epcis.md says why.
"""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.epcis.model.document import EventRead, read_document
from ingest.epcis.model.models import EVENT_TYPES
from ingest.epcis.model.reading import Refused
from ingest.epcis.model.vocabulary import (
    ALERT,
    BIZ_STEP,
    COMPONENT,
    DISPOSITION,
    ERROR_REASON,
    MEASUREMENT,
    PLACE_TYPE,
    TRANSACTION_TYPE,
    Vocabulary,
)
from tests.ingest.epcis.documents import CLASS, SHOP, bare, document, event, raw, sgtin


@pytest.fixture(scope="module")
def schema(test_data: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        (test_data / "epcis" / "EPCIS-JSON-Schema.json").read_text()
    )
    return loaded


@pytest.fixture(scope="module")
def gs1(schema: dict[str, Any]) -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True)


def accepted(value: Any) -> bool:
    """Whether we accept a document and all of its events."""
    try:
        read = read_document(raw(value))
    except Refused:
        return False
    return all(isinstance(item, EventRead) for item in read.events)


REPORT = {
    "type": "Temperature", "exception": "ALARM_CONDITION", "deviceID": "urn:epc:id:giai:4000001.111",
    "deviceMetadata": "https://example.com/m", "rawData": "https://example.com/r", "time": "2026-03-01T09:00:00Z",
    "dataProcessingMethod": "https://example.com/p", "bizRules": "https://example.com/b", "value": 26.5,
    "microorganism": "https://example.com/o", "chemicalSubstance": "urn:epcglobal:cbv:inchikey:X", "component": "x",
    "coordinateReferenceSystem": "https://example.com/c", "stringValue": "a", "booleanValue": True,
    "hexBinaryValue": "f0", "uriValue": "https://example.com/u", "minValue": 1, "maxValue": 2, "meanValue": 1.5,
    "sDev": 0.1, "percRank": 50, "percValue": 1, "uom": "CEL", "example:own": [1, {"example:more": None}],
}  # fmt: skip
METADATA = {
    "time": "2026-03-01T09:00:00Z", "startTime": "2026-03-01T09:00:00Z", "endTime": "2026-03-01T09:00:00.5+01:00",
    "deviceID": "https://example.com/d", "deviceMetadata": "https://example.com/m", "bizRules": "https://example.com/b",
    "rawData": "https://example.com/r", "dataProcessingMethod": "https://example.com/p", "example:own": "x",
}  # fmt: skip
SHARED: dict[str, Any] = {
    "recordTime": "2026-03-01T09:00:01Z",
    "eventID": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "certificationInfo": ["https://example.com/certificate"],
    "errorDeclaration": {
        "declarationTime": "2026-03-02T09:00:00Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": ["urn:uuid:404d95fc-9457-4a51-bd6a-0bba133845a8"],
        "example:who": "us",
    },
    "bizStep": "receiving",
    "disposition": "in_progress",
    "readPoint": {"id": SHOP, "example:door": "3"},
    "bizLocation": {"id": SHOP},
    "bizTransactionList": [{"type": "po", "bizTransaction": "urn:example:po:1"}, {"bizTransaction": "urn:x:y"}],
    "sourceList": [{"type": "location", "source": SHOP}],
    "destinationList": [{"type": "https://example.com/type", "destination": SHOP}],
    "sensorElementList": [{"sensorMetadata": METADATA, "sensorReport": [REPORT], "example:own": True}],
    "example:own": {"example:inner": ["a", 1, None]},
}  # fmt: skip
QUANTITIES = [
    {"epcClass": CLASS, "quantity": 10},
    {"epcClass": CLASS, "quantity": 0.5, "uom": "KGM"},
    {"epcClass": CLASS},
]
PERSISTENT = {"set": ["completeness_verified"], "unset": ["completeness_inferred"]}
FULL: dict[str, dict[str, Any]] = {
    "ObjectEvent": {
        "action": "ADD", "quantityList": QUANTITIES, "persistentDisposition": PERSISTENT,
        "ilmd": {"example:lot": "A", "cbvmda:lotNumber": "B"},
    },
    "AggregationEvent": {"childQuantityList": QUANTITIES},
    "TransactionEvent": {"parentID": "urn:epc:id:sscc:0614141.1234567890", "quantityList": QUANTITIES},
    "TransformationEvent": {
        "inputEPCList": [sgtin(5)], "outputQuantityList": QUANTITIES, "transformationID": "urn:example:t:1",
        "persistentDisposition": PERSISTENT, "ilmd": {"example:lot": "A"},
    },
    "AssociationEvent": {"childQuantityList": QUANTITIES},
}  # fmt: skip
MASTER_DATA = {
    "epcisMasterData": {
        "vocabularyList": [
            {
                "type": "urn:epcglobal:epcis:vtype:BusinessLocation",
                "vocabularyElementList": [
                    {
                        "id": "urn:epc:id:sgln:0037000.00729.0",
                        "attributes": [
                            {"id": "cbvmda:city", "attribute": "Berlin"},
                            {"id": "cbvmda:address", "attribute": {"example:street": "1"}},
                            {"id": "cbvmda:floors", "attribute": 3},
                        ],
                        "children": ["urn:epc:id:sgln:0037000.00729.8201"],
                    }
                ],
            }
        ]
    }
}


def full(kind: str) -> dict[str, Any]:
    """An event with every field that its type has."""
    return event(kind, **{**SHARED, **FULL[kind]})


def whole() -> dict[str, Any]:
    """A document with every event type, every field, and master data."""
    return document(
        *(full(kind) for kind in EVENT_TYPES),
        event("https://example.com/types/Own", whatever={"id": 1}),
        id="https://example.com/documents/1",
        sender="urn:epc:id:sgln:0353579.00001.0",
        receiver="x",
        instanceIdentifier="1",
        epcisHeader=MASTER_DATA,
        **{"example:top": 1},
    )


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_events_with_every_field_are_accepted_by_both(
    gs1: jsonschema_rs.Draft7Validator, kind: str
) -> None:
    for value in (
        document(full(kind)),
        bare(kind),
        {**full(kind), "@context": "https://example.com/c"},
    ):
        assert gs1.is_valid(value)
        assert accepted(value)


def test_every_property_of_the_schema_is_in_the_models(schema: dict[str, Any]) -> None:
    definitions = schema["definitions"]
    for kind, shape in EVENT_TYPES.items():
        properties = {
            name for part in definitions[kind]["allOf"] for name in part.get("properties", {})
        } | set(definitions["Event"]["properties"])
        assert properties - {"@context"} == set(shape.__struct_fields__), kind


def words_of(schema: dict[str, Any], name: str) -> set[str]:
    definition = schema["definitions"][name]
    return {word for part in definition["anyOf"] for word in part.get("enum", ())}


@pytest.mark.parametrize(
    ("name", "vocabulary"),
    [
        ("bizStep", BIZ_STEP),
        ("disposition", DISPOSITION),
        ("bizTransaction-type", TRANSACTION_TYPE),
        ("source-dest-type", PLACE_TYPE),
        ("error-reason", ERROR_REASON),
        ("measurementType", MEASUREMENT),
        ("sensorAlertType", ALERT),
        ("component", COMPONENT),
    ],
)
def test_vocabularies_are_those_of_the_schema(
    schema: dict[str, Any], name: str, vocabulary: Vocabulary
) -> None:
    assert vocabulary.words == words_of(schema, name)


# What replaces a value somewhere in a document: right types in wrong places, and wrong ones.
JUNK: list[Any] = [
    None, True, 0, 1.5, "", "x", "no uri", "2026-13-45T00:00:00Z", "2026-03-01T09:00:00", "-15:00", "kgm", [], {},
    [None], [1], ["x"], [sgtin(1), sgtin(1)], {"id": 1}, {"x": "y"}, {"example:x": 1}, [{}], [{"type": "x"}], "DELETE",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path] if path else []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, item in items:
        found += places(item, (*path, name))
    return found


PLACES = places(whole())


def mutated(place: tuple[Any, ...], change: str, junk: Any) -> Any:
    """A whole document with one place replaced, removed, or given a property more."""
    value = copy.deepcopy(whole())
    holder: Any = value
    for name in place[:-1]:
        holder = holder[name]
    if change == "remove":
        del holder[place[-1]]
    elif change == "replace":
        holder[place[-1]] = copy.deepcopy(junk)
    elif isinstance(holder, dict):
        holder["unheardOf" if change == "add" else "example:added"] = copy.deepcopy(junk)
    return value


@given(
    place=st.sampled_from(PLACES),
    change=st.sampled_from(["remove", "replace", "replace", "add", "extend"]),
    junk=st.sampled_from(JUNK),
)
@settings(
    max_examples=1500,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_changed_documents_are_judged_as_the_schema_judges_them(
    gs1: jsonschema_rs.Draft7Validator, place: tuple[Any, ...], change: str, junk: Any
) -> None:
    value = mutated(place, change, junk)
    assert accepted(value) == gs1.is_valid(value)


@pytest.mark.parametrize(
    "fields",
    [
        {"bizStep": "urn:epcglobal:cbv:bizstep:receiving"},
        {"bizStep": "https://ns.gs1.org/cbv/BizStep-receiving"},
        {"disposition": "urn:epcglobal:cbv:disp:in_transit"},
        {"epcList": ["https://example.com/01/04012345123456/21/Ä"]},
        {"bizTransactionList": [{"type": "urn:epcglobal:cbv:btt:po", "bizTransaction": "urn:x:y"}]},
    ],
)
def test_we_are_looser_with_other_notations_of_the_vocabulary_and_letters_of_any_script(
    gs1: jsonschema_rs.Draft7Validator, fields: dict[str, Any]
) -> None:
    assert not gs1.is_valid(document(event(**fields)))
    assert accepted(document(event(**fields)))


def test_we_are_stricter_with_instants_beyond_the_calendar(
    gs1: jsonschema_rs.Draft7Validator,
) -> None:
    value = document(event(eventTime="0001-01-01T00:00:00+14:00"))
    assert gs1.is_valid(value)
    assert not accepted(value)


def test_leap_seconds_are_taken() -> None:
    assert accepted(document(event(eventTime="2016-12-31T23:59:60Z")))


@pytest.mark.parametrize(
    ("value", "field", "message"),
    [
        (document(event(bizStep="shiping")), "$.epcisBody.eventList[0]", "Did you mean 'shipping'"),
        (
            document(event(), event(epcList=["x"])),
            "$.epcisBody.eventList[1].epcList[0]",
            "not a URI",
        ),
        (document(event(action=None)), "$.epcisBody.eventList[0].action", "is missing"),
        (document(event(eventTime="yesterday")), "$.epcisBody.eventList[0].eventTime", "with zone"),
        (document(event("Event")), "$.epcisBody.eventList[0].type", "not one of ObjectEvent"),
        (document(event(myField=1)), "$.epcisBody.eventList[0].myField", "with a prefix"),
        (
            document(event(quantityList=[{"epcClass": CLASS, "x": 1}])),
            "$.epcisBody.eventList[0].quantityList[0].x",
            "no property here",
        ),
        (document(event(epcList=[sgtin(1), sgtin(1)])), "$.epcisBody.eventList[0]", "twice"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(value: Any, field: str, message: str) -> None:
    (fault,) = (
        item for item in read_document(raw(value)).events if not isinstance(item, EventRead)
    )
    assert fault.field == field
    assert message in fault.message
