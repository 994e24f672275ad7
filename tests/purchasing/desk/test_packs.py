"""A buyer orders in what amounts a product comes; a part of a line is a line with a sentence and a risk of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from purchasing.desk.lines import UNTIL_DAYS_MAX, Decision, Line
from purchasing.desk.packs import check_quantity, packs_of
from stocktide.foundation.errors import Invalid
from tests.conftest import Api
from tests.purchasing.desk.acting import decide, lines, on

LINE = Line(4, "mill", "A", "S1", "proposed", 48_000, price_micros=1_500_000, currency="EUR")
SIX = {"pack_milli": 6_000, "minimum_milli": 12_000, "multiple_milli": None}
BY_WEIGHT = {"unit": "kg", "pack_milli": None, "minimum_milli": None, "multiple_milli": None}
EACH = {**BY_WEIGHT, "unit": "each"}
DOZENS = {**EACH, "multiple_milli": 12_000, "pack_milli": 4_000}


def refusal(terms: dict[str, Any], action: Any, quantity: float) -> str | None:
    decision = Decision(action, "anna", 1, "why", round(1000 * quantity))
    row = {"unit": "each", "supplier": "mill", **terms}
    try:
        check_quantity(LINE, decision, packs_of(row))
    except Invalid as error:
        return error.message
    return None


@pytest.mark.parametrize(
    ("terms", "action", "quantity", "said"),
    [
        (SIX, "change", 18, None),
        (SIX, "change", 0, None),
        (SIX, "change", 14, "from mill in packs of 6, at least 12: order 12 for 18 EUR or 18 for 27 EUR, not 14"),
        (SIX, "change", 6, "at least 12: order 12 for 18 EUR, not 6"),
        (EACH, "change", 0.001, "from mill in whole units: order 1 for 1.5 EUR, not 0.001"),
        (BY_WEIGHT, "change", 0.001, None),
        (DOZENS, "change", 16, "in steps of 12: order 12 for 18 EUR or 24 for 36 EUR, not 16"),
        (SIX, "split", 12, None),
        (SIX, "split", 0.001, "order 12 for 18 EUR, not 0.001 and leave 47.999"),
        # 6 would be left, which is less than the mill delivers
        (SIX, "split", 42, "cannot be split; order all 48 for 72 EUR, not 42 and leave 6"),
        ({**SIX, "minimum_milli": 30_000}, "split", 24, "cannot be split; order all 48 for 72 EUR"),
    ],
)  # fmt: skip
def test_a_number_that_cannot_be_ordered_is_refused_with_what_can(
    terms: dict[str, Any], action: str, quantity: float, said: str | None
) -> None:
    found = refusal(terms, action, quantity)
    assert found is said is None or (said is not None and said in str(found))


def test_the_rest_of_a_split_has_its_own_sentence_and_share_of_the_risk(
    desk: Api, database: sa.Engine
) -> None:
    """12 risk 12 EUR: 5 of them and 7 of them risk no more together."""
    chart = """UPDATE order_lines SET explanation = '{"sentence": "order 12", "days": ["2026-03-02"], "takes_days": 3,
        "with": [[1, 2, 3]], "without": [[0, 0, 0]], "data": {"pack": 1.0, "on_hand": 0.0}}'"""
    with database.begin() as connection:
        connection.execute(sa.text(chart))
    line = lines(desk)["A"]
    until = datetime.now(UTC).date() + timedelta(days=20)
    (refused,) = decide(desk, on(line, "split", quantity="0.001", until=until.isoformat()))
    assert "order 1 for 1.5 EUR" in refused["error"]["detail"]
    (now,) = decide(desk, on(line, "split", quantity=5, until=until.isoformat()))
    rest = lines(desk, state="snoozed")["A"]
    why = rest["explanation"]
    assert why["sentence"] == f"7 are left of 12, of which 5 were ordered as {now['order_id']}"
    assert why["data"] == {"whole": 12, "ordered": 5, "quantity": 7, "pack": 1.0}
    assert why.keys() == {"sentence", "data", "takes_days"}
    ordered = lines(desk, state="ordered")["A"]
    assert (ordered["at_risk"], rest["at_risk"]) == (5.0, 7.0)
    (refused,) = decide(desk, on(rest, "change", quantity="6.5", reason="half"))
    assert "in whole units" in refused["error"]["detail"]


@pytest.mark.parametrize("action", ["snooze", "split"])
def test_a_line_is_put_off_by_a_year_at_most(desk: Api, action: str) -> None:
    latest = datetime.now(UTC).date() + timedelta(days=UNTIL_DAYS_MAX)
    line, more = lines(desk)["A"], {"quantity": 5} if action == "split" else {}
    for until in ("9999-12-31", (latest + timedelta(days=2)).isoformat()):
        (refused,) = decide(desk, on(line, action, until=until, **more))
        assert (refused["error"]["code"], "too far ahead" in refused["error"]["detail"]) == (
            "until",
            True,
        )
    (done,) = decide(desk, on(line, action, until=(latest - timedelta(days=2)).isoformat(), **more))
    assert done["error"] is None
