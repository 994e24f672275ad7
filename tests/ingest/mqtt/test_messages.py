import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.mqtt import BatchRecorder, Message, TopicRules, decode, read_topic_rules
from ingest.parsing.events import Event, Fault, StockEvent
from ingest.parsing.parser import EventParser
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Invalid
from stocktide.foundation.settings import Settings
from tests.ingest.mqtt.brokers import as_binary
from tests.ingest.samples import event

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHELF = "shop/S1/shelf/d7/count"
CONFIG: dict[str, Any] = {
    "mqtt": {
        "topics": [
            {"topic": "shop/{location}/shelf/{device}/count", "kind": "reading"},
            {
                "topic": "till/{location}/+",
                "kind": "sale",
                "source": "/till/{location}",
                "fields": {"product": "sku", "quantity": "n"},
                "constants": {"currency": "EUR"},
            },
        ],
        "devices": {"d7": {"product": "A"}},
    }
}
STRUCTURED = "application/cloudevents+json"


def rules() -> TopicRules:
    return read_topic_rules("stocktide/#", CONFIG)


def message(topic: str, payload: bytes, **more: Any) -> Message:
    return Message(topic, payload, NOW, **{"mid": 5, "qos": 1, "five": True, **more})


def parsed(it: Message) -> Event | Fault:
    """What the message says, events without a time as of now."""
    one = decode(it, rules(), "test-1")
    if one.fault is not None:
        return one.fault
    raw = one.raw if one.undated is None else one.undated.dated(NOW)
    event = EventParser(Settings()).parse(raw)
    return one.match.held(event) if one.whole and not isinstance(event, Fault) else event


def binary(it: dict[str, Any], **changes: Any) -> Message:
    payload, carried = as_binary(it)
    return message(
        "stocktide/x",
        changes.get("payload", payload),
        content_type=changes.get("content_type", carried["ContentType"]),
        properties=[*carried["UserProperty"], *changes.get("more", [])],
    )


def test_message_is_the_same_event_in_both_modes_and_by_3_1_1() -> None:
    sale = event("sale", "e1", price="1.50")
    body = json.dumps(sale).encode()
    expected = EventParser(Settings()).parse(body)
    assert isinstance(expected, StockEvent)
    for content_type in (
        STRUCTURED,
        f"{STRUCTURED}; charset=utf-8",
        "Application/CloudEvents+JSON",
    ):
        assert parsed(message("stocktide/x", body, content_type=content_type)) == expected
    latin = json.dumps(sale).encode("utf-16")
    assert parsed(message("x", latin, content_type=f"{STRUCTURED}; charset=utf-16")) == expected
    assert parsed(message("stocktide/x", body, five=False)) == expected
    assert parsed(binary(sale)) == expected
    # the example of the binding repeats the content type as a property; other properties are the senders' own
    more = [("datacontenttype", "application/json"), ("trace-id", "7")]
    assert parsed(binary(sale, more=more)) == expected


def test_binary_mode_keeps_extensions_and_what_is_no_json() -> None:
    one = decode(binary(event("sale"), more=[("tenant", "north")]), rules(), "test-1")
    carried = json.loads(one.raw)
    assert carried["tenant"] == "north"
    assert "datacontenttype" not in carried
    one = decode(
        binary(event("sale"), payload=b"\x00\x01", content_type="image/png"), rules(), "test-1"
    )
    assert json.loads(one.raw)["data_base64"] == "AAE="
    assert json.loads(one.raw)["datacontenttype"] == "image/png"
    assert "data" not in json.loads(one.raw)


@pytest.mark.parametrize(
    ("it", "reason", "said"),
    [
        (binary(event("sale"), payload=b'{"product":'), "malformed_json", "The payload is not JSON"),
        (binary(event("sale"), payload=b'{},"id":"other"'), "malformed_json", "payload is not JSON"),
        (binary(event("sale"), more=[("id", "other")]), "wrong_type", "id stands there twice"),
        (message("x", b"{}", content_type="application/cloudevents+avro"), "content_type", "avro"),
        (message("x", b"[]", content_type="application/cloudevents-batch+json"), "content_type", "one event a message"),
        (message("x", b"{}", content_type=f"{STRUCTURED}; charset=klingon"), "bad_encoding", "klingon"),
        (message("x", b"{}", content_type="text/plain"), "no_rule", "no topic mapping applies"),
        (message(SHELF, b"[1]"), "wrong_type", "neither a number nor an object"),
        (message(SHELF, b'{"observed":'), "malformed_json", "Not JSON"),
        (message(SHELF, b'{"observed": 1, "location": "S2"}'), "wrong_topic", "'S1' in the topic and 'S2'"),
        (message(SHELF, b'{"observed": 1, "id": {}}'), "wrong_type", "id is neither a text nor a number"),
        (message(SHELF, b'{"observed": 1, "time": 1e300}'), "time_range", "out of range"),
        (message(SHELF, b"4", retain=True), "missing_field", "nobody knows how old it is"),
        (message("till/S1/a", b'{"sku": "A", "n": 1}'), "missing_field", "needs an id"),
    ],
)  # fmt: skip
def test_message_that_is_no_event_says_why(it: Message, reason: str, said: str) -> None:
    fault = parsed(it)
    assert isinstance(fault, Fault)
    assert (fault.reason, said in fault.message) == (reason, True), fault.message


