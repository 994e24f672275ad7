import threading
from typing import Any

import pytest
import sqlalchemy as sa

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.ledger.outcomes import Outcome
from ingest.recording.recording import Recorder
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    return Recorder(database, Settings())


def outcomes(recorder: Recorder, *raws: bytes) -> list[Outcome]:
    return recorder.record("till", "x", raws)


def names(recorder: Recorder, *raws: bytes) -> list[str]:
    return [
        o.fault.reason if o.name == "rejected" and o.fault else o.name
        for o in outcomes(recorder, *raws)
    ]


def correction(event_id: str, of: str, **data: Any) -> bytes:
    return raw(kind="correction", event_id=event_id, corrects_id=of, **data)


def rows(recorder: Recorder, query: str) -> list[tuple[Any, ...]]:
    with recorder.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(query))]


def stock(recorder: Recorder) -> dict[str, int]:
    query = "SELECT code, on_hand_milli FROM stock JOIN locations USING (location_id)"
    return {row[0]: row[1] for row in rows(recorder, query)}


def test_correction_reverses_at_the_time_of_what_it_corrects_and_points_at_it(
    recorder: Recorder,
) -> None:
    names(recorder, raw(kind="sale", event_id="s", quantity=5, minute=10))
    assert names(recorder, correction("c", "s", reason="void")) == ["accepted"]
    query = (
        "SELECT c.quantity_milli, c.occurred_at = s.occurred_at, c.corrects = s.entry_id, c.reason, c.kind"
        " FROM ledger c, ledger s WHERE c.event_id = 'c' AND s.event_id = 's'"
    )
    assert rows(recorder, query) == [(5_000, True, True, "void", "sale")]
    assert stock(recorder) == {"S1": 0}


def test_correction_of_both_legs_turns_both_round(recorder: Recorder) -> None:
    names(recorder, raw(kind="transfer", event_id="t", quantity=4))
    assert names(recorder, correction("c", "t")) == ["accepted"]
    assert stock(recorder) == {"S1": 0, "S2": 0}


def test_correction_of_something_before_a_count_leaves_the_count(recorder: Recorder) -> None:
    names(recorder, raw(kind="sale", event_id="s", quantity=5, minute=1))
    names(recorder, raw(kind="stocktake", event_id="n", counted=8, minute=5))
    assert names(recorder, correction("c", "s")) == ["accepted"]
    assert stock(recorder) == {"S1": 8_000}


def test_correction_means_an_event_of_its_own_batch_wherever_it_stands(recorder: Recorder) -> None:
    got = names(recorder, correction("c", "s"), raw(kind="sale", event_id="s"))
    assert got == ["accepted", "accepted"]
    assert stock(recorder) == {"S1": 0}


def test_correction_is_compared_when_it_comes_again(recorder: Recorder) -> None:
    names(recorder, raw(kind="sale", event_id="s"), raw(kind="sale", event_id="other"))
    first = correction("c", "s", reason="void")
    assert names(recorder, first, first) == ["accepted", "duplicate"]
    again = [first, correction("c", "s", reason="no"), correction("c", "other", reason="void")]
    assert names(recorder, *again) == ["duplicate", "conflict", "conflict"]
    fields = [o.fault.field for o in outcomes(recorder, *again[1:]) if o.fault]
    assert fields == ["reason", "corrects_id"]


def test_correction_under_the_identity_of_another_event_is_a_conflict(recorder: Recorder) -> None:
    names(recorder, raw(kind="sale", event_id="s"))
    assert names(recorder, correction("s", "s")) == ["conflict"]
    assert names(recorder, raw(kind="sale", event_id="c"), correction("c", "s")) == [
        "accepted",
        "conflict",
    ]
    assert names(recorder, correction("d", "s"), raw(kind="sale", event_id="d")) == [
        "conflict",
        "accepted",
    ]


def test_correction_is_refused_and_kept_where_there_is_nothing_to_reverse(
    recorder: Recorder,
) -> None:
    sale, void = {"kind": "sale"}, {"kind": "correction", "corrects_id": "s"}
    cases: list[tuple[dict[str, dict[str, Any]], str, str]] = [
        ({}, "nothing", "unknown_event"),
        ({}, "c", "unknown_event"),
        ({"s": sale, "n": void}, "n", "not_reversible"),
        ({"s": sale, "n": void}, "s", "already_corrected"),
    ]
    for number, (before, of, reason) in enumerate(cases):
        source = f"/till/{number}"
        for event_id, parts in before.items():
            assert names(recorder, raw(event_id=event_id, source=source, **parts)) == ["accepted"]
        ledger = rows(recorder, "SELECT count(*) FROM ledger")
        assert names(recorder, correction("c", of, source=source)) == [reason]
        assert rows(recorder, "SELECT count(*) FROM ledger") == ledger
        kept = f"SELECT reason, field, event_id FROM rejects WHERE source = '{source}'"  # noqa: S608 - ours
        assert rows(recorder, kept) == [(reason, "data.corrects_id", "c")]


