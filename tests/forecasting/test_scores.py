import numpy as np
import pandas as pd
import pytest

from forecasting.choosing import node_losses as module
from forecasting.choosing.backtest import naive_scale
from forecasting.choosing.node_losses import node_losses
from forecasting.choosing.scores import score, value_added
from forecasting.intervals.probabilities import QUANTILES
from forecasting.structure.hierarchy import build_hierarchy

HIERARCHY = build_hierarchy([[], ["leaf"]], pd.DataFrame({"leaf": ["a", "b", "c"]}))
HISTORY = HIERARCHY.sum_leaves(
    np.array([[0.0, 0, 3, 1, 3, 1, 3, 1, 3, 1], [8.0] * 10, [0.0] * 9 + [2.0]])
)
ACTUAL = HIERARCHY.sum_leaves(np.array([[2.0, 4.0], [8.0, 8.0], [0.0, 2.0]]))
MEAN = HIERARCHY.sum_leaves(np.array([[3.0, 3.0], [8.0, 10.0], [1.0, 1.0]]))
CLASSES = np.array(["smooth", "smooth", "smooth", "lumpy"])


def value(frame: pd.DataFrame, **keys: object) -> float:
    for key, wanted in keys.items():
        frame = frame[frame[key] == wanted]
    assert len(frame) == 1
    return float(frame["value"].iloc[0])


def scored(**other: object) -> pd.DataFrame:
    given: dict[str, object] = {
        "actual": ACTUAL,
        "forecasts": {"ours": MEAN, "theirs": ACTUAL},
        "history": HISTORY,
        "classes": CLASSES,
    }
    return score(HIERARCHY, **{**given, **other})  # type: ignore[arg-type]  # keywords by name


def test_scores_are_hand_made_numbers_per_level_and_class() -> None:
    frame = scored()
    leaves = {"level_name": "leaf", "candidate": "ours"}
    everything = {**leaves, "demand_class": "all"}
    assert value(frame, metric="wape", **everything) == pytest.approx((1 + 1 + 0 + 2 + 1 + 1) / 24)
    assert value(frame, metric="bias", **everything) == pytest.approx((1 - 1 + 0 + 2 + 1 - 1) / 24)
    # a moves by 2 each day from its first sale on; b never moves and is left out; c has one day alone.
    assert value(frame, metric="rmsse", **everything) == pytest.approx(0.5)
    assert value(frame, metric="wape", **{**leaves, "demand_class": "lumpy"}) == pytest.approx(1.0)
    assert value(frame, metric="wape", **{**leaves, "demand_class": "smooth"}) == pytest.approx(
        4 / 22
    )
    assert set(frame["demand_class"]) == {"all", "smooth", "lumpy"}
    assert value(frame, metric="wape", level=1, candidate="theirs", demand_class="all") == 0.0
    assert np.isnan(value(frame, metric="coverage_80", **everything))
    assert np.isnan(value(frame, metric="pinball", **everything))


def test_wrmsse_weighs_nodes_by_what_they_sold() -> None:
    history = HIERARCHY.sum_leaves(np.array([[1.0, 3] * 14, [4.0, 2] * 14, [0.0] * 28]))
    frame = scored(history=history)
    errors = np.sqrt([1.0, 2.0]) / 2
    keys = {"level": 1, "candidate": "ours", "demand_class": "all"}
    assert value(frame, metric="rmsse", **keys) == pytest.approx(errors.mean())
    assert value(frame, metric="wrmsse", **keys) == pytest.approx((errors * [56, 84]).sum() / 140)
    by_value = scored(history=history, weight=np.array([9.0, 9.0, 0.0, 0.0]))
    assert value(by_value, metric="wrmsse", **keys) == pytest.approx(errors[0])


def test_intervals_are_scored_where_they_are_given() -> None:
    edges = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
    offsets = np.interp(QUANTILES, edges, [-3.0, -2.0, -0.5, 0.0, 0.5, 2.0, 3.0])
    frame = scored(quantiles={"ours": MEAN[:, :, None] + offsets})
    keys = {"level": 1, "candidate": "ours", "demand_class": "all"}
    assert value(frame, metric="coverage_50", **keys) == pytest.approx(1 / 6)
    assert value(frame, metric="coverage_80", **keys) == 1.0
    # Of a alone: each quantile's loss over the naive error of 2.
    errors = np.array([2.0, 4.0])[:, None] - (3.0 + offsets)[None, :]
    p = np.array(QUANTILES)
    loss = np.maximum(p * errors, (p - 1) * errors).mean() / 2
    assert value(frame, metric="pinball", **keys) == pytest.approx(loss)
    assert np.isnan(
        value(frame, metric="coverage_80", level=1, candidate="theirs", demand_class="all")
    )


def test_a_candidate_is_scored_on_the_nodes_that_it_has() -> None:
    partly = MEAN.copy()
    partly[2:] = np.nan
    frame = scored(forecasts={"partly": partly})
    keys = {"level": 1, "candidate": "partly", "demand_class": "all"}
    assert value(frame, metric="wape", **keys) == pytest.approx(2 / 6)
    assert np.isnan(value(frame, metric="wape", **{**keys, "demand_class": "lumpy"}))


def test_chunks_of_nodes_give_the_same_losses(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = node_losses(ACTUAL, {"ours": MEAN}, HISTORY, {})
    monkeypatch.setattr(module, "NODES_A_CHUNK", 3)
    parts = node_losses(ACTUAL, {"ours": MEAN}, HISTORY, {})
    for name in ("mae", "error", "rmsse", "mase"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_the_scale_is_the_one_that_rmsse_divides_by() -> None:
    rng = np.random.default_rng(0)
    history = rng.poisson(2.0, size=(5, 60)) * (np.arange(60) >= np.arange(0, 50, 10)[:, None])
    actual, mean = rng.gamma(2.0, size=(2, 5, 4))
    losses = node_losses(actual, {"a": mean}, history.astype(float), {})
    ours = np.sqrt(((mean - actual) ** 2).mean(axis=1)) / naive_scale(history.astype(float))
    np.testing.assert_allclose(losses.rmsse[:, 0], ours)


def test_value_added_is_the_share_of_the_naive_error_that_is_saved() -> None:
    frame = pd.DataFrame(
        {
            "level": 0,
            "level_name": "total",
            "demand_class": "all",
            "candidate": ["naive", "ours", "naive", "ours"],
            "metric": "wape",
            "value": [0.4, 0.1, 0.2, 0.2],
        }
    )
    added = value_added(frame, naive="naive")
    assert added.set_index("candidate")["value"].to_dict() == pytest.approx(
        {"naive": 0, "ours": 0.5}
    )
    none = value_added(frame.assign(value=0.0), naive="naive")
    assert none["value"].isna().all()