def test_specversion_among_the_properties_makes_it_binary_mode_and_what_lacks_is_named() -> None:
    it = message("stocktide/x", b"{}", properties=[("specversion", "1.0"), ("id", "1")])
    fault = parsed(it)
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.field) == ("missing_field", "source")


def test_plain_json_takes_fields_from_topic_payload_device_and_constants() -> None:
    reading = parsed(message(SHELF, b' {"observed": 3.250, "id": "x1", "time": 1772366400} '))
    assert isinstance(reading, StockEvent)
    assert (reading.source, reading.event_id) == (f"mqtt/{SHELF}", f"{SHELF}#x1")
    assert (reading.product, reading.location, reading.counterparty) == ("A", "S1", "d7")
    assert (reading.observed_milli, reading.occurred_at) == (3250, NOW)
    sale = parsed(
        message("till/S 2/b", b'{"sku": "B", "n": "2", "seq": 9, "time": "2026-03-01T12:00:00Z"}')
    )
    assert isinstance(sale, StockEvent)
    assert (sale.source, sale.event_id) == ("/till/S%202", "till/S 2/b#9@2026-03-01T12:00:00Z")
    assert (sale.product, sale.location, sale.quantity_milli, sale.currency) == (
        "B",
        "S 2",
        -2000,
        "EUR",
    )


@pytest.mark.parametrize(
    ("payload", "identity"),
    [
        (b'{"observed": 1, "id": 17, "seq": 2}', f"{SHELF}#17"),
        (b'{"observed": 1, "seq": 0}', f"{SHELF}#0"),
        (b'{"observed": 1, "sequence": "a", "time": 1772366400000}', f"{SHELF}#a@1772366400000"),
        (b'{"observed": 1, "time": "2026-03-01T12:00:00Z"}', f"{SHELF}@2026-03-01T12:00:00Z"),
        (b"1", f"{SHELF}@{NOW.isoformat()}"),
    ],
)
def test_plain_json_makes_its_id_of_topic_and_what_the_payload_says(
    payload: bytes, identity: str
) -> None:
    reading = parsed(message(SHELF, payload))
    assert isinstance(reading, StockEvent), reading
    assert (reading.event_id, reading.occurred_at) == (identity, NOW)


def test_redelivery_of_a_message_without_time_is_a_duplicate(database: sa.Engine) -> None:
    recorder = Recorder(database, Settings(create_on_first_sight=True))
    batches = BatchRecorder(recorder, rules(), "test-1")

    def record(payload: bytes, *, after_s: int, **more: Any) -> dict[str, int]:
        before = batches.outcomes.copy()
        it = message(SHELF, payload, **more)
        received_at = NOW + timedelta(seconds=after_s)
        batches.record([msgspec.structs.replace(it, received_at=received_at)])
        return dict(batches.outcomes - before)

    assert record(b"4", after_s=0, mid=1) == {"accepted": 1}
    assert record(b"4", after_s=1, mid=1, dup=True) == {"duplicate": 1}
    # the same value again, under the same packet id, is another observation
    assert record(b"4", after_s=2, mid=1) == {"accepted": 1}
    assert record(b"4", after_s=3, mid=1, dup=True) == {"duplicate": 1}
    # one that was never seen before, although the broker sent it: it is recorded now
    assert record(b"5", after_s=4, mid=2, dup=True) == {"accepted": 1}
    # an id, but no time: whoever sends it again, and whenever
    assert record(b'{"observed": 6, "id": "a"}', after_s=5, mid=3) == {"accepted": 1}
    assert record(b'{"observed": 6, "id": "a"}', after_s=6, mid=4) == {"duplicate": 1}
    assert record(b'{"observed": 7, "id": "a"}', after_s=7, mid=5) == {"conflict": 1}
    # all but one were seen longer ago than a session lives
    with database.begin() as connection:
        connection.execute(
            sa.text("UPDATE mqtt_first_seen SET seen_at = now() WHERE key = :key"),
            {"key": hashlib.sha256(f"mqtt/{SHELF} {SHELF}#a".encode()).hexdigest()},
        )
    batches.forget_old()
    with database.connect() as connection:
        left = connection.execute(sa.text("SELECT count(*) FROM mqtt_first_seen")).scalar_one()
    assert left == 1


