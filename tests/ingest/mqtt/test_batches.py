import base64
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

import ingest.mqtt.batches
from ingest.mqtt import BatchRecorder, Message, read_topic_rules
from ingest.mqtt.first_seen import first_seen
from ingest.mqtt.plain import Undated
from ingest.recording.recording import Recorder
from stocktide.foundation.keys import Limits, create_key
from stocktide.foundation.settings import Settings
from tests.ingest.mqtt.brokers import as_binary, as_structured
from tests.ingest.samples import event

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SHELF = "shop/S1/shelf/d7/count"
CONFIG: dict[str, Any] = {
    "mqtt": {
        "topics": [
            {
                "topic": "shop/{location}/shelf/{device}/count",
                "kind": "reading",
                "feed": "mqtt {device}",
            },
            {"topic": "long/#", "kind": "reading", "constants": {"location": "S1"}},
        ],
        "devices": {f"d{number}": {"product": "A"} for number in range(20)},
    }
}


@pytest.fixture
def batches(database: sa.Engine) -> BatchRecorder:
    recorder = Recorder(database, Settings(create_on_first_sight=True))
    return BatchRecorder(recorder, read_topic_rules("stocktide/#", CONFIG), "test-1")


def message(topic: str, payload: bytes, carried: Any = None, **more: Any) -> Message:
    properties = {
        "content_type": (carried or {}).get("ContentType"),
        "properties": (carried or {}).get("UserProperty", ()),
    }
    return Message(topic, payload, NOW, **{"qos": 1, "five": True, **properties, **more})


def incompressible(characters: int) -> str:
    """Text that Postgres cannot make short enough for an index."""
    return base64.b64encode(random.Random(5).randbytes(characters)).decode()[:characters]


def rejects(database: sa.Engine) -> list[Any]:
    query = (
        "SELECT feed, reason, field, message, content_type, raw FROM rejects ORDER BY feed, reason"
    )
    with database.connect() as connection:
        return list(connection.execute(sa.text(query)))


def minutes(database: sa.Engine) -> dict[str, tuple[int, int]]:
    query = "SELECT feed, sum(accepted), sum(rejected) FROM feed_minutes GROUP BY feed"
    with database.connect() as connection:
        rows = connection.execute(sa.text(query))
        return {feed: (int(accepted), int(refused)) for feed, accepted, refused in rows}


def test_long_id_or_topic_is_one_reject_and_stops_nothing(
    database: sa.Engine, batches: BatchRecorder
) -> None:
    long = incompressible(6_000)
    level = long.replace("/", "-")
    product = b'"observed": 1, "product": "A"'
    batches.record(
        [
            message(SHELF, json.dumps({"observed": 1, "id": long}).encode()),
            message(SHELF, json.dumps({"observed": 1, "seq": long, "time": "2026-03-01"}).encode()),
            message(f"long/{long}", b"{" + product + b', "seq": 4}'),
            message(f"long/{long}", b"{" + product + b"}"),
            message(SHELF, json.dumps({**event("reading", event_id=long)}).encode()),
            message("stocktide/x", b"x", {"ContentType": long}),
            message(f"shop/{level}/shelf/d7/count", *as_structured(event("reading"))),
            message(SHELF, b'{"observed": 1, "id": "good"}'),
        ]
    )
    assert batches.outcomes == {"accepted": 1, "rejected": 7}
    found = rejects(database)
    assert {row.reason for row in found} == {"wrong_type", "no_rule", "wrong_topic"}
    assert all(len(row.message) <= 1_000 for row in found)
    assert all(row.message.startswith("Topic ") for row in found)


def test_first_sight_is_kept_for_keys_of_any_length_and_text(database: sa.Engine) -> None:
    keys = [incompressible(8_051), "a\x00b", "\ud800", "short", "short"]
    moments = [NOW + timedelta(seconds=index) for index in range(len(keys))]
    undated = [
        Undated(key, True, moment, {}, "t") for key, moment in zip(keys, moments, strict=True)
    ]
    with database.begin() as connection:
        assert first_seen(connection, undated) == [*moments[:4], moments[3]]
    with database.begin() as connection:
        later = [Undated(key, True, NOW + timedelta(hours=1), {}, "t") for key in keys]
        assert first_seen(connection, later) == [*moments[:4], moments[3]]
        found = connection.execute(sa.text("SELECT key FROM mqtt_first_seen")).scalars().all()
    assert {len(key) for key in found} == {64}


def failure(name: str) -> OperationalError:
    return OperationalError("INSERT", {}, getattr(psycopg.errors, name)("refused"))


