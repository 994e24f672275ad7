from typing import Any, get_args, get_type_hints

import pytest

from ingest.parsing.kinds import DATA_TYPES
from stocktide.foundation.field_values import NOT_TEXT, value_of


def test_fields_that_are_no_text_are_those_of_the_event_kinds() -> None:
    hints = {
        name: hint for kind in DATA_TYPES.values() for name, hint in get_type_hints(kind).items()
    }
    assert set(NOT_TEXT) == {
        name
        for name, hint in hints.items()
        if {hint, *get_args(hint)} & {int, float, bool} and name not in ("attributes",)
    }


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("data.product", "22423", "22423"),
        ("data.location", "007", "007"),
        ("id", "1", "1"),
        ("data.customer_id", "true", "true"),
        ("data.quantity", "2", 2),
        ("quantity", "1.50", 1.5),
        ("data.order_line", "3", 3),
        ("data.promotion", "true", True),
        ("data.quantity", "two", "two"),
        ("data.quantity", "[" * 100_000, "[" * 100_000),
        ("data", '{"product": "A"}', {"product": "A"}),
    ],
)
def test_value_of_goes_by_the_field_and_not_by_its_looks(field: str, text: str, value: Any) -> None:
    assert value_of(field, text) == value
