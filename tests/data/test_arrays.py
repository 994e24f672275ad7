import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data.arrays import rank_within, sum_before

runs = st.lists(st.tuples(st.integers(0, 3), st.integers(-9, 9)))


@given(runs)
def test_rank_and_sum_are_those_of_a_plain_loop(rows: list[tuple[int, int]]) -> None:
    groups = np.array([g for g, _ in rows], np.int64)
    values = np.array([v for _, v in rows], np.int64)
    ranks: list[int] = []
    before: list[int] = []
    for _, run in itertools.groupby(rows, key=lambda row: row[0]):
        total = 0
        for rank, (_, value) in enumerate(run):
            ranks.append(rank)
            before.append(total)
            total += value
    assert rank_within(groups).tolist() == ranks
    assert sum_before(values, groups).tolist() == before
