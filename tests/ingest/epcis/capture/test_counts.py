"""What a feed is counted to have sent."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ingest.epcis.capture.capture import capture
from ingest.epcis.model.document import read_document
from ingest.epcis.movements.post_movements import post_movements, retry_rejected
from ingest.recording.recording import Recorder
from tests.ingest.epcis.documents import SHOP, document, event, raw, sgtin
from tests.ingest.epcis.ledger_views import rows, states, take

STORED = event(eventID="urn:e:1", bizStep="storing")


def counted(database: sa.Engine) -> tuple[Any, ...]:
    """Accepted, duplicate, conflict and rejected of the feed."""
    query = (
        "SELECT coalesce(sum(accepted), 0), coalesce(sum(duplicate), 0), coalesce(sum(conflict + rejected), 0)"
        " FROM feed_minutes WHERE feed = 'till'"
    )
    return rows(database, query)[0]


def test_a_feed_whose_events_move_nothing_is_not_silent(
    recorder: Recorder, database: sa.Engine
) -> None:
    take(recorder, STORED, event("AggregationEvent"))
    assert counted(database) == (2, 0, 0)
    take(recorder, STORED)
    assert counted(database) == (2, 1, 0)
    newest = rows(database, "SELECT max(newest_occurred_at) FROM feed_minutes")
    assert newest == [(datetime(2026, 3, 1, 9, tzinfo=UTC),)]


def test_each_event_that_is_refused_counts_once(recorder: Recorder, database: sa.Engine) -> None:
    take(recorder, STORED)
    other = {**STORED, "epcList": [sgtin(2)]}
    take(recorder, event(eventID="urn:e:2"), event(eventID="urn:e:3"), other)
    assert counted(database) == (1, 0, 3)
    read = read_document(raw(document(event(eventID="urn:e:2"), {"type": "ObjectEvent"})))
    capture(recorder, "till", "application/json", read, "proceed")
    assert counted(database) == (2, 0, 4)


def test_movements_that_cannot_be_count_as_refused_when_they_are_first_tried(
    recorder: Recorder, database: sa.Engine
) -> None:
    """What moved was counted as its event was captured; trying once more is nothing that the feed did."""
    here: dict[str, Any] = {"bizStep": "receiving", "bizLocation": {"id": SHOP}}
    unknown = {**here, "epcList": ["urn:epc:id:sgtin:4012345.099999.1"]}
    take(recorder, event(eventID="urn:e:1", **here), event(eventID="urn:e:2", **unknown))
    assert states(database) == ["recorded", "rejected"]
    assert counted(database) == (2, 0, 1)
    assert retry_rejected(database) == 1
    post_movements(recorder)
    assert counted(database) == (2, 0, 1)
