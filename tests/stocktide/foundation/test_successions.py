from datetime import date

import pytest

from stocktide.foundation.errors import Invalid
from stocktide.foundation.successions import Succession, check_successions, depths

MARCH, MAY = date(2026, 3, 1), date(2026, 5, 1)


def test_splits_mergers_chains_and_partial_successions_are_allowed() -> None:
    check_successions(
        [
            Succession("A", "B", MARCH, 0.5),
            Succession("A", "C", MARCH, 0.5),
            Succession("B", "D", MAY),
            Succession("C", "D", MAY, 0.3),
            Succession("X", "Y", MARCH, 0.4),
            Succession("X", "Z", MAY),
        ]
    )


def test_a_product_that_is_partly_replaced_may_take_over_later() -> None:
    check_successions([Succession("B", "C", MARCH, 0.3), Succession("A", "B", MAY)])


def test_depths_count_the_longest_chain_before_a_product() -> None:
    rows = [Succession("B", "C", MAY), Succession("A", "B", MARCH), Succession("A", "C", MAY)]
    assert depths(rows) == {"A": 0, "B": 1, "C": 2}


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        ([Succession("A", "A", MARCH)], "succession_self", "'A'"),
        ([Succession("A", "B", MARCH, 0.0)], "bad_share", "not 0"),
        ([Succession("A", "B", MARCH, 1.5)], "bad_share", "not 1.5"),
        (
            [Succession("A", "B", MARCH, 0.7), Succession("A", "C", MARCH, 0.4)],
            "bad_share",
            "1.1 .* 2026-03-01",
        ),
        (
            [Succession("A", "B", MARCH, 0.5), Succession("B", "A", MAY, 0.5)],
            "succession_cycle",
            "A.*B",
        ),
        (
            [Succession("B", "C", MARCH), Succession("A", "B", MAY)],
            "succession_order",
            "'B' is wholly replaced from 2026-03-01",
        ),
        (
            [Succession("A", "B", MARCH), Succession("A", "C", MAY)],
            "succession_order",
            "'A' is wholly replaced from 2026-03-01",
        ),
    ],
)
def test_what_cannot_be_true_is_refused_with_the_products(
    rows: list[Succession], code: str, said: str
) -> None:
    for ordered in (rows, rows[::-1]):
        with pytest.raises(Invalid, match=said) as raised:
            check_successions(ordered)
        assert raised.value.code == code
