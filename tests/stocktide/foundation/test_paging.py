from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stocktide.foundation.errors import Invalid
from stocktide.foundation.paging import checked_text, next_key, next_pair, pair_of

ROWS: list[dict[str, Any]] = [
    {"alert_id": 9, "product": "A", "location": "S1"},
    {"alert_id": 7, "product": "B", "location": ""},
]


def test_full_page_names_the_key_of_the_next_one() -> None:
    assert next_key(ROWS, 2, "alert_id") == 7
    after = next_pair(ROWS, 2)
    assert after is not None
    assert pair_of(after) == ("B", "")


def test_page_that_is_not_full_is_the_last() -> None:
    assert (next_key(ROWS, 3, "alert_id"), next_pair(ROWS, 3)) == (None, None)
    assert pair_of("") == ("", "")


@given(st.text(min_size=1), st.text())
def test_any_two_codes_make_one_key_and_come_back_from_it(product: str, location: str) -> None:
    after = next_pair([{"product": product, "location": location}], 1)
    assert after is not None
    if "\x00" in product + location:
        return  # no code has it
    assert pair_of(after) == (product, location)


@pytest.mark.parametrize("after", ["A", "A/B/C", "A\tB"])
def test_what_no_page_gave_is_refused(after: str) -> None:
    with pytest.raises(Invalid, match="next"):
        pair_of(after)


def test_text_that_the_database_cannot_hold_is_refused() -> None:
    assert (checked_text(None), checked_text("A")) == (None, "A")
    for refused in (checked_text, pair_of):
        with pytest.raises(Invalid, match="NUL"):
            refused("A\x00")
