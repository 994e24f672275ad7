"""Text in files for people: shown and never run, and the same again when it is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocktide.foundation.spreadsheet import shown_as_text, text_of

texts = st.text("'=+-@\t\rab 1", max_size=6)


@given(texts)
def test_a_text_is_never_a_formula_and_comes_back(text: str) -> None:
    shown = shown_as_text(text)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert text_of(shown) == text


@pytest.mark.parametrize("text", ["mill", "", "'s-Hertogenbosch", "A-1"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert shown_as_text(text) == text
