from datetime import UTC, date, datetime, timedelta

import pytest

from dashboard.theme import (
    amount,
    change,
    days_between,
    distinct,
    lines_of,
    plain,
    plural,
    quantity,
    unit_word,
    when,
)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "unknown"),
        (0, "0"),
        (3.0, "3"),
        (3.25, "3.2"),
        (9.96, "10.0"),
        (10.4, "10"),
        (-12.6, "-13"),
        (1_234_567.8, "1,234,568"),
    ],
)
def test_quantity_is_short_and_whole_from_ten_on(value: float | None, said: str) -> None:
    assert quantity(value) == said


@pytest.mark.parametrize(
    ("value", "currency", "said"),
    [
        (None, "EUR", "unknown"),
        (3.5, "EUR", "EUR 3.50"),
        (999.994, "EUR", "EUR 999.99"),
        (12_345.6, "EUR", "EUR 12,346"),
        (12.0, None, "12.00"),
    ],
)
def test_amount_has_cents_below_a_thousand(
    value: float | None, currency: str | None, said: str
) -> None:
    assert amount(value, currency) == said


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        (None, "never"),
        (NOW - timedelta(hours=3), "09:00 UTC"),
        (NOW - timedelta(days=2), "Mon 02 Mar 12:00 UTC"),
        (NOW - timedelta(days=40), "2026-01-23"),
        (NOW + timedelta(hours=20), "Thu 05 Mar 08:00 UTC"),
    ],
)
def test_when_says_no_more_than_needed(instant: datetime | None, said: str) -> None:
    assert when(instant, now=NOW) == said


def test_plural_counts_with_the_right_noun() -> None:
    assert plural(1, "shelf", "shelves") == "1 shelf"
    assert plural(2_000, "shelf", "shelves") == "2,000 shelves"
    assert plural(0, "input") == "0 inputs"


def test_change_is_no_change_where_it_rounds_to_nothing() -> None:
    assert (change(110, 100), change(90, 100)) == ("+10.0%", "-10.0%")
    assert {change(100.04, 100), change(99.96, 100), change(100, 100)} == {"no change"}
    assert change(100.4, 100, "+.0%") == "no change"


def test_days_between_names_the_years_of_another_year() -> None:
    days = (date(2011, 12, 10), date(2011, 12, 23))
    assert days_between(*days, today=date(2026, 3, 4)) == "10 Dec 2011–23 Dec 2011"
    assert days_between(*days, today=date(2011, 12, 9)) == "10 Dec–23 Dec"


def test_days_between_names_the_years_only_where_they_differ() -> None:
    assert days_between(date(2026, 11, 28), date(2026, 12, 25)) == "28 Nov–25 Dec"
    assert days_between(date(2026, 11, 28), date(2027, 1, 3)) == "28 Nov 2026–3 Jan 2027"


def test_unit_word_reads_after_a_number() -> None:
    assert (unit_word("each"), unit_word("kg")) == ("units", "kg")


def test_plain_keeps_markdown_from_eating_letters() -> None:
    assert plain("Milk *whole*, 1 l") == r"Milk \*whole\*, 1 l"
    assert plain("[a](http://b) $x$ :red[c]") == r"\[a\]\(http\://b\) \$x\$ \:red\[c\]"


def test_distinct_adds_the_code_only_where_two_names_are_the_same() -> None:
    assert distinct(["Mill", "High Street", "Mill"], ["S1", "S2", "S3"]) == [
        "Mill (S1)",
        "High Street",
        "Mill (S3)",
    ]


def test_lines_of_breaks_between_sentences_alone() -> None:
    sentence = "Bands: 50, 80 and 95 % intervals, which held 64, 96 and 100 % of days."
    assert lines_of(sentence) == sentence
    assert lines_of(" ".join([sentence] * 2)) == [sentence, sentence]
