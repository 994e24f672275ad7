"""The event hash against published pre-hash strings and hashes.

They come from the examples of CBV 2.0 as the authors of the algorithm publish them for version CBV2.0 (repository
RalphTro/epcis-event-hash-generator, tests/examples/expected/CBV2.0).
"""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.epcis.model.document import EventRead, read_bare_event
from ingest.epcis.model.hash import event_hash, pre_hash
from ingest.epcis.model.reading import decode
from tests.ingest.epcis.documents import bare, event, raw, sgtin

NS = "https://ns.example.com/epcis/"
EXT = [f"http://example.com/ext{number}/" for number in (1, 2, 3)]


def read(
    kind: str = "ObjectEvent", prefixes: dict[str, str] | None = None, **fields: Any
) -> EventRead:
    context = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", prefixes or {}]
    return read_bare_event(raw({**bare(kind, **fields), "@context": context}))


def hash_of(one: EventRead) -> str:
    return event_hash(one.value, one.prefixes)


def test_hash_is_the_published_one_of_containers_and_own_fields() -> None:
    one = read(
        prefixes={"example": NS},
        eventTime="2020-03-04T11:00:30.000+01:00",
        epcList=[f"urn:epc:id:sscc:4012345.0000000{digit * 3}" for digit in "312"],
        bizStep="departing",
        readPoint={"id": "urn:epc:id:sgln:4012345.00011.987"},
        **{  # type: ignore[arg-type]
            "example:myField1": {"example:mySubField1": "2", "example:mySubField2": "5"},
            "example:myField2": "0",
            "example:myField3": {"example:mySubField3": ["3", "1"]},
        },
    )
    assert hash_of(one) == (
        "ni:///sha-256;6ae96341e0acc6d7a261364751f60e68278a81cdf51da0abb6b4e617014e39d7?ver=CBV2.0"
    )


def test_hash_is_the_published_one_of_sensor_data() -> None:
    one = read(
        eventTime="2020-04-01T15:00:00+01:00",
        epcList=["urn:epc:id:sgtin:4012345.011111.9876"],
        bizStep="inspecting",
        readPoint={"id": "urn:epc:id:sgln:4012345.00005.0"},
        sensorElementList=[
            {
                "sensorMetadata": {
                    "deviceID": "urn:epc:id:giai:4000001.111",
                    "deviceMetadata": "https://id.gs1.org/8004/4000001111",
                },
                "sensorReport": [
                    {"type": "Temperature", "value": 26, "sDev": 0.1, "uom": "CEL"},
                    {"type": "AbsoluteHumidity", "value": 12.1, "uom": "A93"},
                    {
                        "type": "Dimensionless",
                        "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
                        "value": 0.05,
                        "uom": "C35",
                    },
                    {
                        "type": "Dimensionless",
                        "chemicalSubstance": "urn:epcglobal:cbv:inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N",
                        "value": 0.18,
                        "uom": "C35",
                    },
                ],
            }
        ],
    )
    assert hash_of(one) == (
        "ni:///sha-256;271565c346ae2fb28c4583c4dca4ab4772d465eb4e0b6e548d77d8b49377d95c?ver=CBV2.0"
    )


def test_hash_is_the_published_one_of_parties_and_transactions() -> None:
    one = read(
        prefixes={"example": NS},
        eventTime="2020-03-04T11:00:30+01:00",
        epcList=["urn:epc:id:sgtin:0614141.011111.987"],
        bizStep="departing",
        disposition="in_transit",
        readPoint={"id": "urn:epc:id:sgln:4012345.00011.0", "example:myField1": "AB-12"},
        bizTransactionList=[{"type": "po", "bizTransaction": "urn:epc:id:gdti:4012345.11111.123"}],
        sourceList=[{"type": "owning_party", "source": "urn:epc:id:pgln:4012345.00000"}],
        destinationList=[{"type": "owning_party", "destination": "urn:epc:id:pgln:0614141.00000"}],
        **{"example:userExt": "CD-34"},
    )
    assert pre_hash(one.value, one.prefixes).endswith(
        f"destination=https://id.gs1.org/417/0614141000005readPoint{{{NS}}}myField1=AB-12{{{NS}}}userExt=CD-34"
    )
    assert hash_of(one) == (
        "ni:///sha-256;3ae14c02c4bdc220cc31942cf804f6845eb8dec96ba6483391c92a9b165f9329?ver=CBV2.0"
    )