def test_correction_of_a_price_a_reading_or_a_count_leaves_the_one_before(
    recorder: Recorder,
) -> None:
    names(
        recorder,
        raw(kind="stocktake", event_id="n1", counted=5, minute=1),
        raw(kind="reading", event_id="x1", observed=4, minute=1),
        raw(kind="price", event_id="p1", price=2, minute=1, currency="EUR", promotion=True),
        raw(kind="sale", event_id="s", quantity=1, minute=2),
    )
    query = (
        "SELECT on_hand_milli, counted_at, sensed_milli, sensed_at, price_micros, currency, promotion, price_at"
        " FROM stock"
    )
    before = rows(recorder, query)
    names(
        recorder,
        raw(kind="stocktake", event_id="n2", counted=500, minute=3),
        raw(kind="reading", event_id="x2", observed=400, minute=3),
        raw(kind="price", event_id="p2", price=200, minute=3),
    )
    assert rows(recorder, query) != before
    corrections = [correction(f"c{of}", of) for of in ("n2", "x2", "p2")]
    assert names(recorder, *corrections) == ["accepted"] * 3
    assert rows(recorder, query) == before


@pytest.mark.parametrize("together", [False, True], ids=["in two requests", "in one request"])
def test_correction_of_a_receipt_leaves_cost_and_value_as_if_it_had_never_been(
    recorder: Recorder, together: bool
) -> None:
    typed = raw(kind="receipt", event_id="r", quantity=10, cost="1000", minute=1)
    assert names(recorder, typed) == ["accepted"]
    sent = [
        correction("c", "r"),
        raw(kind="receipt", event_id="r2", quantity=10, cost="10", minute=1),
    ]
    for batch in [sent] if together else [[one] for one in sent]:
        assert set(names(recorder, *batch)) == {"accepted"}
    query = "SELECT on_hand_milli, cost_micros, value_micros FROM stock_position"
    assert rows(recorder, query) == [(10_000, 10_000_000, 100_000_000)]


def test_correction_takes_its_cost_back_wherever_the_goods_went(recorder: Recorder) -> None:
    names(recorder, raw(kind="receipt", event_id="r1", quantity=10, cost="10"))
    names(recorder, raw(kind="receipt", event_id="r2", quantity=10, cost="1000", minute=1))
    names(recorder, raw(kind="transfer", event_id="t", quantity=5, minute=2))
    assert names(recorder, correction("c", "r2")) == ["accepted"]
    query = "SELECT code, cost_micros FROM stock JOIN locations USING (location_id) ORDER BY code"
    assert rows(recorder, query) == [("S1", 10_000_000), ("S2", 10_000_000)]


def test_correction_leaves_nothing_known_and_nothing_sold(recorder: Recorder) -> None:
    names(
        recorder,
        raw(kind="receipt", event_id="r", quantity=5),
        raw(kind="sale", event_id="s", quantity=2, minute=1),
    )
    assert names(recorder, correction("c1", "r"), correction("c2", "s")) == ["accepted"] * 2
    query = "SELECT on_hand_milli, known, last_sale_at, sales_score, sales_score_at FROM stock"
    assert rows(recorder, query) == [(0, False, None, 0.0, None)]


def test_correction_finds_an_event_of_another_source_by_name(recorder: Recorder) -> None:
    names(recorder, raw(kind="sale", event_id="s", source="/other"))
    assert names(recorder, correction("c", "s")) == ["unknown_event"]
    assert names(recorder, correction("c", "s", corrects_source="/other")) == ["accepted"]


def test_correction_takes_back_lots_and_promises(recorder: Recorder) -> None:
    names(
        recorder,
        raw(kind="receipt", event_id="r", quantity=6, lot="L1", order_id="PO1"),
        raw(kind="reservation", event_id="v", quantity=2),
        raw(kind="dispatch", event_id="d", quantity=3, lot="L1"),
    )
    corrections = [correction(f"c{of}", of) for of in "rvd"]
    assert names(recorder, *corrections) == ["accepted"] * 3
    assert stock(recorder) == {"S1": 0, "S2": 0}
    assert rows(recorder, "SELECT DISTINCT on_hand_milli FROM lots") == [(0,)]
    assert rows(recorder, "SELECT DISTINCT opened_milli, closed_milli FROM commitments") == [(0, 0)]


def test_correction_is_made_once_when_many_race(recorder: Recorder) -> None:
    """The same correction, and others of the same event, from many threads; one identity also comes as a sale."""
    names(recorder, raw(kind="sale", event_id="s", quantity=5))
    seen: list[list[str]] = []

    def send(number: int) -> None:
        sent = [correction("same", "s"), correction(f"own{number}", "s")]
        if number % 2:
            sent.append(raw(kind="return", event_id="same", quantity=1))
        seen.append(names(recorder, *sent))

    writers = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    flat = [name for answer in seen for name in answer]
    assert set(flat) <= {"accepted", "duplicate", "conflict", "already_corrected"}
    claimed = rows(
        recorder,
        "SELECT count(*) FROM corrections c JOIN ledger l ON l.corrects = c.corrected_entry_id"
        " AND (l.source_id, l.event_id) = (c.source_id, c.event_id)",
    )
    assert claimed == [(1,)]
    returned = 1_000 * len(rows(recorder, "SELECT FROM ledger WHERE kind = 'return'"))
    assert stock(recorder) == {"S1": returned}
