import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from stocktide.foundation.errors import Invalid
from tests.forecasting.hierarchies import CROSSED, TREE, hierarchies, leaf_frames

LEAVES = pd.DataFrame(
    {
        "region": ["South", "North", "North"],
        "location": ["S3", "S1", "S2"],
        "department": ["Food", "Food", "Home"],
        "product": ["P1", "P1", "P2"],
    }
)


def test_build_hierarchy_names_nodes_and_parents() -> None:
    built = build_hierarchy([[], ["region"], ["region", "location"]], LEAVES)
    nodes = built.nodes
    assert list(nodes["unique_id"]) == [
        "total",
        "North",
        "South",
        "North/S1",
        "North/S2",
        "South/S3",
    ]
    assert list(nodes["level_name"].unique()) == ["total", "region", "region / location"]
    assert nodes["parent_id"].tolist() == [pd.NA, 0, 0, 1, 1, 2]
    assert nodes["region"].tolist() == [None, "North", "South", "North", "North", "South"]
    assert built.is_tree


def test_build_hierarchy_sums_leaves_in_sorted_order() -> None:
    built = build_hierarchy([[], ["region"], ["region", "location"]], LEAVES)
    assert built.leaf_rows.tolist() == [1, 2, 0]
    np.testing.assert_array_equal(
        built.S.toarray(),
        [[1, 1, 1], [1, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
    )
    assert {name: rows.tolist() for name, rows in built.tags.items()} == {
        "total": [0],
        "region": [1, 2],
        "region / location": [3, 4, 5],
    }


def test_is_tree_is_false_when_groupings_cross_or_roots_are_many() -> None:
    crossed = LEAVES.assign(department=["Food", "Food", "Food"], product=["P1", "P1", "P2"])
    assert not build_hierarchy(
        [[], ["region"], ["product"], ["location", "product"]], crossed
    ).is_tree
    assert not build_hierarchy([["region"], ["location"]], LEAVES).is_tree
    assert not build_hierarchy([["location"]], LEAVES).is_tree


@pytest.mark.parametrize(
    ("levels", "leaves", "code", "says"),
    [
        ([[], ["aisle"]], LEAVES, "level_unknown_key", "region, location"),
        ([[], ["location"], ["region"]], LEAVES, "leaf_not_last", "must be the finest"),
        ([[], ["location"]], LEAVES.iloc[:0], "leaves_empty", "no leaf"),
        (
            [[], ["department"], ["location"]],
            LEAVES.assign(department=pd.Series(["Food", None, None], dtype=object)),
            "key_missing",
            "2 of 3 leaves have no department, the first is .*'S1'",
        ),
    ],
)
def test_build_hierarchy_names_the_fault(
    levels: object, leaves: pd.DataFrame, code: str, says: str
) -> None:
    with pytest.raises(Invalid, match=says) as raised:
        build_hierarchy(levels, leaves)
    assert raised.value.code == code


@pytest.mark.slow
@given(hierarchies(levels=CROSSED))
def test_every_node_sums_exactly_the_leaves_that_share_its_keys(built: Hierarchy) -> None:
    leaves = built.nodes.iloc[-built.n_leaves :]
    full = {
        leaf: (leaves["location"].iloc[leaf], leaves["product"].iloc[leaf])
        for leaf in range(built.n_leaves)
    }
    for row, node in enumerate(built.nodes.to_dict("records")):
        summed = {int(leaf) for leaf in built.S.getrow(row).indices}
        for position, key in enumerate(("location", "product")):
            if node[key] is not None:
                assert {full[leaf][position] for leaf in summed} == {node[key]}
    np.testing.assert_array_equal(built.S[-built.n_leaves :].toarray(), np.eye(built.n_leaves))
    for rows in built.tags.values():
        np.testing.assert_array_equal(np.asarray(built.S[rows].sum(axis=0)).ravel(), 1.0)


@given(hierarchies(levels=CROSSED))
def test_a_parent_contains_its_child_and_lies_above_it(built: Hierarchy) -> None:
    for node, parent in enumerate(built.nodes["parent_id"]):
        if parent is not pd.NA:
            assert parent < node
            assert set(built.S.getrow(node).indices) <= set(built.S.getrow(parent).indices)


@given(hierarchies(levels=TREE))
def test_levels_that_split_each_other_are_a_tree(built: Hierarchy) -> None:
    assert built.is_tree


@pytest.mark.slow
@given(leaf_frames(), st.randoms())
def test_the_order_of_the_leaves_does_not_matter(leaves: pd.DataFrame, random: object) -> None:
    shuffled = leaves.sample(frac=1, random_state=random.randint(0, 99))  # type: ignore[attr-defined]  # a Random
    one, other = build_hierarchy(CROSSED, leaves), build_hierarchy(CROSSED, shuffled)
    pd.testing.assert_frame_equal(one.nodes, other.nodes)
    np.testing.assert_array_equal(one.S.toarray(), other.S.toarray())


@pytest.mark.slow
@given(hierarchies(levels=CROSSED))
def test_above_a_level_stand_the_levels_that_it_refines(built: Hierarchy) -> None:
    values = np.random.default_rng(0).gamma(1.0, size=(built.n_leaves, 2))
    whole = built.sum_leaves(values)
    for level in range(len(built.levels)):
        upper, rows = built.above(level)
        assert upper.levels[-1] == built.levels[level]
        assert (upper.levels[0] == ()) == (built.levels[0] == ())
        np.testing.assert_allclose(upper.sum_leaves(whole[built.rows(level)]), whole[rows])
        assert list(upper.nodes["unique_id"]) == list(built.nodes["unique_id"].iloc[rows])
        np.testing.assert_allclose(
            whole[built.rows(level)],
            np.stack([np.bincount(built.groups(level), weights=v) for v in values.T], axis=1),
        )


@pytest.mark.slow
@given(hierarchies(levels=CROSSED))
def test_above_the_leaves_is_the_hierarchy_itself(built: Hierarchy) -> None:
    same, rows = built.above(len(built.levels) - 1)
    np.testing.assert_array_equal(rows, np.arange(built.n_nodes))
    pd.testing.assert_frame_equal(same.nodes, built.nodes)
    fewer, _ = built.above(len(built.levels) - 1, keep=[0])
    assert fewer.levels == (built.levels[0], built.levels[-1])
    assert fewer.is_tree


def test_position_names_the_levels_when_there_is_none_of_that_name() -> None:
    built = build_hierarchy([[], ["region"], ["region", "location"]], LEAVES)
    assert built.position("region / location") == 2
    with pytest.raises(Invalid, match="'total', 'region'"):
        built.position("shop")


@given(
    st.lists(
        st.tuples(*[st.text("A/%2F5", min_size=1, max_size=4)] * 2),
        min_size=1,
        max_size=12,
        unique=True,
    )
)
def test_two_nodes_of_a_level_never_have_one_name(pairs: list[tuple[str, str]]) -> None:
    leaves = pd.DataFrame(pairs, columns=["location", "product"])
    nodes = build_hierarchy([[], ["location"], ["location", "product"]], leaves).nodes
    assert not nodes.duplicated(["level_name", "unique_id"]).any()
    assert set(nodes["unique_id"][nodes["level"] == 1]) == set(leaves["location"])


def test_keys_of_different_types_with_one_name_are_refused() -> None:
    leaves = pd.DataFrame({"location": ["S1", "S1"], "product": [1, "1"]})
    with pytest.raises(Invalid, match="make all its values text"):
        build_hierarchy([[], ["location", "product"]], leaves)
