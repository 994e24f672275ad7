"""Numbers that are written: exact or refused, whatever their exponent, and never with an error of another kind."""

import re
import time
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stocktide.domain.exact_numbers import NotExact, decimal_of, scaled_exactly

LIMIT = 10**9
DIGITS = st.text("0123456789", min_size=1, max_size=40)
EXPONENTS = st.integers(-60, 60) | st.sampled_from([10**6, -(10**6), 10**18, -(10**18), 10**25])


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str, int]:
    """A number as text, its digits without the point, and the power of ten that they are times of."""
    sign = draw(st.sampled_from(["", "-", "+"]))
    whole, part = draw(DIGITS), draw(st.just("") | DIGITS)
    exponent = draw(EXPONENTS)
    text = f"{sign}{whole}{'.' + part if part else ''}{draw(st.sampled_from('eE'))}{exponent}"
    return text, ("-" if sign == "-" else "") + whole + part, exponent - len(part)


@given(written())
def test_a_number_is_scaled_exactly_or_refused(number: tuple[str, str, int]) -> None:
    text, digits, power = number
    try:
        scaled = scaled_exactly(text, 3, LIMIT)
    except NotExact as error:
        fault: str | None = error.fault
    else:
        fault = None
    if fault is not None:
        assert fault in ("too_large", "too_precise")
        if abs(power) < 200:
            exact = Fraction(digits) * Fraction(10) ** power
            assert abs(exact) > LIMIT or (exact * 1000).denominator != 1
        return
    assert int(digits) == 0 or abs(power) < 200
    assert int(digits) == 0 or Fraction(digits) * Fraction(10) ** power * 1000 == scaled


@given(st.text())
def test_text_that_is_no_number_is_refused_and_nothing_else_happens(text: str) -> None:
    try:
        number = decimal_of(text)
    except NotExact:
        return
    assert text.isascii()
    assert number == Decimal(text.strip())


@pytest.mark.parametrize(
    "text",
    [
        "1_0",
        "1_000",
        "\uff11\uff12",
        "\u0663",
        "0x10",
        "",
        " ",
        "1 000",
        "1,5",
        "--1",
        "1e",
        "e5",
        "\u00bd",
    ],
)
def test_what_only_python_takes_for_a_number_is_refused(text: str) -> None:
    with pytest.raises(NotExact) as raised:
        scaled_exactly(text, 3, LIMIT)
    assert raised.value.fault == "wrong_type"


@pytest.mark.parametrize(
    "value",
    [
        "nan",
        "-NaN",
        "sNaN",
        "NaN12",
        "inf",
        "-Infinity",
        float("nan"),
        float("inf"),
        Decimal("NaN"),
    ],
)
def test_what_is_not_finite_is_named_so(value: str | float | Decimal) -> None:
    with pytest.raises(NotExact) as raised:
        scaled_exactly(value, 3, LIMIT)
    assert raised.value.fault == "not_finite"


MONSTERS: dict[str, int | str] = {
    "up": "1e1000000",
    "down": "-1e1000000",
    "small": "1e-1000000",
    "long": "9" * 1_000_000,
    "fine": "0." + "0" * 1_000_000 + "1",
    "integer": 10**5_000,
    "below": -(10**5_000),
    "exponent": "1e" + "9" * 100_000,
}


@pytest.mark.parametrize("value", MONSTERS.values(), ids=MONSTERS)
def test_a_monstrous_number_is_refused_at_once_in_few_words(value: int | str) -> None:
    started = time.process_time()
    with pytest.raises(NotExact) as raised:
        scaled_exactly(value, 3, LIMIT)
    assert raised.value.fault in ("too_large", "too_precise")
    assert len(str(raised.value)) < 200
    assert time.process_time() - started < 2


@given(st.integers(-LIMIT * 1000, LIMIT * 1000))
def test_a_float_counts_as_its_shortest_text(milli: int) -> None:
    assert scaled_exactly(milli / 1000, 3, LIMIT) == milli


@given(
    st.decimals(places=9, allow_nan=False, allow_infinity=False, min_value=-1000, max_value=1000)
)
def test_a_number_with_too_many_decimals_is_named(number: Decimal) -> None:
    assume(number != round(number, 6))
    with pytest.raises(NotExact, match=f"{re.escape(str(number))}; round it"):
        scaled_exactly(str(number), 6, 10**9)
