import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from forecasting.structure.lattice import apart_from, nearest_above, parent_rows
from tests.forecasting.demands import LEAVES
from tests.forecasting.hierarchies import CROSSED, TREE, hierarchies

CROSSING = build_hierarchy(
    [[], ["region"], ["department"], ["location"], ["product"], ["location", "product"]], LEAVES
)
ANY = st.one_of(hierarchies(levels=TREE), hierarchies(levels=CROSSED))


def test_a_leaf_of_crossing_levels_has_a_parent_on_each_side() -> None:
    every = range(6)
    assert nearest_above(CROSSING, 5, every) == (3, 4)
    assert nearest_above(CROSSING, 3, every) == (1,)
    assert nearest_above(CROSSING, 4, every) == (2,)
    assert nearest_above(CROSSING, 0, every) == ()
    assert nearest_above(CROSSING, 5, (0, 1, 2)) == (1, 2)
    # what a location does not say, departments say first, then products
    assert apart_from(CROSSING, 5, 3, every) == 2
    assert apart_from(CROSSING, 5, 3, (0, 1, 3, 4)) == 4
    assert apart_from(CROSSING, 3, 1, every) is None


@pytest.mark.slow
@given(hierarchy=ANY)
def test_nearest_levels_are_refined_and_none_of_them_lies_above_another(
    hierarchy: Hierarchy,
) -> None:
    every = range(len(hierarchy.levels))
    for level in every:
        near = nearest_above(hierarchy, level, every)
        assert (near == ()) == (level == 0)
        for parent in near:
            assert hierarchy.refines(level, parent)
            assert not any(hierarchy.refines(other, parent) and other > parent for other in near)


@pytest.mark.slow
@given(hierarchy=ANY)
def test_a_node_s_leaves_are_all_leaves_of_its_parent(hierarchy: Hierarchy) -> None:
    S = hierarchy.S.toarray()
    every = range(len(hierarchy.levels))
    for level in every:
        for parent in nearest_above(hierarchy, level, every):
            rows = parent_rows(hierarchy, level, parent)
            below = S[hierarchy.rows(level)]
            above = S[hierarchy.rows(parent)][rows]
            assert below.shape == above.shape
            assert (below <= above).all()


@pytest.mark.slow
@given(hierarchy=ANY, values=st.data())
def test_what_is_apart_is_no_union_of_the_parent_s_nodes(
    hierarchy: Hierarchy, values: st.DataObject
) -> None:
    every = range(len(hierarchy.levels))
    level = values.draw(st.sampled_from(every))
    for parent in nearest_above(hierarchy, level, every):
        other = apart_from(hierarchy, level, parent, every)
        apart = [o for o in range(level) if not hierarchy.refines(parent, o)]
        apart = [o for o in apart if hierarchy.refines(level, o)]
        assert other == (apart[0] if apart else None)
        if other is not None:
            pairs = np.stack([hierarchy.groups(parent), hierarchy.groups(other)])
            assert np.unique(pairs, axis=1).shape[1] > np.unique(pairs[0]).size
