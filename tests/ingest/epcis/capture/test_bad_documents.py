"""Documents that no honest sender writes: refused with a reason, and nothing is lost."""

import json
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.epcis.capture.capture import capture
from ingest.epcis.capture.record import columns_of
from ingest.epcis.model.document import read_bare_event, read_document
from ingest.epcis.model.reading import Refused
from ingest.recording.recording import Recorder
from tests.ingest.epcis.documents import bare, document, event, raw
from tests.ingest.epcis.ledger_views import rows

# Which of the two is meant nobody can tell; what is read is the last.
REPEATED = [
    (b'"epcisBody": 5, "epcisBody": {"eventList": []}', "wrong_value"),
    (b'"epcisBody": {"eventList": {}, "eventList": []}', "wrong_value"),
    (b'"epcisBody": {"eventList": []}, "epcisBody": 5', "missing_field"),
]


@pytest.mark.parametrize(("body", "reason"), REPEATED)
def test_a_body_that_is_given_twice_in_two_shapes_is_refused(body: bytes, reason: str) -> None:
    whole = raw(document()).replace(b'"epcisBody": {"eventList": []}', body)
    assert body in whole
    with pytest.raises(Refused) as caught:
        read_document(whole)
    assert caught.value.fault.reason == reason


def test_of_two_lists_of_events_the_last_is_read_whole() -> None:
    twice = b'"epcisBody": {"eventList": [1]}, "epcisBody": {"eventList": []}'
    whole = raw(document()).replace(b'"epcisBody": {"eventList": []}', twice)
    assert read_document(whole).events == []


def nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"example:a": value}
    return value


PLACES: list[dict[str, Any]] = [
    {"example:own": nested(600)},
    {"rdfs:comment": nested(600)},
    {"example:own": nested(600), "example:text": "\u00e9"},
    {"errorDeclaration": {"declarationTime": "2026-03-02T10:00:00Z", "example:x": nested(600)}},
]


@pytest.mark.parametrize("fields", PLACES)
def test_what_is_nested_too_deeply_is_refused_wherever_it_stands(fields: dict[str, Any]) -> None:
    for given in (bare(**fields), {**bare(), "@context": [nested(600)]}):
        with pytest.raises(Refused) as caught:
            columns_of(read_bare_event(raw(given)))
        assert caught.value.fault.reason == "too_deep"


def test_what_people_nest_is_taken() -> None:
    assert columns_of(read_bare_event(raw(bare(**{"example:own": nested(90)}))))


def test_a_byte_order_mark_says_nothing() -> None:
    mark = b"\xef\xbb\xbf"
    assert len(read_document(mark + raw(document(event()))).events) == 1
    alone = read_document(mark + raw(bare()))
    assert json.loads(alone.raws[0]) == bare()
    assert read_bare_event(mark + raw(bare())).raw == raw(bare())


def header(kind: str, element: str) -> dict[str, Any]:
    listed = [{"type": kind, "vocabularyElementList": [{"id": element}]}]
    return {"epcisMasterData": {"vocabularyList": listed}}


def test_master_data_that_no_index_holds_is_refused(
    recorder: Recorder, database: sa.Engine
) -> None:
    # a hash compresses no further
    noise = "".join(f"{number * 2654435761 % 2**32:08x}" for number in range(400))
    long = header("urn:x:y", "urn:x:" + noise)
    with pytest.raises(Refused, match="more than 2500 bytes"):
        read_document(raw(document(epcisHeader=long)))
    # each may be long, both together may not
    with pytest.raises(Refused, match="more than 2500 bytes"):
        read_document(
            raw(document(epcisHeader=header("urn:y:" + noise[:1_400], "urn:x:" + noise[:1_400])))
        )
    held = document(epcisHeader=header("urn:x:y", "urn:x:" + noise[:2_400]))
    capture(recorder, "till", "application/json", read_document(raw(held)), "rollback")
    assert rows(database, "SELECT count(*) FROM epcis_vocabulary") == [(1,)]


def test_of_two_events_with_one_id_the_first_stays_and_the_other_is_a_conflict(
    recorder: Recorder, database: sa.Engine
) -> None:
    names = [f"urn:e:{n % 7}{n}" for n in range(300)]
    first = [event(eventID=name, action="OBSERVE") for name in names]
    second = [event(eventID=name, action="DELETE") for name in reversed(names)]
    read = read_document(raw(document(*first, *second)))
    done = capture(recorder, "till", "application/json", read, "proceed")
    outcomes = [outcome for outcome, _identity in done.outcomes]
    assert outcomes == ["captured"] * 300 + ["conflict"] * 300
    assert rows(database, "SELECT DISTINCT action FROM epcis_events") == [("OBSERVE",)]
    query = "SELECT count(*) FROM rejects WHERE reason = 'conflict'"
    assert rows(database, query) == [(300,)]
