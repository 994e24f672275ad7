import numpy as np

from forecasting.nodes.stockout import EMPTY_RUN_DAYS_MAX, empty_days


def marks(records: list[tuple[int, bool, bool]], days: int) -> list[int]:
    """Days marked for one leaf, from records (day, censored, empty at close)."""
    columns = np.array([day for day, _, _ in records])
    marked = empty_days(
        np.zeros(columns.size, dtype=np.int64),
        columns,
        censored=np.array([censored for _, censored, _ in records]),
        empty_at_close=np.array([empty for _, _, empty in records]),
        shape=(1, days),
    )
    return list(np.flatnonzero(marked[0]))


def test_an_empty_close_is_carried_to_the_next_record() -> None:
    assert marks([(1, True, True), (4, False, False)], 7) == [1, 2, 3]


def test_a_day_is_marked_when_the_shelf_ran_empty_and_was_refilled() -> None:
    assert marks([(2, True, False)], 5) == [2]


def test_a_full_shelf_without_sales_is_demand_of_zero() -> None:
    assert marks([(0, False, False)], 5) == []


def test_a_long_emptiness_counts_as_no_longer_offered() -> None:
    assert marks([(0, True, True)], 100) == list(range(EMPTY_RUN_DAYS_MAX + 1))


def test_records_before_the_first_day_are_ignored() -> None:
    assert marks([(-1, True, True), (2, False, False)], 4) == []
