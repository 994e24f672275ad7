"""Choosing: which candidate a backtest speaks for.

The score of a candidate is the mean over origins of the mean over levels of its WRMSSE: every level counts alike, every
node by what it sells. The origins all lie before the period that is reported.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import scipy  # its stats take a second to load, and load when first named
from numpy.typing import NDArray

from forecasting.choosing.backtest import OriginResult
from forecasting.choosing.candidates import MIXTURE
from forecasting.choosing.scores import ALL_CLASSES, CHOSEN

Array = NDArray[np.float64]

METRIC = "wrmsse"
# Probability of choosing a candidate other than the mixture by chance.
LUCK_MAX = 0.05


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
    """Choice of what to forecast with.

    name: a candidate's. weights: by candidate, > 0, summing to 1. score: its mean error, None without a backtest.
    margin: share of the runner-up's error that it saves. winners: by level and class. origins: how many. learnt:
    settings that the data chose, by level (see `learnt_settings`).
    """

    name: str
    weights: Mapping[str, float]
    score: float | None
    runner_up: str | None
    margin: float | None
    winners: tuple[Winner, ...]
    origins: int
    learnt: tuple[Mapping[str, Any], ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """Return a JSON-able dict: winner, weights, score, runner_up, margin, origins, and levels (a dict each)."""
        return {
            "winner": self.name,
            # whole: the next run scores this choice by them, and the same one must not lose by rounding
            "weights": dict(self.weights),
            "score": self.score,
            "runner_up": self.runner_up,
            "margin": self.margin,
            "origins": self.origins,
            "levels": [vars(winner) for winner in self.winners],
            "learnt": [dict(row) for row in self.learnt],
        }


def untested(name: str) -> Choice:
    """Choose by name, where there is no past to test on."""
    return Choice(name, {name: 1.0}, None, None, None, (), 0)


def choose(results: Sequence[OriginResult]) -> tuple[Choice, pd.DataFrame]:
    """Choose a candidate by the backtest, oldest origin first.

    The mixture is taken unless another candidate was significantly better over the origins: of many candidates one is
    always best by chance. Returns the choice and all scores (columns origin and those of `score`),
    with rows under the name "chosen" for what was chosen.
    """
    assert results
    names = list(results[0].forecasts)
    scores = pd.concat([result.scores for result in results], ignore_index=True)
    totals = total_scores(scores)
    totals = totals[[name for name in totals.index if name in names]]
    if totals.empty:
        return untested(names[0]), scores
    name = _taken(scores, totals)
    others = totals.drop(name).sort_values()
    runner = str(others.index[0]) if len(others) else None
    choice = Choice(
        name=name,
        weights={name: 1.0},
        score=float(totals[name]),
        runner_up=runner,
        margin=_saved(float(totals[name]), np.nan if runner is None else float(totals[runner])),
        winners=winners(scores, names),
        origins=len(results),
    )
    chosen = scores[scores["candidate"] == name].assign(candidate=CHOSEN)
    return choice, pd.concat([scores, chosen], ignore_index=True)


def _taken(scores: pd.DataFrame, totals: pd.Series) -> str:
    best = str(totals.idxmin())
    if best == MIXTURE or MIXTURE not in totals.index:
        return best
    by_origin = _by_origin(scores)
    gain = (by_origin.loc[MIXTURE] - by_origin.loc[best]).to_numpy(dtype=np.float64)
    if gain.size < 2:
        return MIXTURE
    # Student's t over the origins, corrected for the number of candidates that might have won by chance (Bonferroni)
    sure = scipy.stats.t.ppf(1.0 - LUCK_MAX / (len(totals) - 1), gain.size - 1)
    error = gain.std(ddof=1) / np.sqrt(gain.size)
    return best if gain.mean() > sure * error else MIXTURE


def total_scores(scores: pd.DataFrame) -> pd.Series:
    """Average WRMSSE over levels, then over origins, by candidate; a candidate that misses a level is left out."""
    return _by_origin(scores).mean(axis=1).dropna()


def _by_origin(scores: pd.DataFrame) -> pd.DataFrame:
    """Average WRMSSE over levels: a row per candidate, a column per origin."""
    mine = scores[(scores["metric"] == METRIC) & (scores["demand_class"] == ALL_CLASSES)]
    defined = mine.groupby(["origin", "level"])["value"].transform(lambda of: of.notna().any())
    table = mine[defined].pivot_table(
        index="candidate", columns=["origin", "level"], values="value", dropna=False
    )
    return pd.DataFrame(
        table.T.groupby(level="origin").mean().T.where(table.notna().all(axis=1), axis=0)
    )


def winners(scores: pd.DataFrame, eligible: Sequence[str]) -> tuple[Winner, ...]:
    """Find the best of the eligible candidates in each level and demand class, by mean WRMSSE over the origins."""
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