def test_hash_is_the_published_one_of_every_gs1_key() -> None:
    one = read(
        eventTime="2023-03-27T11:30:00.0Z",
        epcList=[
            "urn:epc:id:sgtin:4012345.012345.12",
            "urn:epc:id:sscc:4012345.0000000333",
            "https://id.gs1.org/00/040123450000003338",
            "urn:epc:id:grai:4012345.66666.87",
            "urn:epc:id:giai:4012345.AAbb",
            "urn:epc:id:gsrn:4012345.9876540000",
            "urn:epc:id:gsrnp:4012345.0000098765",
            "urn:epc:id:gdti:4012345.55555.98",
            "urn:epc:id:cpi:4012345.ABC.123",
            "urn:epc:id:sgcn:4012345.99999.44",
            "urn:epc:id:ginc:4012345.333",
            "urn:epc:id:gsin:4012345.999987654",
            "urn:epc:id:itip:4012345.012345.01.02.999",
            "urn:epc:id:upui:4012345.012345.AB12",
        ],
        quantityList=[
            {"epcClass": "urn:epc:class:lgtin:4054739.099914.20160711"},
            *({"epcClass": f"urn:epc:idpat:{tail}.*"} for tail in (
                "sgtin:4054739.099914", "grai:4012345.66666", "gdti:4012345.55555", "sgcn:4012345.99999",
                "cpi:4012345.ABC", "itip:4012345.012345.01.02",
            )),
        ],
        bizStep="other",
        readPoint={"id": "urn:epc:id:sgln:4012345.00011.987"},
    )  # fmt: skip
    assert hash_of(one) == (
        "ni:///sha-256;40744f32beff53a4bf5bb5956d465cb52de5bbcc9f131409d8efb903b04d9351?ver=CBV2.0"
    )


def own_fields() -> dict[str, Any]:
    """The extension fields that the published example of all fields carries in three places."""

    def inner(*texts: str, number: dict[str, str], end: str) -> dict[str, Any]:
        deepest = {"ext2:object": {"ext3:string": f"stringInObjectInObject{end}"}}
        return {
            "ext2:array": list(texts), "ext2:object": deepest, **number, "ext2:string": f"stringInObject{end}",
        }  # fmt: skip

    in_array = inner(
        "14", "23.0", "stringInArrayInObjectInArray", number={"ext2:int": "13"}, end="InArray"
    )
    return {
        "ext1:float": "20",
        "ext1:time": "2013-06-08T14:58:56.591Z",
        "ext1:array": [
            "12", "22", "2013-06-08T14:58:56.591Z", "true", "stringInArray", {"ext1:object": {"ext1:object": in_array}},
        ],
        "ext1:boolean": "true",
        "ext1:object": inner("11", "21", "stringInArrayInObject", number={}, end=""),
        "ext1:default": "stringAsDefaultValue",
        "ext1:int": "10",
        "ext1:string": "string",
    }  # fmt: skip


