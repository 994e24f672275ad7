"""Backtest: what every candidate would have forecast at earlier origins, each left out of what it learnt."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.candidates import Answer
from forecasting.choosing.scores import score
from forecasting.choosing.tables import OriginTable
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OriginResult:
    """One origin. forecasts: (n, h) by candidate, coherent. scores: frame of `score` with a column origin."""

    table: OriginTable
    forecasts: Mapping[str, Array]
    scores: pd.DataFrame

    @property
    def cutoff(self) -> date:
        """Return the last period that was known."""
        return self.table.cutoff


def backtest(
    hierarchy: Hierarchy, tables: Sequence[OriginTable], answers: Mapping[str, Answer]
) -> list[OriginResult]:
    """Score every candidate's left-out forecasts at every origin, oldest first."""
    results = []
    for position, table in enumerate(tables):
        forecasts = {name: answer.left_out[position] for name, answer in answers.items()}
        results.append(OriginResult(table, forecasts, _scored(hierarchy, table, forecasts)))
    return results


def _scored(
    hierarchy: Hierarchy, table: OriginTable, forecasts: Mapping[str, Array]
) -> pd.DataFrame:
    scored = score(
        hierarchy,
        actual=table.actual,
        forecasts=forecasts,
        classes=table.facts.classes,
        weight=table.facts.weight,
        scales=table.facts.scales,
    )
    scored.insert(0, "origin", table.cutoff)
    return scored


def combine(forecasts: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
    """Weigh forecasts (n, h) together. weights: by candidate, >= 0, summing to 1."""
    named = [(weight, forecasts[name]) for name, weight in weights.items() if weight > 0]
    assert named
    return np.asarray(np.sum([weight * forecast for weight, forecast in named], axis=0))


def score_combination(
    hierarchy: Hierarchy, result: OriginResult, name: str, weights: Mapping[str, float]
) -> pd.DataFrame:
    """Score a combination at an origin as if it were a candidate of that name."""
    return _scored(hierarchy, result.table, {name: combine(result.forecasts, weights)})
