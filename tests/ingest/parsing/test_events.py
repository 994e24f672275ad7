import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.parsing.events import Correction, Event, Fault, StockEvent
from ingest.parsing.kinds import DATA_TYPES, json_schema
from ingest.parsing.parser import EventParser
from ingest.parsing.sales import SalesReader
from stocktide.domain.own_sources import EPCIS, ORDERS
from stocktide.foundation.settings import Settings
from tests.ingest.samples import START, event

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PARSER = EventParser(Settings(), now=lambda: NOW)


def parse(document: Any) -> Event | Fault:
    return PARSER.parse(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("kind", "quantity_milli"),
    [("sale", -1000), ("return", 1000), ("receipt", 1000), ("transfer", -1000), ("adjustment", 1000),
     ("stocktake", 0), ("reading", 0), ("price", 0)],
)  # fmt: skip
def test_parse_signs_the_quantity_by_kind(kind: str, quantity_milli: int) -> None:
    parsed = parse(event(kind))
    assert isinstance(parsed, StockEvent)
    assert parsed.quantity_milli == quantity_milli


BAD: list[tuple[str, dict[str, Any], str, str | None]] = [
    ("wrong type", {"data": {"product": 7, "location": "S1", "quantity": 1}}, "wrong_type", "data.product"),
    ("unknown kind", {"type": "stocktide.gift"}, "unknown_kind", "type"),
    ("foreign kind", {"type": "sale"}, "unknown_kind", "type"),
    ("missing field", {"data": {"product": "A", "location": "S1"}}, "missing_field", "data.quantity"),
    ("unknown field", {"data": {"product": "A", "location": "S1", "quantity": 1, "qty": 1}}, "unknown_field",
     "data.qty"),
    ("NaN", {"data": {"product": "A", "location": "S1", "quantity": "NaN"}}, "not_finite", "data.quantity"),
    ("inf", {"data": {"product": "A", "location": "S1", "quantity": "Infinity"}}, "not_finite", "data.quantity"),
    ("huge", {"data": {"product": "A", "location": "S1", "quantity": 1e30}}, "too_large", "data.quantity"),
    ("huge exponent", {"data": {"product": "A", "location": "S1", "quantity": "1e999999"}}, "too_large",
     "data.quantity"),
    ("beyond any exponent", {"data": {"product": "A", "location": "S1", "quantity": "1e1000000"}}, "too_large",
     "data.quantity"),
    ("exponent of a price", {"data": {"product": "A", "location": "S1", "quantity": 1, "price": "1e1000000"}},
     "too_large", "data.price"),
    ("more digits than are kept", {"data": {"product": "A", "location": "S1", "quantity": f"1.{0:040}1"}},
     "too_precise", "data.quantity"),
    ("underscores", {"data": {"product": "A", "location": "S1", "quantity": "1_000"}}, "wrong_type", "data.quantity"),
    ("full width", {"data": {"product": "A", "location": "S1", "quantity": "\uff11"}}, "wrong_type", "data.quantity"),
    ("amount", {"data": {"product": "A", "location": "S1", "quantity": 1e9, "price": 1e9}}, "too_large", "data.price"),
    ("amount of a delivery", {"type": "stocktide.receipt", "data": {"product": "A", "location": "S1", "quantity": 1e9,
     "cost": 1e9}}, "too_large", "data.cost"),
    ("line total", {"data": {"product": "A", "location": "S1", "quantity": 1, "line_total": "1e1000000"}}, "too_large",
     "data.line_total"),
    ("line total below zero", {"data": {"product": "A", "location": "S1", "quantity": 1, "line_total": "-0.01"}},
     "negative", "data.line_total"),
    ("line total of a fraction", {"data": {"product": "A", "location": "S1", "quantity": 1, "line_total": "0.0000001"}},
     "too_precise", "data.line_total"),
    ("tiny", {"data": {"product": "A", "location": "S1", "quantity": "1e-9"}}, "too_precise", "data.quantity"),
    ("zero", {"data": {"product": "A", "location": "S1", "quantity": 0}}, "not_positive", "data.quantity"),
    ("negative", {"data": {"product": "A", "location": "S1", "quantity": -1}}, "not_positive", "data.quantity"),
    ("bad price", {"data": {"product": "A", "location": "S1", "quantity": 1, "price": -1}}, "negative", "data.price"),
    ("bad currency", {"data": {"product": "A", "location": "S1", "quantity": 1, "currency": "eur"}}, "wrong_type",
     "data.currency"),
    ("far future", {"time": "2126-01-01T00:00:00Z"}, "time_future", "time"),
    ("far past", {"time": "1026-01-01T00:00:00Z"}, "time_past", "time"),
    ("edge of time", {"time": "0001-01-01T00:00:00+23:59"}, "time_range", "time"),
    ("no zone", {"time": "2026-03-01T00:00:00"}, "time_zone", "time"),
    ("no time", {"time": "yesterday"}, "wrong_type", "time"),
    ("version", {"specversion": "0.3"}, "specversion", "specversion"),
    ("empty id", {"id": ""}, "wrong_type", "id"),
    ("NUL", {"data": {"product": "A\x00", "location": "S1", "quantity": 1}}, "bad_text", "product"),
    ("half pair", {"data": {"product": "A\ud800", "location": "S1", "quantity": 1}}, "", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason", "field"), [row[1:] for row in BAD], ids=[row[0] for row in BAD]
)
def test_parse_names_the_fault_and_its_place(
    change: dict[str, Any], reason: str, field: str | None
) -> None:
    fault = parse({**event("sale"), **change})
    assert isinstance(fault, Fault)
    assert fault.message
    if reason:
        assert (fault.reason, fault.field) == (reason, field)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [(b"", "malformed_json"), (b"{", "malformed_json"), (b'{"a": NaN}', "malformed_json"), (b"[]", "wrong_type"),
     (b"\xff\xfe{}", "malformed_json"), (b"[" * 100_000, "wrong_type"), (b'{"id":"\xff"}', "bad_encoding")],
)  # fmt: skip
def test_parse_names_the_fault_when_bytes_are_no_event(raw: bytes, reason: str) -> None:
    fault = PARSER.parse(raw)
    assert isinstance(fault, Fault)
    assert fault.reason == reason


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_parse_never_raises_whatever_comes(raw: bytes) -> None:
    assert isinstance(PARSER.parse(raw), Fault)


