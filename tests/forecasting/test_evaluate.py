import numpy as np
import pandas as pd
import pytest

from forecasting.choosing.evaluate import evaluate
from forecasting.choosing.scores import seasonal_naive
from forecasting.intervals.probabilities import QUANTILES
from forecasting.structure.hierarchy import build_hierarchy

HIERARCHY = build_hierarchy([[], ["leaf"]], pd.DataFrame({"leaf": ["a", "b"]}))


def score(errors: pd.DataFrame, level: str, model: str, metric: str) -> float:
    row = errors[
        (errors["level_name"] == level) & (errors["model"] == model) & (errors["metric"] == metric)
    ]
    assert len(row) == 1
    return float(row["value"].iloc[0])


def test_evaluate_gives_hand_made_numbers() -> None:
    history = HIERARCHY.sum_leaves(np.array([[1.0, 2, 3, 4, 5, 6, 7, 8], [0.0] * 8]))
    actual = HIERARCHY.sum_leaves(np.array([[4.0, 6.0], [0.0, 0.0]]))
    mean = HIERARCHY.sum_leaves(np.array([[5.0, 9.0], [1.0, 0.0]]))
    edges = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
    offsets = np.interp(QUANTILES, edges, [-3.0, -1.5, -1, 0, 1, 1.5, 3])
    errors = evaluate(
        HIERARCHY,
        actual=actual,
        mean=mean,
        quantiles=mean[:, :, None] + offsets,
        history=history,
    )
    # The total is off by 2 and 3 of 10; leaf a by 1 and 3, leaf b by 1 and 0, of 10 together.
    assert score(errors, "total", "prophet", "wape") == pytest.approx(0.5)
    assert score(errors, "leaf", "prophet", "wape") == pytest.approx(0.5)
    assert score(errors, "total", "prophet", "bias") == pytest.approx(0.5)
    # a changes by 1 each day; b never, and is left out.
    assert score(errors, "leaf", "prophet", "rmsse") == pytest.approx(np.sqrt((1 + 9) / 2))
    assert score(errors, "total", "prophet", "coverage_80") == pytest.approx(0.0)
    assert score(errors, "total", "prophet", "coverage_95") == pytest.approx(1.0)
    # Naive: the 2 and 3 of a week ago.
    assert score(errors, "total", "seasonal_naive", "wape") == pytest.approx(0.5)
    assert score(errors, "total", "seasonal_naive", "bias") == pytest.approx(-0.5)


def test_evaluate_is_undefined_and_not_infinite_when_nothing_was_sold() -> None:
    zeros = np.zeros((3, 4))
    errors = evaluate(
        HIERARCHY, actual=zeros, mean=zeros + 1, quantiles=np.ones((3, 4, 13)), history=zeros
    )
    undefined = errors[errors["metric"].isin(["wape", "bias", "rmsse"])]
    assert undefined["value"].isna().all()


def test_seasonal_naive_repeats_the_last_week() -> None:
    history = np.arange(20.0)[None, :]
    np.testing.assert_array_equal(
        seasonal_naive(history, 9)[0], [13, 14, 15, 16, 17, 18, 19, 13, 14]
    )
    np.testing.assert_array_equal(seasonal_naive(history[:, :2], 3)[0], [0, 1, 0])
