"""Choosing: which candidate, or which mixture of them, a backtest speaks for.

The score of a candidate is the mean over origins of the mean over levels of its WRMSSE: every level counts alike, every
node by what it sells. The origins all lie before the period that is reported.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.backtest import OriginResult, score_combination
from forecasting.choosing.baselines import BASELINES
from forecasting.choosing.mixture import learn_weights
from forecasting.choosing.scores import ALL_CLASSES
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]

COMBINATION, CHOSEN = "combination", "chosen"
METRIC = "wrmsse"


@dataclass(frozen=True)
class Winner:
    """The best candidate of one level and demand class. margin: share of the runner-up's error that it saves."""

    level: int
    level_name: str
    demand_class: str
    candidate: str
    value: float
    runner_up: str | None
    margin: float | None


@dataclass(frozen=True)
class Choice:
    """What to forecast with.

    name: a candidate's, or "combination". weights: by candidate, > 0, summing to 1. score: its mean error, None without
    a backtest. margin: share of the runner-up's error that it saves. winners: by level and class. origins: how many.
    """

    name: str
    weights: Mapping[str, float]
    score: float | None
    runner_up: str | None
    margin: float | None
    winners: tuple[Winner, ...]
    origins: int

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON takes it: winner, weights, score, runner_up, margin, origins, and levels (a dict each)."""
        return {
            "winner": self.name,
            # whole: the next run scores this choice by them, and the same one must not lose by rounding
            "weights": dict(self.weights),
            "score": self.score,
            "runner_up": self.runner_up,
            "margin": self.margin,
            "origins": self.origins,
            "levels": [vars(winner) for winner in self.winners],
        }


def untested(name: str) -> Choice:
    """Choose by name, where there is no past to test on."""
    return Choice(name, {name: 1.0}, None, None, None, (), 0)


def choose(
    hierarchy: Hierarchy, results: Sequence[OriginResult], histories: Sequence[Array]
) -> tuple[Choice, pd.DataFrame]:
    """Choose a candidate or a combination by the backtest, oldest origin first.

    histories: (n, T) before each origin. A combination is taken only where it wins with weights that were learnt on
    earlier origins than the one it is scored on. Returns the choice and all scores (columns origin and those of
    `score`), with rows for the combination and, under the name "chosen", for what was chosen.
    """
    assert results
    scores = pd.concat([result.scores for result in results], ignore_index=True)
    eligible = _eligible(results)
    totals = total_scores(scores)
    totals = totals[[name for name in totals.index if name in eligible]]
    if totals.empty:
        return untested(eligible[0]), scores
    single = str(totals.idxmin())
    parts, learnt = _combined(hierarchy, results, histories, eligible)
    if parts:
        scores = pd.concat([scores, *parts], ignore_index=True)
    later = [result.cutoff for result in results[1:]]
    wins = bool(learnt) and _mean_at(scores, COMBINATION, later) < _mean_at(scores, single, later)
    name = COMBINATION if wins else single
    ranked = totals.sort_values()
    runner: str | None = single if wins else _second(ranked)
    # What a combination learnt is tested on the later origins alone, and so is what it is compared with.
    where = later if wins else [result.cutoff for result in results]
    score = _mean_at(scores, name, where)
    beside = np.nan if runner is None else _mean_at(scores, runner, where)
    choice = Choice(
        name=name,
        weights=learnt if wins else {single: 1.0},
        score=score,
        runner_up=runner,
        margin=_saved(score, beside),
        winners=winners(scores, eligible),
        origins=len(results),
    )
    chosen = scores[scores["candidate"] == name].assign(candidate=CHOSEN)
    return choice, pd.concat([scores, chosen], ignore_index=True)


def total_scores(scores: pd.DataFrame) -> pd.Series:
    """Mean over origins of the mean over levels of WRMSSE, by candidate; those that miss a level have none."""
    mine = scores[(scores["metric"] == METRIC) & (scores["demand_class"] == ALL_CLASSES)]
    defined = mine.groupby(["origin", "level"])["value"].transform(lambda of: of.notna().any())
    table = mine[defined].pivot_table(
        index="candidate", columns=["origin", "level"], values="value", dropna=False
    )
    by_origin = table.T.groupby(level="origin").mean().T.where(table.notna().all(axis=1))
    return by_origin.mean(axis=1).dropna()


def winners(scores: pd.DataFrame, eligible: Sequence[str]) -> tuple[Winner, ...]:
    """Name the best of the eligible candidates in each level and demand class, by mean WRMSSE over the origins."""
    mine = scores[(scores["metric"] == METRIC) & scores["candidate"].isin(eligible)]
    found = []
    for key, of in mine.groupby(["level", "level_name", "demand_class"], sort=False):
        level, level_name, demand_class = map(str, key)
        ranked = of.groupby("candidate")["value"].mean().dropna().sort_values(kind="stable")
        if ranked.empty:
            continue
        best, second = float(ranked.iloc[0]), _second(ranked)
        beside = np.nan if second is None else float(ranked[second])
        found.append(
            Winner(
                int(level),
                level_name,
                demand_class,
                str(ranked.index[0]),
                best,
                second,
                _saved(best, beside),
            )
        )
    return tuple(found)


def _second(ranked: pd.Series) -> str | None:
    return str(ranked.index[1]) if len(ranked) > 1 else None


def _saved(value: float, beside: float) -> float | None:
    return float(1 - value / beside) if np.isfinite(beside) and beside > 0 else None


def _eligible(results: Sequence[OriginResult]) -> list[str]:
    """List the candidates that could be published: coherent, and of all nodes, at every origin."""
    return [
        name
        for name in results[0].forecasts
        if all(
            result.forecasts[name].coherent and np.isfinite(result.forecasts[name].mean).all()
            for result in results
        )
    ]


def _combined(
    hierarchy: Hierarchy,
    results: Sequence[OriginResult],
    histories: Sequence[Array],
    eligible: Sequence[str],
) -> tuple[list[pd.DataFrame], dict[str, float]]:
    """Score combinations whose weights were learnt on earlier origins, and learn weights on all of them.

    At the first origin nothing is learnt yet: Prophet's candidates count alike.
    """
    members = [name for name in eligible if name not in BASELINES] or list(eligible)
    if len(eligible) < 2 or len(results) < 2:
        return [], {}
    level = hierarchy.nodes["level"].to_numpy()
    parts = []
    for position, (result, history) in enumerate(zip(results, histories, strict=True)):
        weights = (
            learn_weights(results[:position], eligible, level)
            if position
            else dict.fromkeys(members, 1 / len(members))
        )
        parts.append(score_combination(hierarchy, result, history, COMBINATION, weights))
    return parts, learn_weights(results, eligible, level)


def _mean_at(scores: pd.DataFrame, name: str, cutoffs: Sequence[object]) -> float:
    total = total_scores(scores[(scores["candidate"] == name) & scores["origin"].isin(cutoffs)])
    return float(total.get(name, np.nan))
