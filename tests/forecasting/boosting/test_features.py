import numpy as np
import pytest

from forecasting.boosting.clues import Clues
from forecasting.boosting.features import (
    LOG_RATIO_MAX,
    expert_features,
    leaf_features,
    stacked,
)
from forecasting.experts.at_origin import LevelExperts
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES

HIERARCHY = build_hierarchy([[], ["location"], ["location", "product"]], LEAVES)
NAMES = (
    "additive recent @0",
    "log1p recent @0",
    "additive recent @7",
    "log1p recent @7",
    "mean @28",
    "last year x growth @28",
    "last year x growth @56",
)


def experts(*values: float, nodes: int = 1, horizon: int = 3) -> LevelExperts:
    flat = np.array(values, dtype=np.float32)[:, None, None]
    return LevelExperts(NAMES, np.repeat(np.repeat(flat, nodes, 1), horizon, 2))


def test_experts_are_told_beside_the_forecast_by_kind() -> None:
    found = expert_features(experts(4, 6, 8, 12, 10, 2, 8), np.full((1, 3), 10.0), np.arange(1))
    assert set(found) == {"models", "missed @7", "mean @28", "last year x growth", "spread"}
    # a hundredth of the forecast is added above and below
    assert found["models"][0, 0] == pytest.approx(np.log(5.1 / 10.1))
    assert found["mean @28"][0, 0] == pytest.approx(0.0)
    assert found["last year x growth"][0, 0] == pytest.approx(np.log(5.1 / 10.1))
    # the models sold 10 where they fitted 5 in the last week
    assert found["missed @7"].shape == (1, 1)
    assert found["missed @7"][0, 0] == pytest.approx(np.log(10.1 / 5.1))
    spread = np.std([4, 6, 8, 12, 10, 2, 8])
    assert found["spread"][0, 0] == pytest.approx(np.log((spread + 0.1) / 10.1), rel=1e-5)


def test_ratios_are_told_whatever_the_unit_and_within_bounds() -> None:
    one = expert_features(experts(4, 6, 8, 12, 10, 2, 8), np.full((1, 3), 10.0), np.arange(1))
    large = experts(*(1e4 * np.array([4, 6, 8, 12, 10, 2, 8])))
    other = expert_features(large, np.full((1, 3), 1e5), np.arange(1))
    for name, values in one.items():
        np.testing.assert_allclose(other[name], values, rtol=1e-4, atol=1e-5)
    none = expert_features(experts(0, 0, 0, 0, 1e6, 0, 0), np.full((1, 3), 10.0), np.arange(1))
    assert none["mean @28"][0, 0] == LOG_RATIO_MAX
    assert none["models"][0, 0] == -LOG_RATIO_MAX


def test_levels_above_say_what_they_missed_and_how_far_they_are_from_their_leaves() -> None:
    levels = {
        0: experts(4, 4, 8, 8, 1, 1, 1),
        2: experts(1, 1, 1, 1, 1, 1, 1, nodes=HIERARCHY.n_leaves),
    }
    base = np.full((HIERARCHY.n_nodes, 3), np.nan)
    base[0], base[-HIERARCHY.n_leaves :] = 24.0, 1.0
    clues = Clues({"age": np.arange(12, dtype=np.float32)}, {}, {"step": np.zeros(3, np.float32)})
    leaves = np.array([3, 7])
    found = leaf_features(HIERARCHY, levels, base, None, clues, leaves)
    assert found["beside its leaves of parent 0"].shape == (2, 3)
    expected = np.log(24.24 / 12.24)
    np.testing.assert_allclose(found["beside its leaves of parent 0"], expected, rtol=1e-5)
    np.testing.assert_allclose(found["missed @7 of parent 0"], np.log(8.24 / 4.24), rtol=1e-5)
    # the location level is not fitted
    assert not any(name.endswith("parent 1") for name in found)
    assert found["age"].ravel().tolist() == [3, 7]


def test_a_feature_that_an_origin_lacks_is_unknown() -> None:
    found = {"a": np.ones((2, 1), np.float32), "b": np.arange(3, dtype=np.float32)[None, :]}
    X = stacked(found, ("b", "missing", "a"), (2, 3))
    assert X.shape == (6, 3)
    assert X[:, 0].tolist() == [0, 1, 2, 0, 1, 2]
    assert np.isnan(X[:, 1]).all()
    assert (X[:, 2] == 1).all()
