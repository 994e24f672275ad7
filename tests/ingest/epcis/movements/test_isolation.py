"""One event that cannot be settled takes no other with it."""

import sys
import time
from collections.abc import Collection, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa

from ingest.epcis.movements.post_movements import Recovery, post_movements
from ingest.ledger.ledger import Outcome
from ingest.ledger.outcomes import OUTCOMES
from ingest.parsing.events import Event, Fault
from ingest.recording.recording import Recorder
from tests.ingest.epcis.documents import LOT_CLASS, SHOP, event, sgtin
from tests.ingest.epcis.ledger_views import change, on_hand, reasons, rows, state_of, states, take

HERE: dict[str, Any] = {"bizStep": "receiving", "bizLocation": {"id": SHOP}}


def test_an_event_with_more_lines_than_the_ledger_takes_at_once_is_recorded(
    recorder: Recorder, database: sa.Engine
) -> None:
    lots = [
        {"epcClass": f"urn:epc:class:lgtin:0614141.107346.{lot}", "quantity": 1}
        for lot in range(33_000)
    ]
    take(
        recorder, event(epcList=None, quantityList=lots, **HERE), event(epcList=[sgtin(1)], **HERE)
    )
    assert states(database) == ["recorded"] * 2
    assert on_hand(database) == 33_001_000


def test_amounts_beyond_all_bounds_are_refused_and_take_no_other_event_along(
    recorder: Recorder, database: sa.Engine
) -> None:
    tonnes = [{"epcClass": LOT_CLASS, "quantity": 999_999_999_999_999, "uom": "TNE"}] * 12
    take(
        recorder,
        event(epcList=None, quantityList=tonnes, **HERE),
        event(epcList=[sgtin(1)], **HERE),
    )
    assert states(database) == ["recorded", "rejected"]
    assert reasons(database) == ["too_large"]


class BrokenRecorder(Recorder):
    """A recorder that fails for what names one lot, as only a fault of ours does."""

    def record_parsed(
        self,
        feed: str,
        content_type: str,
        raws: Sequence[bytes],
        parsed: Sequence[Event | Fault],
        *,
        counted: Collection[str] = OUTCOMES,
    ) -> list[Outcome]:
        if any(b'"lot":"POISON"' in raw for raw in raws):
            raise RuntimeError("boom\x00")
        return super().record_parsed(feed, content_type, raws, parsed, counted=counted)


def test_an_event_that_fails_is_rejected_with_the_reason_and_can_be_tried_again(
    recorder: Recorder, database: sa.Engine
) -> None:
    poison = {"epcClass": "urn:epc:class:lgtin:0614141.107346.POISON", "quantity": 1}
    events = [event(eventID=f"urn:e:{n}", epcList=[sgtin(n)], **HERE) for n in range(5)]
    bad = event(eventID="urn:e:bad", epcList=None, quantityList=[poison], **HERE)
    take(BrokenRecorder(database, recorder.settings), *events[:3], bad, *events[3:])
    assert states(database) == ["recorded"] * 5 + ["rejected"]
    assert (reasons(database), state_of(database, "urn:e:bad")) == (["not_settled"], "rejected")
    change(
        database, "UPDATE epcis_events SET movement_state = 'pending' WHERE identity = 'urn:e:bad'"
    )
    assert post_movements(recorder) == 1
    assert (states(database), on_hand(database)) == (["recorded"] * 6, 6_000)


def test_the_finisher_goes_on_after_any_failure(
    recorder: Recorder, database: sa.Engine, monkeypatch: Any
) -> None:
    failures: list[Exception] = [ValueError("odd"), psycopg.OperationalError("away")]

    def failing(of: Recorder) -> int:
        if failures:
            raise failures.pop()
        return post_movements(of, stale_s=0)

    take(recorder, event(epcList=[sgtin(1)], **HERE))
    change(database, "UPDATE epcis_events SET movement_state = 'pending', movements = '[]'")
    monkeypatch.setattr("ingest.epcis.movements.post_movements.post_movements", failing)
    with Recovery(recorder, every_s=0.01) as recovery:
        while recovery.settled < 1:
            time.sleep(0.01)
    assert (recovery.failed, states(database)) == (2, ["recorded"])


def test_a_capture_works_on_its_own_events_alone(recorder: Recorder, database: sa.Engine) -> None:
    take(recorder, event(eventID="urn:e:old", epcList=[sgtin(1)], **HERE))
    change(database, "UPDATE epcis_events SET movement_state = 'pending', claimed_at = NULL")
    take(recorder, event(eventID="urn:e:new", epcList=[sgtin(2)], **HERE))
    assert (state_of(database, "urn:e:old"), state_of(database, "urn:e:new")) == (
        "pending",
        "recorded",
    )


def test_each_settle_asks_only_for_the_locations_that_are_named(
    recorder: Recorder, database: sa.Engine
) -> None:
    change(
        database,
        "INSERT INTO locations (code) SELECT 'https://id.gs1.org/414/' || n FROM generate_series(4000000000000,"
        " 4000000000999) n",
    )
    asked: list[int] = []

    @sa.event.listens_for(database, "after_cursor_execute")
    def _seen(_c: Any, cursor: Any, query: str, *_more: Any) -> None:
        if "FROM locations" in query and "sgln" in query:
            asked.append(cursor.rowcount)

    take(recorder, event(epcList=[sgtin(1)], **HERE))
    assert asked == [1]
    assert rows(database, "SELECT count(*) FROM ledger") == [(1,)]


def test_no_more_is_taken_up_at_once_than_memory_holds(
    recorder: Recorder, database: sa.Engine, monkeypatch: Any
) -> None:
    take(recorder, *(event(epcList=[sgtin(n)], **HERE) for n in range(5)))
    change(database, "UPDATE epcis_events SET movement_state = 'pending', claimed_at = NULL")
    # the package has a function of that name
    monkeypatch.setattr(sys.modules["ingest.epcis.movements.post_movements"], "CHUNK_BYTES_MAX", 10)
    taken: list[int] = []

    @sa.event.listens_for(database, "after_cursor_execute")
    def _seen(_c: Any, cursor: Any, query: str, *_more: Any) -> None:
        if "SET claimed_at" in query:
            taken.append(cursor.rowcount)

    assert post_movements(recorder, stale_s=60) == 5
    assert (max(taken), states(database)) == (1, ["recorded"] * 5)
