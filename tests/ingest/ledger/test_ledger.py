import threading
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.parsing.parser import EventParser
from ingest.recording.recording import Recorder
from stocktide.foundation.errors import Invalid
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

NDJSON = "application/x-ndjson"


@pytest.fixture
def recorder(database: sa.Engine) -> Recorder:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A"), ProductIn("B")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    return Recorder(database, Settings())


def names(recorder: Recorder, *raws: bytes) -> list[str]:
    return [outcome.name for outcome in recorder.record("till", NDJSON, raws)]


def stock(engine: sa.Engine) -> dict[tuple[str, str], int]:
    query = (
        "SELECT sku, code, on_hand_milli FROM stock"
        " JOIN products USING (product_id) JOIN locations USING (location_id)"
    )
    with engine.connect() as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(sa.text(query))}


def differences(engine: sa.Engine) -> int:
    """Pairs whose stock is not their fold."""
    query = (
        "SELECT count(*) FROM stock FULL JOIN stock_fold f USING (product_id, location_id)"
        " WHERE (stock.on_hand_milli, stock.counted_at, stock.known)"
        " IS DISTINCT FROM (f.on_hand_milli, f.counted_at, f.known)"
    )
    with engine.connect() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())


def test_record_repeats_nothing_when_an_event_comes_twice(recorder: Recorder) -> None:
    assert names(recorder, raw(kind="sale"), raw(kind="sale")) == ["accepted", "duplicate"]
    assert names(recorder, raw(kind="sale")) == ["duplicate"]
    assert stock(recorder.engine) == {("A", "S1"): -1000}


def test_record_names_the_field_when_an_identity_comes_with_another_payload(
    recorder: Recorder,
) -> None:
    names(recorder, raw(kind="sale", quantity=1))
    outcome = recorder.record("till", NDJSON, [raw(kind="sale", quantity=2)])[0]
    assert (outcome.name, outcome.fault and outcome.fault.field) == ("conflict", "quantity")
    assert names(recorder, raw(kind="receipt", event_id="n"), raw(kind="sale", event_id="n")) == [
        "accepted",
        "conflict",
    ]
    assert stock(recorder.engine) == {("A", "S1"): 0}


def test_record_writes_both_legs_or_none_when_goods_move(recorder: Recorder) -> None:
    names(recorder, raw(kind="sale", event_id="t"))
    assert names(recorder, raw(kind="transfer", event_id="t")) == ["conflict"]
    assert names(recorder, raw(kind="transfer", event_id="u", quantity="2.5")) == ["accepted"]
    assert stock(recorder.engine) == {("A", "S1"): -3500, ("A", "S2"): 2500}


def test_record_lets_a_stocktake_rule_when_it_arrives_late(recorder: Recorder) -> None:
    names(recorder, raw(kind="receipt", event_id="r", quantity=10, minute=0))
    names(recorder, raw(kind="sale", event_id="s", quantity=3, minute=20))
    names(recorder, raw(kind="stocktake", event_id="c", counted=8, minute=10))
    assert stock(recorder.engine) == {("A", "S1"): 5000}
    names(recorder, raw(kind="sale", event_id="late", quantity=1, minute=5))
    assert stock(recorder.engine) == {("A", "S1"): 5000}


def test_record_changes_no_stock_when_a_sensor_reads(recorder: Recorder) -> None:
    names(recorder, raw(kind="receipt", event_id="r", quantity=10), raw(kind="reading", observed=4))
    assert stock(recorder.engine) == {("A", "S1"): 10_000}


def test_record_keeps_raw_bytes_and_reason_when_input_is_refused(recorder: Recorder) -> None:
    broken = b'{"specversion": "1.0", "id": '
    unknown = raw(kind="sale", product="nowhere")
    assert names(recorder, broken, unknown, raw(kind="sale")) == [
        "rejected",
        "rejected",
        "accepted",
    ]
    assert names(recorder, broken) == ["rejected"]
    with recorder.engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT reason, raw, times_seen FROM rejects ORDER BY reject_id")
        ).all()
    assert {(row.reason, bytes(row.raw), row.times_seen) for row in rows} == {
        ("malformed_json", broken, 2),
        ("unknown_product", unknown, 1),
    }


