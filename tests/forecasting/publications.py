"""Small publications for tests: a shop with two products, with components, sample paths and a backtest."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecasting.publishing.publish import Publication
from forecasting.structure.hierarchy import build_hierarchy

LEVELS = ("total", "location", "location / product")


def publication(**other: object) -> Publication:
    hierarchy = build_hierarchy(
        [[], ["location"], ["location", "product"]],
        pd.DataFrame({"location": ["S1", "S1"], "product": ['P,"1"', "P2"]}),
    )
    history = hierarchy.sum_leaves(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]))
    mean = hierarchy.sum_leaves(np.array([[1.5, 2.5], [0.0, 1.0]]))
    fields: dict[str, object] = {
        "hierarchy": hierarchy,
        "days": pd.date_range("2025-01-01", periods=3),
        "history": history,
        "mean": mean,
        "quantiles": mean[:, :, None] + np.linspace(0.0, 6.0, 13),
        "warnings": [None, None, None, "constant"],
        "errors": pd.DataFrame(
            {
                "level": [0, 1],
                "level_name": ["total", "location"],
                "model": "prophet",
                "metric": "wape",
                "value": [0.25, float("nan")],
            }
        ),
        "names": {"location": {"S1": "Harbour"}, "product": {"P2": "Milk · 1 l"}},
        "method": "BU",
        "lake_version": 7,
        "mlflow_run_id": None,
        "detail": {"nodes": 4},
    }
    return Publication(**{**fields, **other})  # type: ignore[arg-type]  # fields by name


def scores_of(
    errors: Mapping[str, float], *, origins: Sequence[str] = ("2024-12-01",)
) -> pd.DataFrame:
    """A backtest in which every candidate has the same RMSSE at every level and origin."""
    rows: list[dict[str, Any]] = [
        {
            "origin": origin,
            "level": level,
            "level_name": name,
            "demand_class": "all",
            "candidate": candidate,
            "metric": "rmsse",
            "value": value,
        }
        for origin in origins
        for level, name in enumerate(LEVELS)
        for candidate, value in errors.items()
    ]
    return pd.DataFrame(rows)


def with_parts(**other: object) -> Publication:
    """The same with components (a year back would be 365 days, here 2) and 3 sample paths."""
    plain = publication()
    n, h = plain.mean.shape
    days = pd.date_range("2025-01-02", periods=2 + h)
    trend = np.concatenate([np.ones((n, 2)), plain.mean - 0.25], axis=1)
    paths = plain.hierarchy.sum_leaves(np.arange(12.0).reshape(2, 6)).reshape(n, 3, h)
    fields: dict[str, object] = {
        "components": {"trend": trend, "weekly": np.full((n, 2 + h), 0.25), "none": 0 * trend},
        "component_days": days,
        "paths": paths,
        "scores": scores_of({"chosen": 0.8, "prophet_additive_WLSS": 0.8, "seasonal_naive": 1.0}),
        "choice": {"winner": "prophet_additive_WLSS", "margin": 0.05},
        **other,
    }
    return publication(**fields)
