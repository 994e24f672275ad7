import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from forecasting.nodes.plan_leaves import SCOPE, group_leaves, match_plans

NAMES = st.sampled_from([None, "a", "b"])
ROWS = st.lists(st.tuples(*[NAMES] * len(SCOPE)), min_size=1, max_size=8)


def frame(rows: list[tuple[str | None, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*SCOPE], dtype=object)


def one_by_one(
    plans: list[tuple[str | None, ...]], leaves: list[tuple[str | None, ...]]
) -> list[tuple[int, int]]:
    """A plan is for a leaf that has every key that limits it."""
    return [
        (number, row)
        for number, plan in enumerate(plans)
        for row, leaf in enumerate(leaves)
        if all(limit is None or limit == key for limit, key in zip(plan, leaf, strict=True))
    ]


@given(plans=ROWS, leaves=ROWS)
def test_plans_meet_the_leaves_that_have_their_keys(
    plans: list[tuple[str | None, ...]], leaves: list[tuple[str | None, ...]]
) -> None:
    plan, row = match_plans(frame(plans), frame(leaves))
    expected = one_by_one(plans, leaves)
    assert list(zip(plan.tolist(), row.tolist(), strict=True)) == expected
    groups, group = group_leaves(frame(leaves), frame(plans))
    plan, row = match_plans(frame(plans), groups)
    of_groups = set(zip(plan.tolist(), row.tolist(), strict=True))
    by_group = {(p, leaf) for p, g in of_groups for leaf in np.flatnonzero(group == g).tolist()}
    assert by_group == set(expected)


def test_no_plan_meets_no_leaf() -> None:
    plan, row = match_plans(frame([]), frame([("a",) * len(SCOPE)]))
    assert (plan.size, row.size) == (0, 0)
