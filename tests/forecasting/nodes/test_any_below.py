import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from forecasting.nodes.origin import any_below
from forecasting.structure.hierarchy import build_hierarchy

HIERARCHY = build_hierarchy([[], ["a"], ["a", "b"]], pd.DataFrame({"a": [*"xxyz"], "b": [*"pqpp"]}))


@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_any_below_tells_where_some_leaf_has_a_flag(seed: int, periods: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (HIERARCHY.n_leaves, periods)
    flags = rng.random(shape) < rng.choice([0.0, 0.5, 1.0], periods)
    counted = HIERARCHY.S.toarray() @ flags
    np.testing.assert_array_equal(any_below(HIERARCHY, flags), counted > 0)