def test_record_creates_what_is_named_first_when_the_setting_allows_it(database: sa.Engine) -> None:
    recorder = Recorder(database, Settings(create_on_first_sight=True))
    assert names(recorder, raw(kind="transfer")) == ["accepted"]
    assert stock(database) == {("A", "S1"): -1000, ("A", "S2"): 1000}


def test_record_accepts_once_when_many_writers_race(recorder: Recorder) -> None:
    raws = [raw(kind="sale", event_id=f"e{n}", location=f"S{1 + n % 2}") for n in range(40)]
    counts: list[str] = []

    def send(order: Sequence[bytes]) -> None:
        counts.extend(names(recorder, *order))

    writers = [
        threading.Thread(target=send, args=(raws if n % 2 else raws[::-1],)) for n in range(8)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (counts.count("accepted"), counts.count("duplicate")) == (40, 280)
    assert stock(recorder.engine) == {("A", "S1"): -20_000, ("A", "S2"): -20_000}


class ReferenceLedger:
    """A slow, plain ledger: keeps every first event of an identity, folds by hand."""

    def __init__(self) -> None:
        self.events: dict[str, dict[str, Any]] = {}
        self._seen: set[str] = set()

    def add(self, event: dict[str, Any], batch: int) -> str:
        known = self.events.setdefault(event["event_id"], {**event, "batch": batch})
        if known["batch"] == batch and event["event_id"] not in self._seen:
            self._seen.add(event["event_id"])
            return "accepted"
        return "duplicate" if {**event, "batch": known["batch"]} == known else "conflict"

    def on_hand(self) -> dict[tuple[str, str], int]:
        legs: dict[tuple[str, str], list[tuple[int, int, str, int]]] = defaultdict(list)
        # of two counts of one instant the later rules, in one batch too
        for order, e in enumerate(self.events.values()):
            sign = {"sale": -1, "transfer": -1}.get(e["kind"], 1)
            amount = e.get("counted", sign * e.get("quantity", 0))
            legs["A", e["location"]].append((e["minute"], order, e["kind"], amount))
            if e["kind"] == "transfer":
                legs["A", e["to_location"]].append((e["minute"], order, "arrival", e["quantity"]))
        return {pair: self._fold(rows) for pair, rows in legs.items()}

    @staticmethod
    def _fold(rows: list[Any]) -> int:
        counts = [row for row in rows if row[2] == "stocktake"]
        last = max(counts, key=lambda row: (row[0], row[1])) if counts else (-1, -1, "", 0)
        return (
            int(last[3] + sum(row[3] for row in rows if row[2] != "stocktake" and row[0] > last[0]))
            * 1000
        )


def in_order(recorder: Recorder) -> list[tuple[str, int]]:
    """Event and leg of each entry of the ledger."""
    with recorder.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT event_id, leg FROM ledger ORDER BY entry_id"))
        return [(row.event_id, row.leg) for row in found]


quantities = st.integers(1, 9)
places = st.sampled_from(["S1", "S2"])
moves = st.fixed_dictionaries(
    {
        "event_id": st.integers(0, 25).map(str),
        "minute": st.integers(0, 12),
        "location": places,
        "shape": st.one_of(
            st.tuples(st.sampled_from(["sale", "return", "receipt", "adjustment"]), quantities),
            st.tuples(st.just("stocktake"), st.integers(0, 9)),
            st.tuples(st.just("transfer"), quantities),
        ),
    }
)


def as_event(move: dict[str, Any]) -> dict[str, Any]:
    kind, amount = move["shape"]
    event = {"kind": kind, **{name: move[name] for name in ("event_id", "minute", "location")}}
    if kind == "transfer":
        event["to_location"] = "S2" if move["location"] == "S1" else "S1"
    return {**event, "counted" if kind == "stocktake" else "quantity": amount}


def count(event_id: str, counted: int) -> dict[str, Any]:
    """Count A at S1, always at the same instant."""
    return {
        "event_id": event_id,
        "minute": 0,
        "location": "S1",
        "shape": ("stocktake", counted),
    }


def empty(engine: sa.Engine) -> None:
    """Empty the ledger between the examples of a test."""
    with engine.begin() as connection:
        connection.execute(sa.text("SET session_replication_role = replica"))
        connection.execute(sa.text("DELETE FROM ledger"))
        connection.execute(sa.text("DELETE FROM event_identities"))
        connection.execute(sa.text("DELETE FROM stock"))
        connection.execute(sa.text("SET session_replication_role = origin"))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(moves, min_size=1, max_size=8), min_size=1, max_size=6))
