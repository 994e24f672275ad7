"""Lead times: the life table against published numbers, censored orders, and few orders leaning on many."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replenishment.learning.lead_times import Deliveries, learn_lead_times


def deliveries(rows: list[tuple[int, int, int, float, bool]]) -> Deliveries:
    supplier, product, days, share, came = (np.array(column) for column in zip(*rows, strict=True))
    return Deliveries(supplier, product, days, share.astype(np.float64), came)


def test_life_table_is_the_published_one_of_kaplan_and_meier() -> None:
    """Remission of the 21 patients on 6-MP (Freireich et al. 1963, as in Cox 1972): S(6) .857, S(10) .753, S(23) .448.

    One supplier with one product is the whole chain: nothing else leans on it, and it leans on itself.
    """
    came = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    # a day's open parts are awaited through the day before: patients at risk on the day of their end count one day more
    awaited = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    rows = [(0, 0, day, 1.0, True) for day in came] + [
        (0, 0, day + 1, 1.0, False) for day in awaited
    ]
    learnt = learn_lead_times(deliveries(rows))
    survive = 1 - np.cumsum(learnt.shares[0]) * (1 - learnt.unfulfilled[0])
    assert [round(float(survive[day]), 3) for day in (6, 7, 10, 13, 16, 22, 23)] == [
        0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448,
    ]  # fmt: skip
    assert round(float(learnt.unfulfilled[0]), 3) == 0.448


def test_what_is_still_open_makes_a_lead_time_longer_than_what_came_says() -> None:
    came = [(0, 0, 3, 1.0, True)] * 6 + [(0, 0, 8, 1.0, True)] * 2
    without = learn_lead_times(deliveries(came))
    late = learn_lead_times(deliveries(came + [(0, 0, 6, 1.0, False)] * 4))
    days = np.arange(9)
    assert late.shares[0] @ days > without.shares[0] @ days
    assert (late.lines[0], late.open[0]) == (12, 4)


def test_a_product_with_one_order_leans_on_its_supplier_and_one_with_many_on_itself() -> None:
    rows = [(0, product, 4, 1.0, True) for product in range(6) for _ in range(30)]
    rows += [(0, 6, 20, 1.0, True)] * 30 + [(0, 7, 20, 1.0, True)]
    learnt = learn_lead_times(deliveries(rows))
    means = learnt.shares @ np.arange(21)
    assert means[0] == pytest.approx(4, abs=0.5)
    assert means[6] == pytest.approx(20, abs=0.5)
    assert means[0] < means[7] < means[6]


def test_a_supplier_of_whom_nothing_came_has_the_lead_time_of_the_chain() -> None:
    rows = [(0, 0, 5, 1.0, True)] * 10 + [(1, 1, 2, 1.0, False)]
    learnt = learn_lead_times(deliveries(rows))
    assert learnt.shares[1] @ np.arange(6) == pytest.approx(5)


def test_parts_of_a_line_count_by_their_share() -> None:
    parts = [(0, 0, 2, 0.25, True), (0, 0, 6, 0.75, True)]
    learnt = learn_lead_times(deliveries(parts * 8))
    assert learnt.shares[0, [2, 6]] == pytest.approx([0.25, 0.75])
    assert learnt.lines[0] == pytest.approx(8)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(0, 3), st.integers(0, 40),
            st.floats(0.01, 1), st.booleans(),
        ),
        min_size=1,
    )
)  # fmt: skip
def test_chances_are_chances_and_no_delivery_before_the_first(
    rows: list[tuple[int, int, int, float, bool]],
) -> None:
    rows = [*rows, (0, 0, 9, 1.0, True)]
    learnt = learn_lead_times(deliveries(rows))
    first = min(days for *_, days, _, came in rows if came)
    assert learnt.shares.sum(axis=1) == pytest.approx(np.ones(len(learnt.shares)))
    assert (learnt.shares >= 0).all()
    assert learnt.shares[:, :first].sum() == pytest.approx(0)
    assert ((learnt.unfulfilled >= -1e-12) & (learnt.unfulfilled <= 1)).all()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ((0, 0, 1, 0.0, True), "share"),
        ((0, 0, 1, 1.5, True), "share"),
        ((0, 0, -1, 1.0, True), "before they were ordered"),
        ((0, 0, 1, 1.0, False), "nothing came yet"),
    ],
)
def test_what_cannot_be_is_refused(row: tuple[int, int, int, float, bool], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        learn_lead_times(deliveries([row]))