@given(st.sampled_from(list(DATA_TYPES)), st.dictionaries(st.sampled_from(["quantity", "price", "counted", "observed",
       "product", "time"]), st.none() | st.floats() | st.text(max_size=5) | st.integers() | st.booleans()
       | st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,40})?[eE][+-]?[0-9]{1,25}", fullmatch=True)))  # fmt: skip
def test_parse_never_raises_when_fields_are_odd(kind: str, odd: dict[str, Any]) -> None:
    document = event(kind)
    document["data"].update(odd)
    assert isinstance(parse(document), StockEvent | Correction | Fault)


def test_what_stops_our_own_code_stops_no_other_event(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it is the reading of one price: in columns, one by one, and in an event with further attributes."""
    read = EventParser._price  # the real one

    def failing(self: EventParser, value: Any, name: str) -> int | None:
        if value == 13:
            raise ZeroDivisionError
        return read(self, value, name)

    def failing_columns(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(EventParser, "_price", failing)
    monkeypatch.setattr(SalesReader, "read", failing_columns)
    bad = event("sale", "bad", price=13)
    sent = [event("sale", "a"), bad, {**bad, "subject": "x"}, event("receipt", "b")]
    found = list(PARSER.parse_each([json.dumps(one).encode() for one in sent]))
    assert [type(item) for item in found] == [StockEvent, Fault, Fault, StockEvent]
    faults = {(item.reason, item.event_id) for item in found if isinstance(item, Fault)}
    assert faults == {("not_storable", "bad")}


@pytest.mark.parametrize("time", ["2016-12-31T23:59:60Z", "2017-01-01T00:59:60.5+01:00"])
def test_a_leap_second_counts_as_the_second_before(time: str) -> None:
    parsed = parse({**event("sale"), "time": time})
    assert isinstance(parsed, StockEvent)
    assert parsed.occurred_at.replace(microsecond=0) == datetime(
        2016, 12, 31, 23, 59, 59, tzinfo=UTC
    )


@pytest.mark.parametrize(
    "change",
    [{"time": "yesterday"}, {"time": 5}, {"specversion": 1}, {"type": 7}, {"data": [], "time": None},
     {"data_base64": 3}, {"datacontenttype": 1}],
)  # fmt: skip
def test_a_fault_keeps_the_names_that_can_be_read(change: dict[str, Any]) -> None:
    fault = parse({**event("sale", "e7"), **change})
    assert isinstance(fault, Fault)
    assert (fault.source, fault.event_id) == ("/shops/S1/till", "e7")


@pytest.mark.parametrize("named", [{"id": 3}, {"id": ""}, {"id": "x" * 501}, {"id": None}])
def test_a_name_that_is_none_is_not_kept(named: dict[str, Any]) -> None:
    fault = parse({**event("sale"), **named})
    assert isinstance(fault, Fault)
    assert (fault.source, fault.event_id) == ("/shops/S1/till", None)


@pytest.mark.parametrize("kind", ["sale", "order", "correction"])
@pytest.mark.parametrize("source", [ORDERS, EPCIS, "/stocktide/of-tomorrow"])
def test_a_source_of_our_own_is_for_nobody_else(kind: str, source: str) -> None:
    told = json.dumps(event(kind, source=source)).encode()
    both = [PARSER.parse(told), *PARSER.parse_lines([told])]
    assert [(one.reason, one.source) for one in both if isinstance(one, Fault)] == [
        ("reserved_source", source)
    ] * 2
    own = EventParser(Settings(), now=lambda: NOW, own=source)
    assert not isinstance(own.parse(told), Fault)


def test_an_order_of_the_desk_is_cancelled_at_the_desk() -> None:
    fault = parse(event("correction", corrects_source=ORDERS, corrects_id="PO-5-5"))
    assert isinstance(fault, Fault)
    assert (fault.reason, fault.field) == ("reserved_source", "data.corrects_source")
    # what EPCIS got wrong is corrected by hand
    assert not isinstance(parse(event("correction", corrects_source=EPCIS)), Fault)


def test_the_fault_of_a_time_ahead_names_both_clocks() -> None:
    ahead = EventParser(Settings(), now=lambda: START)
    late = ahead.parse(json.dumps(event("sale", minute=6)).encode())
    assert isinstance(late, Fault)
    assert late.reason == "time_future"
    assert "300 s ahead" in late.message
    assert "2026-03-01T08:00:00+00:00" in late.message
    assert isinstance(ahead.parse(json.dumps(event("sale", minute=5)).encode()), StockEvent)


def test_parse_gives_one_event_for_all_its_spellings() -> None:
    first = parse(event("sale", quantity=1, price="2.50"))
    again = parse(
        {**event("sale", quantity="1.000", price=2.5), "time": "2026-03-01T09:00:00+01:00"}
    )
    other = parse(event("sale", quantity=1, price="2.51"))
    assert isinstance(first, StockEvent)
    assert first == again != other


@pytest.mark.parametrize("kind", DATA_TYPES)
def test_json_schema_names_the_fields_of_the_kind(kind: str) -> None:
    schema = json_schema(kind)
    data = schema["properties"]["data"]
    assert set(data["properties"]) == set(DATA_TYPES[kind].__struct_fields__)
    needed = {"corrects_id", "reason"} if kind == "correction" else {"product", "location"}
    assert needed <= set(data["required"])
    assert "$ref" not in json.dumps(schema)