@example([[count("2", 0), count("1", 1)]])
@example([[count("2", 0), count("1", 1), count("2", 0)]])
@example([[count("5", 4), count("5", 3), count("2", 0), count("1", 1)]])
def test_record_folds_as_the_reference_does(
    recorder: Recorder, batches: list[list[dict[str, Any]]]
) -> None:
    empty(recorder.engine)
    reference = ReferenceLedger()
    for number, batch in enumerate(batches):
        events = [as_event(move) for move in batch]
        expected = [reference.add(event, number) for event in events]
        assert names(recorder, *[raw(**event) for event in events]) == expected
    assert stock(recorder.engine) == reference.on_hand()
    assert differences(recorder.engine) == 0


instants = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(
            ["sale", "sale", "return", "receipt", "stocktake", "transfer", "price", "adjustment"]
        ),
        "event_id": st.integers(0, 9).map(str),
        "minute": st.integers(0, 1),
        "location": places,
        "amount": st.integers(1, 9),
    }
)


def instant(kind: str, event_id: str) -> dict[str, Any]:
    return {"kind": kind, "event_id": event_id, "minute": 0, "location": "S1", "amount": 4}


def at_one_instant(chosen: dict[str, Any]) -> bytes:
    amounts = {"stocktake": "counted", "price": "price"}
    amount = {amounts.get(chosen["kind"], "quantity"): chosen["amount"]}
    to_location = {"to_location": "S2" if chosen["location"] == "S1" else "S1"}
    return raw(
        **{name: chosen[name] for name in ("kind", "event_id", "minute", "location")},
        **amount,
        **(to_location if chosen["kind"] == "transfer" else {}),
    )


