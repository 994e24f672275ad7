import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.mqtt import Message, decode, read_topic_rules
from ingest.parsing.events import Event, Fault, StockEvent
from ingest.parsing.parser import EventParser
from stocktide.foundation.settings import Settings
from tests.ingest.mqtt.brokers import as_binary, as_structured
from tests.ingest.samples import event

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHELF = "shop/S1/shelf/d7/count"
CONFIG: dict[str, Any] = {
    "mqtt": {
        "topics": [
            {"topic": "shop/{location}/shelf/{device}/count", "kind": "reading"},
            {
                "topic": "till/{location}/{till}",
                "kind": "sale",
                "source": "/till/{location}/{till}",
            },
            {"topic": "line/{order_line}", "kind": "sale"},
            {"topic": "odd/{observed}", "kind": "reading"},
            {"topic": "store/{location}/#", "feed": "mqtt {location}"},
        ]
    }
}
MOVED = {"location": "S1", "product": "A", "quantity": 1, "to_location": "S2"}


def held(
    topic: str, payload: bytes, carried: dict[str, Any] | None, *, five: bool = True
) -> Event | Fault:
    """What is made of a message that carries a whole event."""
    it = Message(
        topic,
        payload,
        NOW,
        qos=1,
        five=five,
        content_type=(carried or {}).get("ContentType"),
        properties=(carried or {}).get("UserProperty", ()),
    )
    one = decode(it, read_topic_rules("stocktide/#", CONFIG), "test-1")
    assert one.fault is None
    assert one.whole
    item = EventParser(Settings()).parse(one.raw)
    assert not isinstance(item, Fault), item
    return one.match.held(item)


@pytest.mark.parametrize(
    ("topic", "it"),
    [
        (SHELF, event("reading")),
        (SHELF, event("reading", device="d7")),
        ("till/S1/7", event("sale", source="/till/S1/7")),
        ("line/3", event("sale", order_line=3)),
        ("line/3", event("sale")),
        ("store/S1/x", event("transfer")),
        ("store/S9/x", event("correction")),
        ("stocktide/x", event("stocktake", location="S9")),
    ],
)
def test_whole_event_is_taken_where_it_says_what_its_topic_says(
    topic: str, it: dict[str, Any]
) -> None:
    assert not isinstance(held(topic, *as_structured(it)), Fault)
    assert not isinstance(held(topic, *as_binary(it)), Fault)
    assert not isinstance(held(topic, json.dumps(it).encode(), None, five=False), Fault)


CONTRADICTIONS = [
    (SHELF, event("stocktake", location="S9"), "type", "it is for a reading, and this is a stocktake"),
    (SHELF, event("stocktake"), "type", "this is a stocktake"),
    (SHELF, event("correction"), "type", "this is a correction"),
    (SHELF, event("reading", location="S9"), "data.location", "location is 'S1' in it, and 'S9' here"),
    (SHELF, event("reading", device="d8"), "data.device", "device is 'd7' in it, and 'd8' here"),
    ("till/S1/7", event("sale"), "source", "its source is '/till/S1/7', and not '/shops/S1/till'"),
    ("till/S2/7", event("sale", source="/till/S2/7"), "data.location", "'S2' in it, and 'S1' here"),
    ("line/3", event("sale", order_line=4), "data.order_line", "'3' in it, and '4' here"),
    ("odd/1", event("reading"), "data.observed", "observed is a level of it, for plain JSON"),
    ("store/S9/x", event("sale"), "data.location", "'S9' in it, and 'S1' here"),
]  # fmt: skip


@pytest.mark.parametrize(("topic", "it", "field", "said"), CONTRADICTIONS)
def test_whole_event_that_contradicts_its_topic_is_refused_in_every_mode(
    topic: str, it: dict[str, Any], field: str, said: str
) -> None:
    hidden = {name: value for name, value in it.items() if name != "data"}
    hidden["data_base64"] = base64.b64encode(json.dumps(it["data"]).encode()).decode()
    for payload, carried, five in (
        (*as_structured(it), True),
        (*as_binary(it), True),
        (json.dumps(it).encode(), None, False),
        (*as_structured(hidden), True),
    ):
        fault = held(topic, payload, carried, five=five)
        assert isinstance(fault, Fault)
        assert (fault.reason, fault.field, said in fault.message) == ("wrong_topic", field, True)
        assert (fault.source, fault.event_id) == (it["source"], it["id"])


def test_whole_event_that_says_a_thing_twice_is_held_to_what_is_recorded() -> None:
    text = json.dumps(event("reading", location="S9"))[:-1] + ', "data": {"location": "S1"'
    text += ', "product": "A", "observed": 1}}'
    taken = held(SHELF, text.encode(), None)
    assert isinstance(taken, StockEvent)
    assert taken.location == "S1"


@pytest.mark.parametrize(
    ("topic", "feed"),
    [
        ("store/S1/count", "mqtt S1"),
        ("store/S 2/a/b", "mqtt S 2"),
        (SHELF, "mqtt"),
        ("nobody/knows", "mqtt"),
        # what makes no name is counted under the common one
        (f"store/{'S' * 96}/x", "mqtt"),
        ("store/S\t1/x", "mqtt"),
    ],
)
def test_topic_names_the_feed_where_its_rule_says_so(topic: str, feed: str) -> None:
    rules = read_topic_rules("stocktide/#", CONFIG)
    for payload in (b'{"observed": 1}', b"broken", b'{"specversion": "1.0"}'):
        assert decode(Message(topic, payload, NOW), rules, "test-1").match.feed == feed
