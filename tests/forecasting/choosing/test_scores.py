import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasting.choosing import node_losses as module
from forecasting.choosing.node_losses import WIDTHS, node_losses, node_scales
from forecasting.choosing.scores import score, value_added
from forecasting.intervals.probabilities import QUANTILES
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.libraries import library

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


def test_blocks_of_nodes_give_the_same_scales(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = node_scales(HISTORY)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 3)
    parts = node_scales(HISTORY)
    for name in ("squared", "absolute", "seasonal"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), season=st.sampled_from([1, 4, 7]), h=st.integers(1, 9))
def test_losses_are_those_of_utilsforecast(seed: int, season: int, h: int) -> None:
    losses = library("utilsforecast.losses")
    rng = np.random.default_rng(seed)
    history = rng.gamma(2.0, 3.0, (5, 40)) + 0.1
    actual, mean = rng.gamma(2.0, 3.0, (2, 5, h))
    spread = np.sort(rng.normal(size=len(QUANTILES))) * 3
    placed = mean[:, :, None] + spread
    found = node_losses(
        actual, {"ours": mean}, node_scales(history, season=season), {"ours": placed}
    )

    def long(values: np.ndarray, **columns: np.ndarray) -> pd.DataFrame:
        n, T = values.shape
        frame = {"unique_id": np.repeat(np.arange(n), T), "ds": np.tile(np.arange(T), n)}
        return pd.DataFrame({**frame, "y": values.ravel(), **columns})

    past = long(history)
    came = long(actual, ours=mean.ravel())
    assert found.names == ("ours",)
    for name, wanted in {
        "mae": losses.mae(came, ["ours"]),
        "rmsse": losses.rmsse(came, ["ours"], seasonality=1, train_df=past),
        "mase": losses.mase(came, ["ours"], seasonality=season, train_df=past),
    }.items():
        np.testing.assert_allclose(getattr(found, name)[:, 0], wanted["ours"], err_msg=name)
    np.testing.assert_allclose(found.error[:, 0], losses.bias(came, ["ours"])["ours"])
    pinball = [
        losses.quantile_loss(came.assign(ours=placed[:, :, at].ravel()), {"ours": "ours"}, q=p)[
            "ours"
        ]
        for at, p in enumerate(QUANTILES)
    ]
    scale = np.abs(np.diff(history, axis=1)).mean(axis=1)
    np.testing.assert_allclose(found.pinball[:, 0], np.mean(pinball, axis=0) / scale)
    for width in WIDTHS:
        low, high = (QUANTILES.index(round(0.5 + side * width / 200, 3)) for side in (-1, 1))
        bounds = {
            f"ours-lo-{width}": placed[:, :, low].ravel(),
            f"ours-hi-{width}": placed[:, :, high].ravel(),
        }
        wanted = losses.coverage(came.assign(**bounds), ["ours"], level=width)["ours"]
        np.testing.assert_allclose(found.coverage[width][:, 0], wanted)


def test_periods_that_are_not_known_count_for_nothing() -> None:
    rng = np.random.default_rng(3)
    actual, mean = rng.gamma(2.0, 3.0, (2, 4, 6))
    placed = {"a": mean[:, :, None] + np.linspace(-3, 3, len(QUANTILES))}
    scales = node_scales(rng.gamma(2.0, 3.0, (4, 30)))
    short = node_losses(actual[:, :4], {"a": mean[:, :4]}, scales, {"a": placed["a"][:, :4]})
    told = np.where(np.arange(6) < 4, actual, np.nan)
    found = node_losses(told, {"a": mean}, scales, placed)
    for name in ("mae", "error", "rmsse", "mase", "pinball"):
        np.testing.assert_allclose(getattr(found, name), getattr(short, name))
    for width in WIDTHS:
        np.testing.assert_allclose(found.coverage[width], short.coverage[width])
    nothing = node_losses(np.full((4, 6), np.nan), {"a": mean}, scales, placed)
    assert np.isnan(nothing.mae).all()


def test_a_scale_begins_at_the_first_sale_and_looks_at_the_last_periods() -> None:
    rng = np.random.default_rng(0)
    history = rng.poisson(2.0, size=(5, 60)) * (np.arange(60) >= np.arange(0, 50, 10)[:, None])
    found = node_scales(history.astype(float), periods=40)
    for node, sold in enumerate(history[:, -40:].astype(float)):
        change = np.diff(sold[np.argmax(sold > 0) :])
        assert found.squared[node] == pytest.approx(np.sqrt((change**2).mean()))
        assert found.absolute[node] == pytest.approx(np.abs(change).mean())
    assert np.isnan(node_scales(np.full((1, 9), 4.0)).squared).all()


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
