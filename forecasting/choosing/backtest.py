"""Backtest: the same candidates at several origins, each seeing its own past alone, beside what came after."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.candidates import Candidate, CandidateForecast
from forecasting.choosing.node_losses import SCALE_DAYS
from forecasting.choosing.scores import score
from forecasting.intervals.stretch import HeldOut
from forecasting.nodes.origin import Origin
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class OriginResult:
    """What the candidates forecast at one origin, and what came.

    actual: (n, h). forecasts: by candidate. scale: (n,) of rmsse, NaN where constant. weight, classes: (n,). scores:
    frame of `score` with a column origin, the cutoff.
    """

    cutoff: date
    actual: Array
    forecasts: Mapping[str, CandidateForecast]
    scale: Array
    weight: Array
    classes: NDArray[np.str_]
    scores: pd.DataFrame

    def held_out(self, weights: Mapping[str, float]) -> HeldOut:
        """Take the combined forecast beside what came, to learn the width of intervals."""
        combined = combine(self.forecasts, weights)
        return HeldOut(actual=self.actual, mean=combined.mean, shape=combined.shape)


def backtest(origin: Origin, actual: Array, candidates: Sequence[Candidate]) -> OriginResult:
    """Forecast one origin by every candidate and score it. actual: (n, all days), from the same first day."""
    T = origin.days.size
    came = actual[:, T : T + origin.horizon]
    assert came.shape == (origin.hierarchy.n_nodes, origin.horizon)
    forecasts = {candidate.name: candidate.forecast(origin) for candidate in candidates}
    return OriginResult(
        cutoff=origin.cutoff,
        actual=came,
        forecasts=forecasts,
        scale=naive_scale(origin.history),
        weight=origin.weight,
        classes=origin.classes,
        scores=_scored(origin, came, forecasts),
    )


def _scored(
    origin: Origin, came: Array, forecasts: Mapping[str, CandidateForecast]
) -> pd.DataFrame:
    scored = score(
        origin.hierarchy,
        actual=came,
        forecasts={name: forecast.mean for name, forecast in forecasts.items()},
        history=origin.history,
        classes=origin.classes,
        weight=origin.weight,
    )
    scored.insert(0, "origin", origin.cutoff)
    return scored


def naive_scale(history: Array) -> Array:
    """Root mean squared daily change from the first sale on, (n,), RMSSE's scale; NaN where constant."""
    recent = history[:, -SCALE_DAYS:]
    started = np.maximum.accumulate(recent > 0, axis=1)[:, :-1]
    squared = np.where(started, np.diff(recent, axis=1) ** 2, 0.0).sum(axis=1)
    days = started.sum(axis=1)
    return np.where(squared > 0, np.sqrt(squared / np.maximum(days, 1)), np.nan)


def combine(
    forecasts: Mapping[str, CandidateForecast], weights: Mapping[str, float]
) -> CandidateForecast:
    """Weigh forecasts together; coherent if all are. Warnings are those of the heaviest that has any.

    weights: by candidate, >= 0, summing to 1.
    """
    named = [(weight, forecasts[name]) for name, weight in weights.items() if weight > 0]
    assert named
    n = named[0][1].mean.shape[0]
    heaviest = sorted(named, key=lambda pair: -pair[0])
    warned = (forecast.warnings for _, forecast in heaviest if any(forecast.warnings))
    return CandidateForecast(
        mean=np.sum([weight * forecast.mean for weight, forecast in named], axis=0),
        shape=np.sum([weight * forecast.shape for weight, forecast in named], axis=0),
        warnings=next(warned, (None,) * n),
        coherent=all(forecast.coherent for _, forecast in named),
    )


def score_combination(
    hierarchy: Hierarchy,
    result: OriginResult,
    history: Array,
    name: str,
    weights: Mapping[str, float],
) -> pd.DataFrame:
    """Score a combination at an origin as if it were a candidate of that name. history: (n, T) before the origin."""
    scored = score(
        hierarchy,
        actual=result.actual,
        forecasts={name: combine(result.forecasts, weights).mean},
        history=history,
        classes=result.classes,
        weight=result.weight,
    )
    scored.insert(0, "origin", result.cutoff)
    return scored
