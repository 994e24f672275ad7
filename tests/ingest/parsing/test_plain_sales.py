"""Plain sales as columns: whatever comes, the same events, faults and outcomes as one by one."""

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.parsing.events import Fault, StockEvent
from ingest.parsing.parser import EventParser
from ingest.parsing.sales import Parsed
from ingest.recording.fast_lane import EVENTS_MAX
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import TooLarge
from stocktide.foundation.settings import Settings
from tests.ingest.samples import START, event

NOW = START + timedelta(days=1)
COLUMNS = EventParser(Settings(), now=lambda: NOW, columns_min=1)
ONE_BY_ONE = EventParser(Settings(), now=lambda: NOW, columns_min=1_000_000)

numbers = st.one_of(
    st.integers(-1, 3), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.decimals(0, 100, places=3).map(str), st.sampled_from(["0", "-1", "1.0", 1.0, "x", True, None, -0.0, 1e300]),
)  # fmt: skip
fields = st.fixed_dictionaries({}, optional={
    "quantity": numbers,
    "price": numbers,
    "currency": st.sampled_from(["EUR", "eur", "EURO", None, "USD"]),
    "order_id": st.sampled_from(["o-1", "", None, "ö-2", "\u0000"]),
    "order_line": st.sampled_from([0, 7, -1, 2**31, None]),
    "customer_id": st.sampled_from(["c-1", None]),
    "channel": st.sampled_from(["web", None]),
    "lot": st.sampled_from(["L1", None]),
    "unit": st.sampled_from(["case", None]),
    "reservation_id": st.sampled_from(["R1", None]),
    "product": st.sampled_from(["A", "B", "", 7]),
    "quantiti": st.just(1),
})  # fmt: skip
envelopes = st.fixed_dictionaries({}, optional={
    "time": st.sampled_from([
        "2026-03-01T09:00:00+01:00", "2026-03-01T08:00:00.123456Z", "2026-03-01T08:00:00", "1850-01-01T00:00:00Z",
        (NOW + timedelta(days=2)).isoformat(), "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "soon",
    ]),
    "specversion": st.sampled_from(["1.0", "0.3"]),
    "subject": st.just("till 3"),
    "id": st.sampled_from(["e1", "", "ü", "e" * 501]),
})  # fmt: skip
kinds = st.sampled_from(["sale", "sale", "sale", "return", "receipt", "transfer", "stocktake"])
documents = st.builds(
    lambda kind, number, data, envelope: {**event(kind, f"e{number}", **data), **envelope},
    kinds, st.integers(0, 5), fields, envelopes,
)  # fmt: skip


@given(st.lists(documents, max_size=12))
@example(
    [event("sale", price=1, quantity=1.0), event("sale", price=True), event("return", price=1.0)]
)
@example([event("sale", quantity=1.7e308), event("sale", price=-1.7e308), event("return")])
@example([event("sale", quantity="1"), event("sale", quantity=1), event("return", lot="L1")])
def test_columns_say_what_events_say_one_by_one(chosen: list[dict[str, Any]]) -> None:
    raws = [json.dumps(document).encode() for document in chosen]
    expected = ONE_BY_ONE.parse_all(raws)
    assert list(COLUMNS.parse_each(raws)) == expected
    assert list(COLUMNS.parse_lines(raws)) == expected
    array = COLUMNS.parse_array(b"[" + b",".join(raws) + b"]")
    # an array that is not plain as a whole is cut, and its events parsed each
    assert array is None or list(array) == expected


@given(st.lists(st.lists(documents, max_size=5), min_size=1, max_size=4))
def test_requests_together_are_their_events_one_after_another(
    requests: list[list[dict[str, Any]]],
) -> None:
    raws = [[json.dumps(document).encode() for document in request] for request in requests]
    parsed = [COLUMNS.parse_each(request) for request in raws]
    together = Parsed.concat(parsed)
    assert list(together) == [item for part in parsed for item in part]
    chosen = [place % 3 != 1 for place in range(len(together))]
    times = [
        item.occurred_at
        for item, wanted in zip(together, chosen, strict=True)
        if wanted and isinstance(item, StockEvent)
    ]
    assert together.newest(chosen) == max(times, default=None)


def test_plain_sales_become_columns_around_what_is_wrong() -> None:
    raws = [json.dumps(event("sale", f"e{n}")).encode() for n in range(EVENTS_MAX)]
    raws[7] = json.dumps(event("receipt", "e7")).encode()
    raws[9] = b"{"
    parsed = COLUMNS.parse_each(raws)
    assert [len(part) for part in parsed.sales] == [EVENTS_MAX - 2]
    assert [place for place, _ in parsed.others] == [7, 9]
    assert isinstance(parsed[9], Fault)


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    return Recorder(database, Settings())


def test_a_large_batch_is_recorded_once_with_its_repeats_conflicts_and_strangers(
    recorder: Recorder,
) -> None:
    """Enough events for the way that copies identities, then the same ones again."""
    size = 2 * EVENTS_MAX
    documents = [event("sale", f"e{n}", price=2.5, order_id=f"o-{n}") for n in range(size)]
    documents[3] = event("return", "e3", quantity=2)
    documents[10] = documents[4]
    documents[11] = event("sale", "e5", quantity=9)
    documents[12] = event("sale", "e12", product="nobody's")
    # of one identity the first rules, also where one is plain and the other is not
    documents[20], documents[21] = event("receipt", "same"), event("sale", "same")
    documents[30], documents[31] = event("sale", "twin"), event("receipt", "twin")
    first = outcomes(recorder, documents)
    odd = {10: "duplicate", 11: "conflict", 12: "rejected", 21: "conflict", 31: "conflict"}
    assert first == [odd.get(place, "accepted") for place in range(size)]
    assert on_hand(recorder) == -(size - 5 - 2) + 2 + 1
    again = outcomes(recorder, documents)
    assert again == [name if name in ("conflict", "rejected") else "duplicate" for name in first]
    assert on_hand(recorder) == -(size - 5 - 2) + 2 + 1


def test_more_than_a_block_of_entries_holds_is_refused(recorder: Recorder) -> None:
    parsed = Parsed.of([ONE_BY_ONE.parse(json.dumps(event("sale")).encode())] * 40_000)
    with recorder.engine.begin() as connection, pytest.raises(TooLarge):
        recorder.ledger.append(connection, parsed)


def outcomes(recorder: Recorder, documents: list[dict[str, Any]]) -> list[str]:
    raws = [msgspec.json.encode(document) for document in documents]
    parsed = recorder.parser.parse_each(raws)
    assert parsed.sales
    return [outcome.name for outcome in recorder.record_parsed("till", "x", raws, parsed)]


def on_hand(recorder: Recorder) -> int:
    with recorder.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT sum(on_hand_milli) FROM stock")).scalar_one()
        held = connection.execute(sa.text("SELECT sum(on_hand_milli) FROM stock_fold")).scalar_one()
    assert found == held
    return int(found) // 1000