def test_message_that_breaks_its_batch_is_kept_and_the_others_are_recorded(
    database: sa.Engine, batches: BatchRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(connection: sa.Connection, undated: list[Undated]) -> list[datetime]:
        if any("bad" in (one.key or "") for one in undated):
            raise failure("ProgramLimitExceeded")
        return first_seen(connection, undated)

    monkeypatch.setattr(ingest.mqtt.batches, "first_seen", refusing)
    batches.record(
        [message(SHELF, b'{"observed": 1, "id": "%s"}' % name) for name in (b"a", b"bad", b"b")]
    )
    assert batches.outcomes == {"accepted": 2, "rejected": 1}
    (kept,) = rejects(database)
    assert (kept.feed, kept.reason) == ("mqtt d7", "not_storable")
    assert kept.message == f"Topic {SHELF}: It could not be recorded: OperationalError."


def test_database_that_is_away_takes_no_batch_apart(
    batches: BatchRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_connection: sa.Connection, _undated: list[Undated]) -> list[datetime]:
        raise failure("AdminShutdown")

    monkeypatch.setattr(ingest.mqtt.batches, "first_seen", away)
    with pytest.raises(OperationalError, match="refused"):
        batches.record([message(SHELF, b"4"), message(SHELF, b"5")])
    assert batches.outcomes == {}


def test_event_that_contradicts_its_topic_is_kept_and_not_recorded(
    database: sa.Engine, batches: BatchRecorder
) -> None:
    count = event("stocktake", location="S9", counted=0)
    batches.record([message(SHELF, *as_structured(count)), message(SHELF, *as_binary(count))])
    assert batches.outcomes == {"rejected": 2}
    with database.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM ledger")).scalar_one() == 0
    for row in rejects(database):
        assert (row.feed, row.reason, row.field) == ("mqtt d7", "wrong_topic", "type")
        assert row.message == (
            f"Topic {SHELF}: The event contradicts its topic: it is for a reading, and this is a stocktake."
        )


def test_reject_tells_its_topic_and_the_content_type_of_its_bytes(
    database: sa.Engine, batches: BatchRecorder
) -> None:
    structured = "application/cloudevents+json"
    batches.record(
        [
            message("stocktide/a", b"<event/>", {"ContentType": "text/xml"}),
            message("stocktide/b", b"\x00\xff", {"ContentType": structured}),
            message("stocktide/c", b'{"specversion": "1.0"}', five=False),
            message("stocktide/d", *as_binary(event("sale", quantity=0))),
            message(SHELF, b'"many"', {"ContentType": "text/plain; x=\ud800"}),
            # it is an event by then, made of the payload
            message(SHELF, b'{"observed": -1, "id": "x"}', {"ContentType": "application/json"}),
        ]
    )
    found = rejects(database)
    assert [(row.message.partition(":")[0], row.reason, row.content_type) for row in found] == [
        ("Topic stocktide/b", "malformed_json", structured),
        ("Topic stocktide/c", "missing_field", ""),
        ("Topic stocktide/a", "no_rule", "text/xml"),
        ("Topic stocktide/d", "not_positive", structured),
        (f"Topic {SHELF}", "negative", structured),
        (f"Topic {SHELF}", "wrong_type", "text/plain; x=?"),
    ]
    assert json.loads(found[4].raw)["specversion"] == "1.0"


def test_sensors_are_feeds_of_their_own_where_the_rule_says_so(
    database: sa.Engine, batches: BatchRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(device: int, payload: bytes) -> Message:
        return message(f"shop/S1/shelf/d{device}/count", payload)

    batches.record(
        [count(1, b"4"), count(2, b"5"), count(2, b'"many"'), message("stocktide/x", b"{}")]
    )
    assert minutes(database) == {"mqtt d1": (1, 0), "mqtt d2": (1, 1), "mqtt": (0, 1)}
    # devices make up no feeds without end
    monkeypatch.setattr(ingest.mqtt.batches, "FEEDS_MAX", 4)
    batches.record([count(number, b"6") for number in range(1, 6)])
    assert set(minutes(database)) == {"mqtt", "mqtt d1", "mqtt d2", "mqtt d3"}
    assert minutes(database)["mqtt"] == (2, 1)


def test_a_device_sends_what_the_key_of_its_feed_may_send(
    database: sa.Engine, batches: BatchRecorder
) -> None:
    with database.begin() as connection:
        create_key(connection, "mqtt d7", "ingest", Limits(sources=["/shelves/d7"]))
    topic: dict[str, Any] = {"product": "A", "location": "S1"}
    for number, source in enumerate(("/shelves/d7", "/shelves/d8")):
        sent = event("reading", f"r{number}", source=source, device="d7", **topic)
        batches.record(
            [
                message(
                    SHELF,
                    json.dumps(sent).encode(),
                    {"ContentType": "application/cloudevents+json"},
                )
            ]
        )
    assert [(row.feed, row.reason) for row in rejects(database)] == [("mqtt d7", "key_source")]
    assert batches.outcomes == {"accepted": 1, "rejected": 1}
