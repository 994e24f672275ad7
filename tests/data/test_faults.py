import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import SampleChain
from data.cloudevents import EventEncoder, milli_number
from data.events import SALE
from data.faults import MALFORMED, conflicting, malformed
from tests.data.ledger import Ledger, milli


def a_sale(sample: SampleChain) -> bytes:
    events = sample.events
    row = (events.kind == SALE).nonzero()[0][:1]
    return EventEncoder(sample.truth.chain).lines(events.take(row))[0]


@pytest.mark.parametrize("sort", range(len(MALFORMED)), ids=MALFORMED)
def test_malformed_line_is_one_line_and_is_rejected(sample: SampleChain, sort: int) -> None:
    line = a_sale(sample)
    ledger = Ledger.of(sample)
    assert ledger.record(line) == "accepted"
    broken = malformed(line, sort)
    assert b"\n" not in broken
    assert ledger.record(broken) == "rejected"


def test_conflicting_line_keeps_the_identity_and_changes_the_payload(sample: SampleChain) -> None:
    line = a_sale(sample)
    ledger = Ledger.of(sample)
    assert [ledger.record(x) for x in (line, line, conflicting(line))] == [
        "accepted",
        "duplicate",
        "conflict",
    ]


@given(st.integers(-(10**12), 10**12))
def test_quantity_survives_json_exactly(quantity_milli: int) -> None:
    text = json.dumps(milli_number(quantity_milli))
    assert milli(json.loads(text, parse_float=Decimal)) == quantity_milli


@given(st.integers(1, 10**7))
def test_conflicting_quantity_has_three_decimals_at_most(quantity_milli: int) -> None:
    line = json.dumps({"id": "x", "data": {"quantity": milli_number(quantity_milli)}}).encode()
    changed = json.loads(conflicting(line), parse_float=Decimal)
    assert milli(changed["data"]["quantity"]) == quantity_milli + 1000