@pytest.mark.parametrize(
    ("setting", "config", "said"),
    [
        ("a/#/b", {}, "no MQTT topic filter"),
        ("a/b+", {}, "no MQTT topic filter"),
        ("a/x{location}/b", {}, "must be a whole level"),
        ("a/{location}/b", {}, "names fields, but no kind"),
        ("a/{location}/{location}=reading", {}, "names a field twice"),
        ("a/b=sail", {}, "kind 'sail' is unknown"),
        ("$share/g/a", {}, "STOCKTIDE_MQTT_GROUP"),
        (" , ", {}, "No topic to listen to"),
        ("a", {"mqtt": {"topcs": []}}, r"\[mqtt\].*topcs"),
        ("a", {"mqtt": {"topics": [{"topic": "a", "kind": "sale", "value": "count"}]}}, "no field 'count'"),
        ("a", {"mqtt": {"topics": [{"topic": "a", "kind": "sale", "source": "/{shop}"}]}}, "names {shop}"),
        ("a", {"mqtt": {"topics": [{"topic": "a/{x}", "feed": "mqtt {shop}"}]}}, "feed names {shop}"),
        ("a", {"mqtt": {"topics": [{"topic": "a/{till}", "feed": "{till}"}]}}, "begin with 'mqtt '"),
    ],
)  # fmt: skip
def test_topic_rules_name_what_is_wrong(setting: str, config: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read_topic_rules(setting, config)


def test_topic_rules_subscribe_in_order_and_as_shares_of_a_group() -> None:
    found = read_topic_rules("a/{location}/{device}=reading, b/#, b/#", CONFIG)
    assert found.filters(None) == ["shop/+/shelf/+/count", "till/+/+", "a/+/+", "b/#"]
    assert found.filters("g")[0] == "$share/g/shop/+/shelf/+/count"
    for _ in range(2):
        match = found.find("a/S1/d1")
        assert (match.rule.kind, match.levels) == ("reading", {"location": "S1", "device": "d1"})
        assert found.find("b/c").rule.filter == "b/#"
        assert found.find("a/S1/d1/more").rule.kind is None


JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "seq", "time", "observed", "product", "device", "specversion"]),
            inner,
        )
    ),
    max_leaves=8,
)
PAYLOADS = st.binary(max_size=40) | JSON_LIKE.map(lambda it: json.dumps(it).encode())


@settings(max_examples=300)
@given(
    topic=st.sampled_from([SHELF, "till/S1/a", "stocktide/x"]),
    payload=PAYLOADS,
    content_type=st.none()
    | st.text(max_size=20)
    | st.sampled_from([STRUCTURED, "application/json; charset=x"]),
    properties=st.lists(
        st.tuples(
            st.sampled_from(["specversion", "id", "source", "type", "time", "data", "x-y"]),
            st.text(max_size=5),
        )
    ),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_whatever_comes_is_an_event_or_a_fault(
    topic: str,
    payload: bytes,
    content_type: str | None,
    properties: list[tuple[str, str]],
    flags: tuple[bool, bool, bool],
) -> None:
    five, dup, retain = flags
    it = message(
        topic,
        payload,
        content_type=content_type,
        properties=properties,
        five=five,
        dup=dup,
        retain=retain,
    )
    assert isinstance(parsed(it), Event | Fault)


def test_what_the_database_cannot_hold_is_kept_as_a_reject_and_does_not_come_again(
    database: sa.Engine,
) -> None:
    batches = BatchRecorder(
        Recorder(database, Settings(create_on_first_sight=True)), rules(), "test-1"
    )
    batches.record(
        [
            message(SHELF, b'{"observed": 1, "id": "a\\u0000b"}'),
            message(SHELF, b'{"observed": 1, "id": "\\ud800"}'),
            message(SHELF, b'{"observed": 1, "id": "good"}'),
        ]
    )
    assert batches.outcomes == {"accepted": 1, "rejected": 2}
    with database.connect() as connection:
        reasons = (
            connection.execute(sa.text("SELECT reason FROM rejects ORDER BY 1")).scalars().all()
        )
    assert reasons == ["bad_text", "malformed_json"]
