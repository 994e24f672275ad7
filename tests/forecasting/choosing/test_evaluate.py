import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from forecasting.choosing.evaluate import evaluate
from forecasting.choosing.node_losses import node_scales
from forecasting.choosing.scores import recent_weight
from forecasting.choosing.tables import Facts
from forecasting.intervals.probabilities import QUANTILES
from forecasting.nodes.lifecycle import no_starts
from forecasting.structure.hierarchy import build_hierarchy

Array = NDArray[np.float64]
HIERARCHY = build_hierarchy([[], ["leaf"]], pd.DataFrame({"leaf": ["a", "b"]}))


def score(errors: pd.DataFrame, level: str, model: str, metric: str) -> float:
    row = errors[
        (errors["level_name"] == level) & (errors["model"] == model) & (errors["metric"] == metric)
    ]
    assert len(row) == 1
    return float(row["value"].iloc[0])


def facts_of(history: Array, horizon: int) -> Facts:
    """Return the facts of an origin of which only the history matters."""
    n, m = HIERARCHY.n_nodes, HIERARCHY.n_leaves
    return Facts(
        open_ahead=np.ones((m, horizon), dtype=np.bool_),
        ended=np.zeros(m, dtype=np.bool_),
        starts=no_starts(np.zeros(m, dtype=np.int64), horizon),
        warnings=(None,) * n,
        classes=np.full(n, "smooth"),
        weight=recent_weight(history),
        scales=node_scales(history),
        change=np.ones(n),
        shares=np.full(m, 1 / m),
        moved=None,
        insample=None,
    )


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
        seasonal_naive=history[:, -7:-5],
        facts=facts_of(history, 2),
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
        HIERARCHY,
        actual=zeros,
        mean=zeros + 1,
        quantiles=np.ones((3, 4, len(QUANTILES))),
        seasonal_naive=zeros,
        facts=facts_of(zeros, 4),
    )
    undefined = errors[errors["metric"].isin(["wape", "bias", "rmsse"])]
    assert undefined["value"].isna().all()