@pytest.mark.parametrize("columns_min", [1, 1_000_000], ids=["columns", "general"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chosen=st.lists(instants, min_size=2, max_size=12))
@example([instant("receipt", "2"), instant("sale", "1")])
@example([instant("transfer", "3"), instant("price", "2"), instant("sale", "1")])
@example(
    [instant("sale", "3"), instant("sale", "3"), instant("receipt", "2"), instant("sale", "1")]
)
def test_record_of_a_batch_is_that_of_its_events_one_by_one(
    recorder: Recorder, columns_min: int, chosen: list[dict[str, Any]]
) -> None:
    """Outcomes, stock, and the order of entries, which decides between events of one instant."""
    raws = list(map(at_one_instant, chosen))
    empty(recorder.engine)
    expected = [names(recorder, one)[0] for one in raws], in_order(recorder), stock(recorder.engine)
    empty(recorder.engine)
    parser = EventParser(recorder.settings, columns_min=columns_min)
    outcomes = recorder.record_parsed("till", NDJSON, raws, parser.parse_each(raws))
    found = [outcome.name for outcome in outcomes], in_order(recorder), stock(recorder.engine)
    assert found == expected


def test_sales_score_is_the_decayed_sum_however_the_sales_are_batched(recorder: Recorder) -> None:
    minutes = [0, 1440, 720, 2880, 60]
    names(
        recorder, *[raw(kind="sale", event_id=f"s{m}", minute=m, quantity=2) for m in minutes[:3]]
    )
    for m in minutes[3:]:
        names(recorder, raw(kind="sale", event_id=f"s{m}", minute=m, quantity=2))
    with recorder.engine.connect() as connection:
        score = connection.execute(sa.text("SELECT sales_score FROM stock")).scalar_one()
    assert score == pytest.approx(sum(2 * 2 ** (-(2880 - m) / 1440) for m in minutes))


def test_sales_score_keeps_nothing_of_an_order_that_is_cancelled_at_once(
    recorder: Recorder,
) -> None:
    names(
        recorder,
        raw(kind="sale", event_id="s", quantity=80_000, minute=0),
        raw(kind="return", event_id="r", quantity=80_000, minute=0),
        raw(kind="sale", event_id="t", quantity=3, minute=1440),
    )
    with recorder.engine.connect() as connection:
        score = connection.execute(sa.text("SELECT sales_score FROM stock")).scalar_one()
    assert score == pytest.approx(3)


def test_a_line_total_is_kept_and_part_of_what_the_event_says(recorder: Recorder) -> None:
    said = {"event_id": "s", "quantity": 3, "price": "3.34", "line_total": "10.00"}
    assert names(recorder, raw(kind="sale", **said)) == ["accepted"]
    assert names(recorder, raw(kind="sale", **said)) == ["duplicate"]
    assert names(recorder, raw(kind="sale", **{**said, "line_total": "10.02"})) == ["conflict"]
    unlabelled = {name: value for name, value in said.items() if name != "line_total"}
    assert names(recorder, raw(kind="sale", **unlabelled)) == ["conflict"]
    with recorder.engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT price_micros, line_total_micros FROM ledger"))
        assert [tuple(row) for row in kept] == [(3_340_000, 10_000_000)]


@pytest.mark.parametrize(
    "event",
    [
        raw(kind="sale", price="2"),
        raw(kind="receipt", cost="2"),
        raw(kind="return", line_total="2"),
        raw(kind="price", price="2"),
    ],
    ids=["sale", "receipt", "return", "price"],
)
def test_a_product_keeps_its_currency_while_amounts_name_none(
    recorder: Recorder, event: bytes
) -> None:
    def tell(currency: str) -> None:
        with recorder.engine.begin() as connection:
            put_products(connection, [ProductIn("A", price=3, currency=currency)])

    tell("EUR")
    tell("CHF")
    assert names(recorder, event) == ["accepted"]
    with pytest.raises(Invalid) as caught:
        tell("EUR")
    assert caught.value.code == "currency_in_use"
    assert "CHF" in caught.value.message


def test_a_product_changes_its_currency_when_all_its_amounts_name_theirs(
    recorder: Recorder,
) -> None:
    with recorder.engine.begin() as connection:
        put_products(connection, [ProductIn("A", price=3, currency="EUR")])
    assert names(recorder, raw(kind="sale", price="2", currency="EUR")) == ["accepted"]
    with recorder.engine.begin() as connection:
        put_products(connection, [ProductIn("A", price=3, currency="CHF")])


def test_a_pack_keeps_its_size_once_there_is_stock(recorder: Recorder) -> None:
    def tell(size: int, name: str = "case") -> None:
        with recorder.engine.begin() as connection:
            put_products(connection, [ProductIn("A", packs={name: size})])

    tell(12)
    tell(10)
    assert names(recorder, raw(kind="receipt", quantity=1, unit="case")) == ["accepted"]
    tell(10)
    tell(12, "case of 12")
    with pytest.raises(Invalid) as caught:
        tell(12)
    assert caught.value.code == "pack_in_use"
