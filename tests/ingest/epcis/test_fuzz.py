"""Whatever is sent, the answer is one of those that the routes promise: never 5xx."""

import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Api
from tests.ingest.epcis.documents import bare, document, event, sgtin
from tests.ingest.epcis.model.test_models import FULL, JUNK, PLACES, SHARED, mutated
from tests.ingest.epcis.query.test_query import QUERIES

FUZZ = settings(
    max_examples=250,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PROMISED = {200, 201, 202, 400, 404, 409, 413, 415}
# What JSON can hold and databases cannot: NUL, half a pair, numbers beyond all bounds, very long texts.
NASTY: list[Any] = [
    "\x00", "\ud800", "urn:x:\ud800", "urn:x:\x00", 10**400, -(10**30), 1e308, 1e-308, "urn:x:" + "y" * 5_000,
    "https://id.gs1.org/01/04012345123456/21/" + "ä" * 3_000, "urn:epc:id:sgtin:0614141.107346." + "(" * 2_000,
    "9999-12-31T23:59:59.999-14:00", "0001-01-01T00:00:00Z", "2016-12-31T23:59:60Z",
    "2026-03-01T09:00:00.123456789012Z", [[]] * 3, {"@context": 1}, "::", "urn:epc:id:sgtin:...",
    "urn:epc:idpat:sgtin:*.*.*", "https://id.gs1.org/00/", "%00", "|", "'; DROP TABLE epcis_events; --", "{}", "\\",
]  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
    | st.sampled_from(NASTY),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def send(api: Api, content: bytes, route: str, behaviour: str = "proceed") -> int:
    answer = api.ingest.post(
        f"/v1/epcis/{route}",
        content=content,
        headers={"content-type": "application/json", "GS1-Capture-Error-Behaviour": behaviour},
    )
    assert answer.status_code in PROMISED, (content[:2_000], answer.text)
    return answer.status_code


@given(
    place=st.sampled_from(PLACES),
    change=st.sampled_from(["remove", "replace", "replace", "replace", "add", "extend"]),
    junk=st.sampled_from([*JUNK, *NASTY]) | json_values,
    behaviour=st.sampled_from(["rollback", "proceed"]),
)
@FUZZ
def test_changed_documents_are_answered(
    api: Api, place: tuple[Any, ...], change: str, junk: Any, behaviour: str
) -> None:
    send(api, json.dumps(mutated(place, change, junk)).encode(), "capture", behaviour)


@given(
    kind=st.sampled_from(sorted(FULL)),
    name=st.sampled_from([*SHARED, "epcList", "quantityList", "action", "type", "eventTime", "ilmd", "@context"]),
    value=st.sampled_from([*JUNK, *NASTY]) | json_values,
)  # fmt: skip
@FUZZ
def test_changed_events_are_answered(api: Api, kind: str, name: str, value: Any) -> None:
    content = json.dumps({**bare(kind), "bizStep": "receiving", name: value}).encode()
    if send(api, content, "events") == 201:
        newest = {"orderBy": "recordTime", "eventCountLimit": "2"}
        answer = api.read.get("/v1/epcis/events", params=newest)
        assert answer.status_code == 200, (content[:2_000], answer.text)


@given(data=st.data())
@settings(FUZZ, max_examples=150)
def test_broken_bytes_are_answered(api: Api, data: st.DataObject) -> None:
    whole = json.dumps(document(event(epcList=[sgtin(1)]))).encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    content = whole[:start] + data.draw(st.binary(max_size=20)) + whole[end:]
    send(api, content, data.draw(st.sampled_from(["capture", "events"])))


PARAMETERS = sorted({name for query, _ in QUERIES for name in query} | {"perPage", "nextPageToken"})


@given(
    parameters=st.dictionaries(
        st.sampled_from(PARAMETERS) | st.text(max_size=20),
        st.sampled_from([one for one in NASTY if isinstance(one, str) and one.isprintable()])
        | st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        max_size=4,
    )
)
@FUZZ
def test_strange_queries_are_answered(api: Api, parameters: dict[str, str]) -> None:
    answer = api.read.get("/v1/epcis/events", params=parameters)
    assert answer.status_code in PROMISED, (parameters, answer.text)


def test_strange_addresses_are_not_found(api: Api) -> None:
    for value in (one for one in NASTY if isinstance(one, str)):
        text = quote(value.encode("utf-8", "replace"), safe="")
        for route in ("events", "capture", "eventTypes"):
            client = api.ingest if route == "capture" else api.read
            answer = client.get(f"/v1/epcis/{route}/{text}")
            assert answer.status_code in PROMISED, (value[:100], answer.text)
