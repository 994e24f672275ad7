"""Sums of money: never across currencies, but by a rate."""

from collections import defaultdict

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from catalog.money import money_of
from catalog.sales import sums_by_day
from dashboard.sums import money_note, money_words

whole = st.integers(-1_000, 1_000).map(float)
row = st.tuples(st.sampled_from(["", "EUR", "JPY", "USD"]), whole)
RATES = {"EUR": 1.0, "JPY": 0.5, "USD": 2.0}


@given(st.lists(row), st.sets(st.sampled_from(["JPY", "USD"])))
def test_nothing_is_lost_and_nothing_added_without_a_rate(
    rows: list[tuple[str, float]], rated: set[str]
) -> None:
    known = {"EUR", *rated}
    given_rows = [(c, a, a * RATES[c] if c in known else None) for c, a in rows]
    money = money_of(given_rows, "EUR")
    sums: dict[str, float] = defaultdict(float)
    for code, value in rows:
        sums[code] += value
    # what is shown in a currency is its own sum, and what was converted into it
    for code, value in money.amounts.items():
        turned = sum(part * RATES[c] for c, part in money.converted.items())
        assert value == sums.get(code, 0.0) + (turned if code == "EUR" else 0.0)
    shown = set(money.amounts) | set(money.converted)
    assert {code for code, value in sums.items() if value} <= shown
    assert set(money.converted) <= rated


def test_one_currency_stays_in_it_whatever_sums_are_shown_in() -> None:
    assert money_of([("JPY", 100.0, 0.6)], "EUR").amounts == {"JPY": 100.0}


def test_words_say_what_is_not_added_and_what_was_converted() -> None:
    apart = money_of([("EUR", 160.0, None), ("JPY", 297_000.0, None)], None)
    assert money_words(apart) == "EUR 160.00 + JPY 297,000"
    assert "Not added: EUR and JPY." in (money_note(apart) or "")
    together = money_of([("EUR", 160.0, 160.0), ("JPY", 297_000.0, 1_800.0)], "EUR")
    assert money_words(together) == "EUR 1,960"
    assert money_note(together) == "In EUR at the day's rate: JPY 297,000."
    unnamed = money_of([("EUR", 1.0, None), ("", 2.0, None)], None)
    assert money_words(unnamed) == "2.00 (no currency named) + EUR 1.00"
    assert money_words(money_of([], "EUR")) == "0.00"


def test_a_day_has_no_revenue_of_a_currency_that_sums_to_nothing() -> None:
    def line(day: int, code: str, revenue: float) -> dict[str, object]:
        counts = {"sold": 1.0, "returned": 0.0, "orders": 1, "out_of_stock": 0, "active": 1}
        said = {"day": day, "unit": "each", "currency": code, "revenue": revenue}
        return {**said, "converted": None, **counts}

    rows = pd.DataFrame([line(1, "EUR", 5.0), line(1, "JPY", 900.0), line(2, "JPY", -900.0)])
    assert sums_by_day(rows, None)["revenue"].tolist() == [5.0, 0.0]
