import pytest

from forecasting.structure.levels import level_name, parse_levels
from stocktide.foundation.errors import Invalid


def test_parse_levels_returns_tuples() -> None:
    assert parse_levels([[], ["region"], ["location", "product"]]) == (
        (),
        ("region",),
        ("location", "product"),
    )


@pytest.mark.parametrize(
    ("levels", "code", "says"),
    [
        ("total", "levels_type", "list of lists"),
        ([[], "region"], "levels_type", "Level 2"),
        ([[], [1]], "levels_type", "Level 2"),
        ([], "levels_empty", "empty"),
        ([[], ["aisle"]], "level_unknown_key", "'aisle'; known keys: product, department"),
        ([[], ["region"], ["region"], ["product"]], "level_duplicate", "Levels 2 and 3"),
        ([["region", "product"], ["product", "region"]], "level_duplicate", "Levels 1 and 2"),
        ([[], ["region", "region"]], "level_duplicate", "twice"),
        ([["product"], []], "leaf_not_last", "needs keys"),
    ],
)
def test_parse_levels_names_the_fault(levels: object, code: str, says: str) -> None:
    with pytest.raises(Invalid, match=says) as raised:
        parse_levels(levels)
    assert raised.value.code == code


def test_level_name_is_total_when_no_keys() -> None:
    assert level_name(()) == "total"
    assert level_name(("region", "location")) == "region / location"