def test_hash_is_the_published_one_of_all_fields_of_an_object_event() -> None:
    device = "urn:epc:id:giai:4000001.111"
    raw_data = "https://example.org/8004/401234599999"
    method = "https://example.com/253/4012345000054987"
    parties = ("location", "possessing_party", "owning_party")
    key = {"location": "sgln", "possessing_party": "pgln", "owning_party": "pgln"}
    tail = {"sgln": ".0", "pgln": ""}
    report = {
        "type": "Temperature", "deviceID": device, "deviceMetadata": "https://id.gs1.org/8004/4000001111",
        "rawData": raw_data, "dataProcessingMethod": method, "time": "2019-07-19T13:00:00.000Z",
        "microorganism": "https://www.ncbi.nlm.nih.gov/taxonomy/1126011",
        "chemicalSubstance": "https://identifiers.org/inchikey:CZMRCDWAGMRECN-UGDNZRGBSA-N", "value": 26,
        "component": "example:x", "stringValue": "SomeString", "booleanValue": True, "hexBinaryValue": "f0f0f0",
        "uriValue": "https://id.gs1.org/8004/4000001111", "minValue": 26, "maxValue": 26.2, "meanValue": 13.2,
        "percRank": 50, "percValue": 12.7, "uom": "CEL", "sDev": 0.1, "ext1:someFurtherReportData": "someText",
    }  # fmt: skip
    metadata = {
        "time": "2019-04-02T13:05:00.000Z", "deviceID": device, "rawData": raw_data,
        "deviceMetadata": "https://id.gs1.org/8004/4000001111", "startTime": "2019-04-02T12:55:01.000Z",
        "endTime": "2019-04-02T13:55:00.000Z", "dataProcessingMethod": method, "bizRules": method,
        "ext1:someFurtherMetadata": "someText",
    }  # fmt: skip
    master = {
        "countryOfExport": "KR", "grossWeight": "3.5", "netWeight": "3.5", "countryOfOrigin": "GB",
        "drainedWeight": "3.5", "lotNumber": "ABC123",
    }  # fmt: skip
    one = read(
        prefixes={f"ext{number + 1}": EXT[number] for number in range(3)},
        eventTime="2005-04-05T02:33:31.116Z",
        eventTimeZoneOffset="-06:00",
        eventID="urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        certificationInfo="https://accreditation-council.example.org/certificate/ABC12345",
        errorDeclaration={
            "declarationTime": "2006-11-07T14:00:00.000+01:00",
            "reason": "incorrect_data",
        },
        epcList=[sgtin(2018)],
        action="ADD",
        bizStep="receiving",
        disposition="in_progress",
        readPoint={"id": "urn:epc:id:sgln:0012345.11111.400"},
        bizLocation={"id": "urn:epc:id:sgln:0012345.11111.0"},
        bizTransactionList=[
            {"type": "po", "bizTransaction": "urn:epc:id:gdti:0614141.00001.1618034"},
            {"type": "pedigree", "bizTransaction": "urn:epc:id:gsrn:0614141.0000010253"},
        ],
        quantityList=[
            {"epcClass": "urn:epc:class:lgtin:4012345.012345.998877", "quantity": 200, "uom": "KGM"}
        ],
        sourceList=[
            {"type": kind, "source": f"urn:epc:id:{key[kind]}:4012345.00225{tail[key[kind]]}"}
            for kind in parties
        ],
        destinationList=[
            {"type": kind, "destination": f"urn:epc:id:{key[kind]}:0614141.00777{tail[key[kind]]}"}
            for kind in parties
        ],
        sensorElementList=[{"sensorMetadata": metadata, "sensorReport": [report], **own_fields()}],
        persistentDisposition={
            "unset": ["completeness_inferred"],
            "set": ["completeness_verified"],
        },
        ilmd={**own_fields(), **{f"cbvmda:{name}": value for name, value in master.items()}},
        **own_fields(),
    )
    assert hash_of(one) == (
        "ni:///sha-256;9811bfb2672e9c3a0f6151be339d22b60db375c8b23d2740f6137cc6539f0639?ver=CBV2.0"
    )


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"bizStep": "shipping"}, {"bizStep": "urn:epcglobal:cbv:bizstep:shipping"}),
        ({"bizStep": "shipping"}, {"bizStep": "https://ref.gs1.org/cbv/BizStep-shipping"}),
        ({"bizStep": "shipping"}, {"bizStep": "cbv:BizStep-shipping"}),
        ({"epcList": [sgtin(7)]}, {"epcList": ["https://example.com/01/10614141073464/21/7"]}),
        ({"epcList": [sgtin(7), sgtin(8)]}, {"epcList": [sgtin(8), sgtin(7)]}),
        ({"epcList": [sgtin(7)]}, {"epcList": ["https://example.com/x/01/10614141073464/10/A/21/7?17=261231"]}),
        ({"eventTime": "2026-03-01T10:00:00Z"}, {"eventTime": "2026-03-01T11:00:00.0000+01:00"}),
        ({"eventID": "urn:a:1"}, {"eventID": "urn:a:2"}),
        ({"example:a": 1}, {"https://ns.example.com/epcis/a": 1.0}),
        ({"example:a": "x"}, {"example:a": " x ", "rdfs:comment": "nothing"}),
    ],
)  # fmt: skip
def test_hash_is_one_when_the_same_is_spelled_otherwise(left: Any, right: Any) -> None:
    prefixes = {"example": NS}
    assert hash_of(read(prefixes=prefixes, **left)) == hash_of(read(prefixes=prefixes, **right))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"bizStep": "shipping"}, {"bizStep": "receiving"}),
        ({"epcList": [sgtin(7)]}, {"epcList": [sgtin(8)]}),
        ({"action": "ADD"}, {"action": "DELETE"}),
        ({"eventTime": "2026-03-01T10:00:00.001Z"}, {"eventTime": "2026-03-01T10:00:00.002Z"}),
        ({"readPoint": {"id": "urn:a:b", "example:z": "1"}}, {"readPoint": {"id": "urn:a:b"}}),
        ({"example:a": {"example:b": 1}}, {"example:a": {"example:c": 1}}),
        ({"example:a": True}, {"example:a": False}),
        ({"example:a": None, "example:b": 1}, {"example:b": 1}),
    ],
)
def test_hash_differs_when_something_differs(left: Any, right: Any) -> None:
    whole = [{**bare(), **fields} for fields in (left, right)]
    one, other = (read_bare_event(raw(value)) for value in whole)
    assert hash_of(one) != hash_of(other)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=50)
def test_hash_is_one_in_whatever_order_lists_and_properties_come(seed: int) -> None:
    rng = random.Random(seed)
    quantities = [{"epcClass": f"urn:example:class:{n}", "quantity": n / 4} for n in range(4)]
    value = event(
        "TransformationEvent",
        inputEPCList=[sgtin(n) for n in range(5)],
        inputQuantityList=quantities,
        **{
            "example:a": ["3", {"example:b": [1, 2]}, "1"],
            "example:c": {"example:d": 1, "example:e": 2},
        },
    )

    def shuffled(item: Any) -> Any:
        if isinstance(item, dict):
            return {name: shuffled(item[name]) for name in rng.sample(list(item), len(item))}
        if isinstance(item, list):
            return [shuffled(part) for part in rng.sample(item, len(item))]
        return item

    assert event_hash(decode(raw(shuffled(value))), {"example": NS}) == event_hash(
        decode(raw(value)), {"example": NS}
    )
